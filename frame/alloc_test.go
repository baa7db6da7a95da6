package frame

import (
	"bytes"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/smartsocket/smartsocket/pool"
)

func TestParserIsSmall(t *testing.T) {
	if n := unsafe.Sizeof(Parser{}); n > 64 {
		t.Fatalf("a Parser is %d bytes, more than 64 for each connection", n)
	}
}

// wantNoAllocs checks that f does not allocate, apart from its first runs, which may set up pools.
func wantNoAllocs(t *testing.T, name string, f func()) {
	t.Helper()
	if !exactAllocs {
		return
	}
	for range 10 {
		f()
	}
	if n := testing.AllocsPerRun(200, f); n != 0 {
		t.Errorf("%s: %v allocations", name, n)
	}
}

func TestNoAllocations(t *testing.T) {
	for _, s := range []side{{false}, {true}} {
		cfg := &Config{Client: s.client, Deflate: true, MaxMessage: 1 << 20}
		var ps Parser
		for _, c := range []struct {
			name string
			in   []byte
			cuts []int
		}{
			{"20 bytes of text", s.frame(finText, strings.Repeat("t", 20)), nil},
			{"20 bytes of text, not ASCII", s.frame(finText, strings.Repeat("é", 10)), nil},
			{"512 bytes", s.frame(finBin, strings.Repeat("b", 512)), nil},
			{"16 KiB of text", s.frame(finText, strings.Repeat("t", 16<<10)), nil},
			{"compressed", s.frame(0xc1, "x"), nil},
			{"ping", s.frame(finPing, "x"), nil},
			{"burst", bytes.Repeat(s.frame(finText, "burst"), 16), nil},
			{"split header", s.frame(finText, strings.Repeat("t", 200)), []int{1, 2, 3}},
			{"split payload", s.frame(finText, strings.Repeat("t", 200)), []int{50, 100}},
			{"split payload of 16 KiB", s.frame(finBin, strings.Repeat("t", 16<<10)),
				[]int{8000, 9000}},
			{"split ping between fragments",
				slices.Concat(s.frame(1, "ab"), s.frame(finPing, "ping"), s.frame(finCont, "cd")),
				[]int{5, 7, 9}},
		} {
			work := make([]byte, len(c.in))
			wantNoAllocs(t, c.name, func() {
				copy(work, c.in)
				from := 0
				for i := range len(c.cuts) + 1 {
					to := len(work)
					if i < len(c.cuts) {
						to = c.cuts[i]
					}
					for p, ok := work[from:to], true; ok; {
						var err error
						if _, p, ok, err = ps.Feed(cfg, p); err != nil {
							panic(err)
						}
					}
					from = to
				}
			})
		}
	}
}

func TestBuildersDoNotAllocate(t *testing.T) {
	payload := bytes.Repeat([]byte("p"), 600)
	dst := make([]byte, 0, 4096)
	wantNoAllocs(t, "AppendFrame", func() { AppendFrame(dst, Text, payload) })
	wantNoAllocs(t, "AppendMaskedFrame", func() {
		AppendMaskedFrame(dst, Text, false, payload, testKey)
	})
	wantNoAllocs(t, "AppendCloseBody", func() { AppendCloseBody(dst, CloseGoingAway, "bye") })
	wantNoAllocs(t, "ParseCloseBody", func() { ParseCloseBody([]byte("\x03\xe8bye")) })
	wantNoAllocs(t, "Prepare", func() { Prepare(Text, payload).Release() })
	wantNoAllocs(t, "PrepareDeflated", func() {
		s, _ := PrepareDeflated(Text, payload, 1)
		s.Release()
	})
	s, err := PrepareDeflated(Text, payload, 6)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Release()
	m := Message{Op: Text, Payload: s.Bytes()[2:], Compressed: true}
	wantNoAllocs(t, "InflateMessage", func() {
		b, _ := InflateMessage(m, 1<<20)
		pool.PutUnsized(b)
	})
	head := []byte(goodRequest)
	wantNoAllocs(t, "handshake", func() {
		n, _, _ := ScanHead(head, 0)
		r, err := ParseRequest(head[:n])
		if err != nil {
			panic(err)
		}
		answer, _ := NegotiateDeflate(r.Extensions)
		AppendResponse(dst, &r, "smartsocket.v1", answer)
	})
}

// A header that announces a megabyte costs nothing until the megabyte comes.
func TestAnnouncedLengthAllocatesNothing(t *testing.T) {
	if !exactAllocs {
		t.Skip("the race detector and the poisoned pool allocate themselves")
	}
	const count = 10000
	cfg := &Config{MaxMessage: 1 << 20}
	header := side{}.long(finBin, 1<<20)
	parsers := make([]Parser, count)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range parsers {
		if _, _, ok, err := parsers[i].Feed(cfg, header); ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	runtime.ReadMemStats(&after)
	if n := (after.TotalAlloc - before.TotalAlloc) / count; n >= 64 {
		t.Fatalf("%d bytes allocated for each announced megabyte", n)
	}
}

// The memory held follows the bytes that came: at most twice as much, and at least the smallest
// buffer.
func TestBufferFollowsReceivedBytes(t *testing.T) {
	cfg := &Config{MaxMessage: 1 << 20}
	var ps Parser
	defer ps.Reset()
	ps.Feed(cfg, side{}.long(finBin, 1<<20))
	for got := 1; got < 100000; got++ {
		ps.Feed(cfg, []byte{1})
		if n := cap(ps.msg.B); n > 4*got+4096 || ps.Buffered() != got {
			t.Fatalf("%d bytes received, %d held, room for %d", got, ps.Buffered(), n)
		}
	}
}

// Bytes that others left in pooled buffers must not show in what we send or hand out.
func TestPoisonedPoolDoesNotLeak(t *testing.T) {
	poison := func() {
		var held []*pool.Buffer
		for n := 16; n <= 1<<17; n *= 2 {
			for range 4 {
				b := pool.Get(n)
				b.B = b.B[:cap(b.B)]
				for i := range b.B {
					b.B[i] = 0xa5
				}
				held = append(held, b)
			}
		}
		for _, b := range held {
			pool.Put(b)
		}
	}
	for _, s := range []side{{false}, {true}} {
		in := slices.Concat(s.frame(1, "ab"), s.frame(finPing, "ping"), s.frame(0, ""),
			s.frame(finPong, ""), s.frame(finCont, "cd"), s.frame(finStop, "\x03\xe8bye"))
		want := []event{ping("ping"), {Pong, "", false}, text("abcd"),
			{Close, "\x03\xe8bye", false}}
		for cut := range len(in) {
			poison()
			events, code, _ := feed(t, &Config{Client: s.client}, in, cut)
			if code != 0 || !slices.Equal(events, want) {
				t.Fatalf("cut at %d: %v %d", cut, events, code)
			}
		}
	}
	poison()
	b := pool.Get(125)
	defer pool.Put(b)
	b.B = AppendFrame(b.B, Close, AppendCloseBody(nil, CloseNormal, "ok"))
	if string(b.B) != "\x88\x04\x03\xe8ok" {
		t.Fatalf("close frame %q", b.B)
	}
	poison()
	shared := Prepare(Pong, []byte("payload"))
	defer shared.Release()
	if string(shared.Bytes()) != "\x8a\x07payload" {
		t.Fatalf("pong frame %q", shared.Bytes())
	}
	poison()
	for _, payload := range []string{"", strings.Repeat("abcd", 100)} {
		d, err := PrepareDeflated(Text, []byte(payload), 6)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(d.Bytes(), []byte{0xa5, 0xa5}) {
			t.Fatalf("prepared frame %q", d.Bytes())
		}
		d.Release()
	}
}
