package frame

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/smartsocket/smartsocket/pool"
)

// The examples of RFC 6455 section 5.7, byte for byte.
func TestExamplesOfTheRFC(t *testing.T) {
	big := bytes.Repeat([]byte{7}, 65536)
	for _, c := range []struct {
		name      string
		got, want []byte
	}{
		{"text", AppendFrame(nil, Text, []byte("Hello")), []byte("\x81\x05Hello")},
		{"masked", AppendMaskedFrame(nil, Text, false, []byte("Hello"), testKey),
			[]byte("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58")},
		{"first fragment", append(AppendHeader(nil, Text, false, false, 3), "Hel"...),
			[]byte("\x01\x03Hel")},
		{"last fragment", append(AppendHeader(nil, Continuation, true, false, 2), "lo"...),
			[]byte("\x80\x02lo")},
		{"ping", AppendFrame(nil, Ping, []byte("Hello")), []byte("\x89\x05Hello")},
		{"masked pong", AppendMaskedFrame(nil, Pong, false, []byte("Hello"), testKey),
			[]byte("\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58")},
		{"256 bytes", AppendHeader(nil, Binary, true, false, 256), []byte("\x82\x7e\x01\x00")},
		{"64 KiB", AppendFrame(nil, Binary, big),
			append([]byte("\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"), big...)},
		{"compressed", AppendHeader(nil, Text, true, true, 7), []byte("\xc1\x07")},
		{"behind a prefix", AppendFrame([]byte("pre"), Text, nil), []byte("pre\x81\x00")},
	} {
		if !bytes.Equal(c.got, c.want) {
			t.Errorf("%s: %.40x, want %.40x", c.name, c.got, c.want)
		}
	}
}

func TestPrepare(t *testing.T) {
	for _, n := range []int{0, 5, 125, 126, 65535, 65536} {
		payload := bytes.Repeat([]byte("x"), n)
		s := Prepare(Text, payload)
		if !bytes.Equal(s.Bytes(), AppendFrame(nil, Text, payload)) {
			t.Errorf("%d bytes: not one frame", n)
		}
		s.Release()
	}
}

func TestPrepareDeflatedInflates(t *testing.T) {
	noise := make([]byte, 5000)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	cfg := &Config{Client: true, Deflate: true}
	for _, c := range []struct {
		payload    []byte
		compressed bool
	}{
		{nil, false},
		{[]byte("short"), false},
		{noise, false},
		{bytes.Repeat([]byte(`{"x":1,"y":2}`), 20), true},
		{bytes.Repeat([]byte("state of the game; "), 5000), true},
		{append(slices.Clone(noise), bytes.Repeat(noise, 30)...), true},
	} {
		for _, level := range []int{1, 6} {
			s, err := PrepareDeflated(Binary, c.payload, level)
			if err != nil {
				t.Fatal(err)
			}
			var ps Parser
			m, rest, ok, err := ps.Feed(cfg, slices.Clone(s.Bytes()))
			s.Release()
			if err != nil || !ok || len(rest) > 0 || m.Compressed != c.compressed {
				t.Fatalf("%d bytes: ok=%v compressed=%v %v", len(c.payload), ok, m.Compressed, err)
			}
			got := m.Payload
			if m.Compressed {
				b, err := InflateMessage(m, len(c.payload))
				if err != nil {
					t.Fatal(err)
				}
				got = b.B
			}
			if !bytes.Equal(got, c.payload) {
				t.Fatalf("%d bytes at level %d do not come back", len(c.payload), level)
			}
		}
	}
}

// The examples of RFC 7692 section 7.2.3, and input that must not pass.
func TestInflateMessage(t *testing.T) {
	bomb, err := PrepareDeflated(Binary, make([]byte, 4<<20), 9)
	if err != nil {
		t.Fatal(err)
	}
	body := bomb.Bytes()[4:]
	for _, c := range []struct {
		name    string
		op      Opcode
		payload string
		limit   int
		want    string
		code    CloseCode
	}{
		{"one block", Text, "\xf2\x48\xcd\xc9\xc9\x07\x00", 5, "Hello", 0},
		{"no compression", Text, "\x00\x05\x00\xfa\xffHello\x00", 5, "Hello", 0},
		{"final block", Text, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 5, "Hello", 0},
		{"two blocks", Text, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 5, "Hello", 0},
		{"empty", Text, "\x00", 0, "", 0},
		{"over the limit by one", Text, "\xf2\x48\xcd\xc9\xc9\x07\x00", 4, "", CloseTooBig},
		{"bomb", Binary, string(body), 1 << 20, "", CloseTooBig},
		{"no deflate", Binary, "\xff\xff\xff", 100, "", CloseInvalidPayload},
		{"cut", Binary, string(body[:100]), 4 << 20, "", CloseInvalidPayload},
		{"bad text", Text, "\x00\x02\x00\xfd\xff\xc3(\x00", 100, "", CloseInvalidPayload},
		{"the same as binary", Binary, "\x00\x02\x00\xfd\xff\xc3(\x00", 100, "\xc3(", 0},
		{"incomplete text", Text, "\x00\x01\x00\xfe\xff\xc3\x00", 100, "", CloseInvalidPayload},
	} {
		b, err := InflateMessage(Message{Op: c.op, Payload: []byte(c.payload), Compressed: true},
			c.limit)
		if c.code != 0 {
			if e, ok := err.(*Error); !ok || e.Code != c.code || b != (pool.Unsized{}) {
				t.Errorf("%s: %v, want %d", c.name, err, c.code)
			}
			continue
		}
		if err != nil || string(b.B) != c.want {
			t.Errorf("%s: %v %v", c.name, b, err)
		}
	}
}

func TestMask(t *testing.T) {
	src := make([]byte, 9000)
	for i := range src {
		src[i] = byte(rand.Uint32())
	}
	for _, n := range []int{0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 31, 32, 33, 63, 100, 125, 4095, 4096,
		4097, 8999} {
		for pos := range 9 {
			for offset := range 9 {
				if offset+n > len(src) {
					continue
				}
				got := slices.Clone(src)
				Mask(got[offset:offset+n], testKey, pos)
				for i, b := range src {
					if i >= offset && i < offset+n {
						b ^= testKey[(i-offset+pos)%4]
					}
					if got[i] != b {
						t.Fatalf("n=%d pos=%d offset=%d: byte %d is %#x, want %#x", n, pos, offset,
							i, got[i], b)
					}
				}
			}
		}
	}
}

// The word-wise mask reports ASCII only for ASCII, wherever the other byte is.
func TestXorKeyFindsNonASCII(t *testing.T) {
	const key = 0x3d21fa37
	for n := range 140 {
		clean := make([]byte, n)
		xorKey(clean, clean, key)
		if masked := slices.Clone(clean); !xorKey(masked, masked, key) {
			t.Fatalf("%d ASCII bytes were not found to be", n)
		}
		for i := range n {
			masked := slices.Clone(clean)
			masked[i] ^= 0x80
			if xorKey(masked, masked, key) {
				t.Fatalf("byte %d of %d passed as ASCII", i, n)
			}
		}
	}
}

func TestAppendMaskedFrameInSpareRoom(t *testing.T) {
	payload := strings.Repeat("y", 300)
	dst := append(make([]byte, 0, 4096), "pre"...)
	got := AppendMaskedFrame(dst, Binary, true, []byte(payload), testKey)
	if &got[0] != &dst[0] || string(got[:3]) != "pre" {
		t.Fatal("did not append in place")
	}
	events, code, _ := feed(t, &Config{Deflate: true}, got[3:])
	if code != 0 || len(events) != 1 || events[0] != (event{Binary, payload, true}) {
		t.Fatalf("%v %d", events, code)
	}
}

// Autobahn 12.* and 13.*: compressed messages of many sizes, in fragments with pings between them,
// in reads of any size.
func TestCompressedFragments(t *testing.T) {
	for _, n := range []int{16, 64, 256, 1024, 4096, 8192, 32768, 131072} {
		payload := bytes.Repeat([]byte(`{"event":"move","x":12,"y":"é"} `), n/32+1)
		deflated, err := pool.Deflate(nil, payload, 6, true)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []side{{false}, {true}} {
			var in []byte
			first := byte(Text) | bitRsv1
			for chunk := range slices.Chunk(deflated, len(deflated)/5+1) {
				in = append(in, s.frame(first, string(chunk))...)
				in = append(in, s.frame(finPing, "between")...)
				first = byte(Continuation)
			}
			in = append(in, s.frame(finCont, "")...)
			for _, step := range []int{1, 7, 100, len(in)} {
				var cuts []int
				for at := step; at < len(in); at += step {
					cuts = append(cuts, at)
				}
				events, code, _ := feed(t, &Config{Client: s.client, Deflate: true}, in, cuts...)
				if code != 0 || len(events) < 2 {
					t.Fatalf("%d bytes: %d events, code %d", n, len(events), code)
				}
				last := events[len(events)-1]
				b, err := InflateMessage(Message{Op: last.op, Payload: []byte(last.payload),
					Compressed: last.compressed}, len(payload))
				if err != nil || !bytes.Equal(b.B, payload) {
					t.Fatalf("%d bytes: %v", n, err)
				}
				pool.PutUnsized(b)
			}
		}
	}
}

// Another implementation reads our frames as we meant them.
func TestHeadersAgainstGobwas(t *testing.T) {
	for _, op := range []Opcode{Continuation, Text, Binary, Close, Ping, Pong} {
		for _, n := range []int{0, 1, 125, 126, 65535, 65536, 1 << 20} {
			for _, masked := range []bool{false, true} {
				b := AppendHeader(nil, op, true, true, n)
				want := ws.Header{Fin: true, Rsv: ws.Rsv(true, false, false), OpCode: op,
					Length: int64(n)}
				if masked {
					b = AppendMaskedFrame(nil, op, true, make([]byte, n), testKey)
					want.Masked, want.Mask = true, testKey
				}
				got, err := ws.ReadHeader(bytes.NewReader(b))
				if err != nil || got != want {
					t.Fatalf("%+v %v, want %+v", got, err, want)
				}
			}
		}
	}
}
