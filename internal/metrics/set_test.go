package metrics

import (
	"testing"
	"time"
)

// A sampler measures one of so many, and none at once, so that a start costs nothing.
func TestSampler(t *testing.T) {
	const n = 1 << 18
	var s Sampler
	inline, queued := 0, 0
	for range n {
		if s.Inline() {
			inline++
		}
		if s.Queued() {
			queued++
		}
	}
	for _, c := range []struct{ got, every int }{{inline, EveryInline}, {queued, EveryQueued}} {
		if want := n / c.every; c.got < want*9/10 || c.got > want*11/10 {
			t.Errorf("%d of %d are measured, want about %d", c.got, n, want)
		}
	}
	if allocs := testing.AllocsPerRun(1000, func() { s.Inline() }); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// Broadcasts to many are always measured, others now and then, with their weight.
func TestBroadcastSamples(t *testing.T) {
	const n = 1 << 18
	sum := int64(0)
	for range n {
		sum += Broadcast(many - 1)
		if Broadcast(many) != 1 {
			t.Fatal("a broadcast to many is not measured")
		}
	}
	if sum < n*9/10 || sum > n*11/10 {
		t.Errorf("%d broadcasts count as %d", n, sum)
	}
}

// Bounds that are powers of two count exactly what is below them.
func TestDistribution(t *testing.T) {
	var h Histogram
	for _, us := range []int{0, 7, 8, 9, 15, 16, 1000, 1 << 20} {
		h.AddN(time.Duration(us)*time.Microsecond+999, 2)
	}
	h.Add(-time.Second) // counts as 0
	bounds := []time.Duration{8 * time.Microsecond, 16 * time.Microsecond,
		1024 * time.Microsecond, 1 << 20 * time.Microsecond, 1 << 21 * time.Microsecond}
	below, n, sum := h.Distribution(bounds)
	want := []int64{5, 11, 15, 15, 17}
	for i := range want {
		if below[i] != want[i] {
			t.Errorf("%d below %v, want %d", below[i], bounds[i], want[i])
		}
	}
	if n != 17 || sum != 2*(1055+1<<20)*time.Microsecond+16*999 {
		t.Errorf("%d, %v", n, sum)
	}
}

// What measuring costs an event: most are only counted down.
func BenchmarkInlineEvent(b *testing.B) {
	var s Sampler
	var h Histogram
	start := time.Now()
	for b.Loop() {
		if s.Inline() {
			began := time.Since(start)
			h.AddN(time.Since(start)-began, EveryInline)
		}
	}
}

func BenchmarkQueuedEvent(b *testing.B) {
	var s Sampler
	var wait, run Histogram
	start := time.Now()
	for b.Loop() {
		if s.Queued() {
			since := time.Since(start)
			began := time.Since(start)
			wait.AddN(began-since, EveryQueued)
			run.AddN(time.Since(start)-began, EveryQueued)
		}
	}
}
