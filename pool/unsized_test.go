//go:build !js

package pool

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"

	"github.com/valyala/bytebufferpool"

	"github.com/smartsocket/smartsocket/internal/race"
)

// used is one use of a buffer for n bytes, which come in pieces as an encoder appends them.
func used(use Use, n int) {
	u := GetUnsized(use)
	for k := n; k > 0; k -= len(piece) {
		u.B = append(u.B, piece[:min(k, len(piece))]...)
	}
	PutUnsized(u)
}

var piece = bytes.Repeat([]byte("x"), 100)

// missesOf is the share of uses that allocated, once warm. sizes are used in turn.
func missesOf(use Use, rounds int, sizes []int) float64 {
	for i := range rounds {
		used(use, sizes[i%len(sizes)])
	}
	before := Stats()
	for i := range rounds {
		used(use, sizes[i%len(sizes)])
	}
	after := Stats()
	return float64(after.Misses-before.Misses) / float64(after.Gets-before.Gets)
}

// forget makes the pool of a use new, as at the start of the program.
func forget(use Use) { unsized[use] = new(bytebufferpool.Pool) }

// Unsized buffers hit at every size, in mixtures too, before the pool has calibrated itself (42 000
// uses of one class) and afterwards. Large contents that are rarer than 5 % are the exception: the
// pool drops their buffers, so each of them costs two misses, one to grow a buffer and one for the
// buffer that takes its place.
func TestUnsizedMisses(t *testing.T) {
	if race.Enabled || Poisoned {
		t.Skip("the race detector makes sync.Pool drop buffers")
	}
	rare := make([]int, 100)
	for i := range rare {
		rare[i] = 20
	}
	rare[50] = 100 << 10
	rare[99] = 100 << 10
	for _, c := range []struct {
		name  string
		sizes []int
		most  float64
	}{
		{"20 B", []int{20}, 0.01},
		{"300 B", []int{300}, 0.01},
		{"4 KB", []int{4 << 10}, 0.01},
		{"a little less than 4 KB", []int{4000}, 0.01},
		{"100 KB", []int{100 << 10}, 0.01},
		{"all of them", []int{20, 300, 4 << 10, 100 << 10}, 0.01},
		{"20 B and 1000 B", []int{20, 20, 1000, 20}, 0.01}, // append makes 1280 of 1000
		{"20 B and 7500 B", []int{20, 20, 7500, 20}, 0.01},
		{"4 KB and its envelope", []int{4 << 10, 4<<10 + 16}, 0.01},
		{"1 KB and its envelope", []int{1 << 10, 1<<10 + 16}, 0.01},
		{"about a power of two", []int{8100, 8192, 8193, 8300}, 0.01},
		{"30 KB and 100 KB", []int{30 << 10, 100 << 10}, 0.01},
		{"2 % of 100 KB among 20 B", rare, 0.041},
	} {
		for _, rounds := range []int{1000, 100_000} {
			if rounds > 1000 && len(c.sizes) == 1 && c.sizes[0] > 10<<10 {
				rounds = 50_000
			}
			t.Run(fmt.Sprintf("%s/%d", c.name, rounds), func(t *testing.T) {
				forget(Encoded)
				got := missesOf(Encoded, rounds, c.sizes)
				t.Logf("%.2f %% misses", 100*got)
				if got > c.most {
					t.Errorf("%.2f %% misses", 100*got)
				}
			})
		}
	}
}

// A burst of large contents leaves nothing behind: what is over the cap is not kept at all, what
// is below it goes with the garbage collector, and what small contents go on using goes when the
// pool has calibrated itself.
func TestUnsizedKeepsNoHoard(t *testing.T) {
	if race.Enabled || Poisoned {
		t.Skip("the race detector makes sync.Pool drop buffers")
	}
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC() // sync.Pool gives up in two steps
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	forget(Encoded)
	before := heap()
	for _, n := range []int{maxUnsized, 1 << 20} {
		var all []Unsized
		for range 100 {
			u := GetUnsized(Encoded)
			u.B = append(u.B, make([]byte, n)...)
			all = append(all, u)
		}
		for _, u := range all {
			PutUnsized(u)
		}
		if u := GetUnsized(Encoded); cap(u.B) > maxUnsized {
			t.Fatalf("a buffer of %d bytes was kept", cap(u.B))
		}
	}
	for range 200 { // those in use are not the collector's
		used(Encoded, 20)
	}
	if grown := heap() - before; grown > 2*maxUnsized {
		t.Errorf("%d bytes are left of a burst", grown)
	}
	for range 50_000 {
		used(Encoded, 20)
	}
	if u := GetUnsized(Encoded); cap(u.B) > 1<<10 {
		t.Errorf("small contents still have a buffer of %d bytes", cap(u.B))
	}
}

// Sized keeps the contents in a buffer of their class.
func TestSized(t *testing.T) {
	u := GetUnsized(Encoded)
	u.B = append(append(make([]byte, 0, 100<<10), u.B...), "small"...)
	b := Sized(u)
	if string(b.B) != "small" || cap(b.B) > 64 {
		t.Errorf("%q with a capacity of %d", b.B, cap(b.B))
	}
	Put(b)
}

func BenchmarkUnsized(b *testing.B) {
	for _, n := range []int{20, 300, 4 << 10, 100 << 10} {
		p := bytes.Repeat([]byte("x"), n)
		b.Run(fmt.Sprintf("unsized/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				u := GetUnsized(Encoded)
				u.B = append(u.B, p...)
				PutUnsized(u)
			}
		})
		b.Run(fmt.Sprintf("get256/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				u := Get(256)
				u.B = append(u.B, p...)
				Put(u)
			}
		})
	}
}
