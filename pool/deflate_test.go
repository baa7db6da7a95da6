package pool

import (
	"bytes"
	stdflate "compress/flate"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"github.com/smartsocket/smartsocket/internal/race"
)

func jsonish(n int) []byte {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	b := []byte(`[`)
	for len(b) < n {
		b = append(b, `{"id":`...)
		b = strconv.AppendInt(b, r.Int64N(1000), 10)
		b = append(b, `,"x":`...)
		b = strconv.AppendFloat(b, r.Float64()*100, 'f', 2, 64)
		b = append(b, `,"name":"player"},`...)
	}
	return b[:n]
}

func noise(n int) []byte {
	r := rand.New(rand.NewPCG(2, uint64(n)))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func samples() [][]byte {
	s := [][]byte{nil, {0}, []byte("a"), []byte("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
		bytes.Repeat([]byte("abc"), 50000)}
	for _, n := range []int{2, 7, 63, 100, 1000, 16383, 16384, 16385, 70000, 300000} {
		s = append(s, jsonish(n), noise(n))
	}
	return s
}

func TestDeflateInflateRoundTrip(t *testing.T) {
	prefix := []byte("before")
	for _, level := range []int{0, 1, 3, 6, 9, 10} {
		for _, src := range samples() {
			for _, tail := range []bool{false, true} {
				c, err := Deflate(bytes.Clone(prefix), src, level, tail)
				if err != nil || !bytes.HasPrefix(c, prefix) {
					t.Fatalf("Deflate(%d bytes, level %d): %v", len(src), level, err)
				}
				c = c[len(prefix):]
				got, err := Inflate(bytes.Clone(prefix), c, len(src), tail)
				if err != nil || string(got) != string(prefix)+string(src) {
					t.Fatalf("level %d tail %v: %d bytes came back as %d: %v", level, tail,
						len(src), len(got)-len(prefix), err)
				}
				if tail {
					c = append(c, 0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff)
				}
				std, err := io.ReadAll(stdflate.NewReader(bytes.NewReader(c)))
				if err != nil || !bytes.Equal(std, src) {
					t.Fatalf("level %d tail %v: the standard library reads %d of %d bytes: %v",
						level, tail, len(std), len(src), err)
				}
			}
		}
	}
}

func TestInflateLimit(t *testing.T) {
	for _, n := range []int{1, 100, 16384, 1 << 20} {
		c, _ := Deflate(nil, make([]byte, n), 9, false)
		if got, err := Inflate(nil, c, n, false); err != nil || len(got) != n {
			t.Errorf("limit %d: %d bytes, %v", n, len(got), err)
		}
		got, err := Inflate([]byte("x"), c, n-1, false)
		if !errors.Is(err, ErrTooLarge) || string(got) != "x" {
			t.Errorf("limit %d for %d bytes: %d bytes, %v", n-1, n, len(got), err)
		}
	}
}

func TestInflateBombGrowsNoMoreThanTheLimit(t *testing.T) {
	bomb, _ := Deflate(nil, make([]byte, 64<<20), 9, false)
	const limit = 1 << 20
	got, err := Inflate(nil, bomb, limit, false)
	if !errors.Is(err, ErrTooLarge) || cap(got) > 2*limit {
		t.Fatalf("%v with a buffer of %d bytes", err, cap(got))
	}
}

// deflateCases holds streams written by hand from RFC 1951 and RFC 7692.
var deflateCases = []struct {
	name string
	in   string
	tail bool
	out  string
	err  error
}{
	{"nothing", "", false, "", ErrCorrupt},
	// An empty message is one 00, the header of a stored block.
	{"nothing, tail", "", true, "", ErrCorrupt},
	{"RFC 7692 7.2.3.1", "\xf2\x48\xcd\xc9\xc9\x07\x00", true, "Hello", nil},
	{"RFC 7692 7.2.3.3 stored", "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", true, "Hello", nil},
	{"RFC 7692 7.2.3.4 final block", "\xf3\x48\xcd\xc9\xc9\x07\x00\x00", true, "Hello", nil},
	{"RFC 7692 7.2.3.5 two blocks", "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", true,
		"Hello", nil},
	{"RFC 7692 7.2.3.6 empty message", "\x00", true, "", nil},
	{"final block and nothing behind, tail", "\xf3\x48\xcd\xc9\xc9\x07\x00", true, "Hello", nil},
	{"blocks after a final block, tail", "\xf3\x48\xcd\xc9\xc9\x07\x00\xf2\x48\xcd\xc9\xc9\x07\x00",
		true, "HelloHello", nil},
	{"match reaching over a final block, tail", "\x01\x04\x00\xfb\xffabcd\x02\x62\x00\x00", true,
		"abcdabc", nil},
	{"final block", "\xf3\x48\xcd\xc9\xc9\x07\x00", false, "Hello", nil},
	{"trailing byte", "\xf3\x48\xcd\xc9\xc9\x07\x00\x00", false, "", ErrCorrupt},
	{"trailing garbage", "\xf3\x48\xcd\xc9\xc9\x07\x00garbage", false, "", ErrCorrupt},
	{"trailing garbage, tail", "\xf3\x48\xcd\xc9\xc9\x07\x00\xff\xff\xff", true, "", ErrCorrupt},
	{"no final block", "\xf2\x48\xcd\xc9\xc9\x07\x00", false, "", ErrCorrupt},
	{"truncated", "\xf3\x48\xcd", false, "", ErrCorrupt},
	{"truncated, tail", "\xf3\x48\xcd", true, "", ErrCorrupt},
	{"block type 3", "\x07", false, "", ErrCorrupt},
	{"stored length check", "\x01\x05\x00\xfa\xfeHello", false, "", ErrCorrupt},
	{"distance before the start", "\x63\x00\x42\x00", false, "", ErrCorrupt},
}

func TestInflateHandWrittenStreams(t *testing.T) {
	for _, c := range deflateCases {
		got, err := Inflate([]byte("kept"), []byte(c.in), 1000, c.tail)
		if !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
			t.Errorf("%s: error %v, want %v", c.name, err, c.err)
			continue
		}
		if want := "kept" + c.out; err == nil && string(got) != want || err != nil &&
			string(got) != "kept" {
			t.Errorf("%s: %q, want %q", c.name, got, want)
		}
	}
}

func TestInflateFloodOfEmptyBlocksEnds(t *testing.T) {
	empty := []byte{0, 0, 0, 0xff, 0xff}
	flood := append(bytes.Repeat(empty, 1<<18), 1, 0, 0, 0xff, 0xff)
	if got, err := Inflate(nil, flood, 100, false); err != nil || len(got) != 0 {
		t.Errorf("empty stored blocks: %d bytes, %v", len(got), err)
	}
	// Empty final blocks one after another would copy the window each time.
	flood = append(bytes.Repeat([]byte{0x00, 0x10, 0x00, 0xef, 0xff, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
		11, 12, 13, 14, 15, 16}, 2048), bytes.Repeat([]byte{3, 0}, 1<<18)...)
	if _, err := Inflate(nil, flood, 1<<20, true); !errors.Is(err, ErrCorrupt) {
		t.Errorf("flood of final blocks: %v", err)
	}
}

func TestInflateContextsComeBackClean(t *testing.T) {
	good, _ := Deflate(nil, jsonish(5000), 1, true)
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x55
		Inflate(nil, bad, 6000, true) // the outcome does not matter
		Inflate(nil, good[:i], 6000, true)
		Inflate(nil, good, 100, true)
		if got, err := Inflate(nil, good, 5000, true); err != nil ||
			!bytes.Equal(got, jsonish(5000)) {
			t.Fatalf("after an error at byte %d: %d bytes, %v", i, len(got), err)
		}
	}
}

func TestDeflateInflateConcurrently(t *testing.T) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			src := jsonish(1000 + i)
			for round := range 50 {
				c, err := Deflate(nil, src, 1+round%2, true)
				if err != nil {
					t.Error(err)
				}
				if got, err := Inflate(nil, c, len(src), true); err != nil ||
					!bytes.Equal(got, src) {
					t.Errorf("%d bytes came back as %d: %v", len(src), len(got), err)
				}
			}
		})
	}
	wg.Wait()
}

func TestDeflateDoesNotAllocate(t *testing.T) {
	if race.Enabled || Poisoned {
		t.Skip("the race detector makes sync.Pool drop buffers")
	}
	src := jsonish(2000)
	dst := make([]byte, 0, 4096)
	back := make([]byte, 0, 4096)
	c, _ := Deflate(nil, src, 1, true)
	if a := testing.AllocsPerRun(200, func() {
		dst, _ = Deflate(dst[:0], src, 1, true)
		back, _ = Inflate(back[:0], c, 2000, true)
	}); a >= 1 {
		t.Errorf("%v allocations", a)
	}
}

func FuzzInflate(f *testing.F) {
	for _, c := range deflateCases {
		f.Add([]byte(c.in), c.tail)
	}
	for _, s := range samples()[:10] {
		c, _ := Deflate(nil, s, 6, true)
		f.Add(c, true)
	}
	f.Fuzz(func(t *testing.T, src []byte, tail bool) {
		const limit = 1 << 17
		got, err := Inflate(nil, src, limit, tail)
		if err != nil {
			if len(got) != 0 {
				t.Fatalf("%d bytes next to %v", len(got), err)
			}
			return
		}
		if len(got) > limit {
			t.Fatalf("%d bytes over the limit", len(got))
		}
		c, _ := Deflate(nil, got, 1, tail)
		again, err := Inflate(nil, c, len(got), tail)
		if err != nil || !bytes.Equal(again, got) {
			t.Fatalf("round trip: %v", err)
		}
	})
}

func BenchmarkGetPut(b *testing.B) {
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			Put(Get(512))
		}
	})
}

func BenchmarkDeflate(b *testing.B) {
	for _, n := range []int{100, 1000, 16384} {
		for _, level := range []int{1, 6, 9} {
			b.Run(strconv.Itoa(n)+"/level="+strconv.Itoa(level), func(b *testing.B) {
				src, dst := jsonish(n), []byte(nil)
				b.ReportAllocs()
				b.SetBytes(int64(n))
				for b.Loop() {
					dst, _ = Deflate(dst[:0], src, level, true)
				}
			})
		}
	}
}

func BenchmarkInflate(b *testing.B) {
	for _, n := range []int{100, 1000, 16384} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			src, _ := Deflate(nil, jsonish(n), 6, true)
			var dst []byte
			b.ReportAllocs()
			b.SetBytes(int64(n))
			for b.Loop() {
				dst, _ = Inflate(dst[:0], src, n, true)
			}
		})
	}
}

// TestInflateBombAllocatesLittle bounds everything that is allocated on the way to the limit,
// including garbage. That is more than the heap can peak at.
func TestInflateBombAllocatesLittle(t *testing.T) {
	bomb, err := Deflate(nil, make([]byte, 64<<20), 9, false)
	if err != nil {
		t.Fatal(err)
	}
	const limit, most = 1 << 20, 3 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	b := Get(min(4*len(bomb), limit)) // the way in which a received message is inflated
	b.B, err = Inflate(b.B, bomb, limit, false)
	runtime.ReadMemStats(&after)
	Put(b)
	n := after.TotalAlloc - before.TotalAlloc
	t.Logf("%d bytes of bomb, %d bytes allocated", len(bomb), n)
	if !errors.Is(err, ErrTooLarge) || n > most {
		t.Errorf("%v, %d bytes allocated, at most %d expected", err, n, most)
	}
}
