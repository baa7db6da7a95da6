//go:build !js

package pool

import (
	"bytes"
	stdflate "compress/flate"
	"io"
	"testing"

	"github.com/smartsocket/smartsocket/pool/tinyflate"
)

// The implementation for the browser and the native one must be interchangeable.

func TestTinyflateWritesWhatOthersRead(t *testing.T) {
	for level := 0; level <= 10; level += 2 {
		for _, src := range samples() {
			for _, tail := range []bool{false, true} {
				c := tinyflate.Deflate([]byte("kept"), src, level, tail)[4:]
				if len(c) > len(src)+5*(len(src)>>14+2) {
					t.Errorf("level %d: %d bytes grew to %d", level, len(src), len(c))
				}
				if got, err := Inflate(nil, c, len(src), tail); err != nil ||
					!bytes.Equal(got, src) {
					t.Fatalf("level %d tail %v: %d bytes came back as %d: %v", level, tail,
						len(src), len(got), err)
				}
				if got, status := tinyflate.Inflate([]byte("kept"), c, len(src),
					tail); status != tinyflate.OK || string(got) != "kept"+string(src) {
					t.Fatalf("level %d tail %v: %d bytes came back as %d: %v", level, tail,
						len(src), len(got)-4, status)
				}
				if tail {
					c = append(c, flateTail[:]...)
				}
				if std, err := io.ReadAll(stdflate.NewReader(bytes.NewReader(c))); err != nil ||
					!bytes.Equal(std, src) {
					t.Fatalf("level %d tail %v: the standard library reads %d of %d bytes: %v",
						level, tail, len(std), len(src), err)
				}
			}
		}
	}
}

func TestTinyflateReadsWhatOthersWrite(t *testing.T) {
	for level := 1; level <= 9; level++ {
		for _, src := range samples() {
			for _, tail := range []bool{false, true} {
				c, _ := Deflate(nil, src, level, tail)
				got, status := tinyflate.Inflate(nil, c, len(src), tail)
				if status != tinyflate.OK || !bytes.Equal(got, src) {
					t.Fatalf("level %d tail %v: %d bytes came back as %d: %v", level, tail,
						len(src), len(got), status)
				}
				if len(src) > 0 {
					if got, status := tinyflate.Inflate([]byte("x"), c, len(src)-1,
						tail); status != tinyflate.TooLarge || string(got) != "x" {
						t.Fatalf("over the limit: %v, %d bytes", status, len(got))
					}
				}
			}
		}
	}
}

func TestTinyflateCompresses(t *testing.T) {
	src := jsonish(100_000)
	ours, theirs := tinyflate.Deflate(nil, src, 6, true), []byte(nil)
	theirs, _ = Deflate(nil, src, 6, true)
	t.Logf("%d bytes: %d against klauspost's %d", len(src), len(ours), len(theirs))
	if len(ours) > len(theirs)*5/4 {
		t.Errorf("%d bytes, klauspost needs %d", len(ours), len(theirs))
	}
}

// agree states the law for both implementations: they accept the same streams and produce the same
// output.
func agree(t *testing.T, src []byte, limit int, tail bool) {
	t.Helper()
	a, err := Inflate(nil, src, limit, tail)
	b, status := tinyflate.Inflate(nil, src, limit, tail)
	if (err == nil) != (status == tinyflate.OK) || !bytes.Equal(a, b) {
		t.Fatalf("%x tail %v: %d bytes, %v; tinyflate %d bytes, status %d", src, tail, len(a), err,
			len(b), status)
	}
}

func TestTinyflateAgreesOnBrokenStreams(t *testing.T) {
	for _, c := range deflateCases {
		agree(t, []byte(c.in), 1000, c.tail)
		agree(t, []byte(c.in), 3, c.tail)
	}
	good, _ := Deflate(nil, jsonish(3000), 6, true)
	for i := range good {
		for _, flip := range []byte{1, 0x10, 0x80, 0xff} {
			bad := bytes.Clone(good)
			bad[i] ^= flip
			agree(t, bad, 10_000, true)
		}
		agree(t, good[:i], 10_000, true)
		agree(t, good[:i], 10_000, false)
	}
}

func FuzzTinyflate(f *testing.F) {
	for _, c := range deflateCases {
		f.Add([]byte(c.in), c.tail)
	}
	for _, s := range samples()[:12] {
		c, _ := Deflate(nil, s, 6, true)
		f.Add(c, true)
		f.Add(tinyflate.Deflate(nil, s, 6, false), false)
	}
	f.Fuzz(func(t *testing.T, b []byte, tail bool) {
		agree(t, b, 1<<16, tail)
		c := tinyflate.Deflate(nil, b, 4, tail)
		if got, err := Inflate(nil, c, len(b), tail); err != nil || !bytes.Equal(got, b) {
			t.Fatalf("%x became %x, %v", b, got, err)
		}
	})
}

func BenchmarkTinyflate(b *testing.B) {
	src := jsonish(1000)
	b.Run("deflate 1000", func(b *testing.B) {
		var dst []byte
		b.ReportAllocs()
		for b.Loop() {
			dst = tinyflate.Deflate(dst[:0], src, 1, true)
		}
	})
	for _, n := range []int{100, 1000, 16384} {
		c, _ := Deflate(nil, jsonish(n), 6, true)
		b.Run("inflate", func(b *testing.B) {
			var dst []byte
			b.ReportAllocs()
			b.SetBytes(int64(n))
			for b.Loop() {
				dst, _ = tinyflate.Inflate(dst[:0], c, n, true)
			}
		})
	}
}
