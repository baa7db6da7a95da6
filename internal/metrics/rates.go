package metrics

import (
	"sync"
	"time"
)

// kept is the number of samples that Rates keeps: with one a second, they span 10 s.
const kept = 11

// Rates turns two counters, of what comes in and what goes out, into rates per
// second over the last samples. The zero value is ready. Its methods are safe for
// concurrent use.
type Rates struct {
	mu   sync.Mutex
	ring [kept]sample
	n    int // samples so far; sample i is in ring[i%kept]
}

type sample struct {
	at      time.Duration
	in, out int64
}

// Record takes a sample: what the counters were at a time since some fixed
// moment. Samples come in the order of their times.
func (r *Rates) Record(at time.Duration, in, out int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ring[r.n%kept] = sample{at, in, out}
	r.n++
}

// PerSecond gives the rates between the oldest kept sample and the newest, 0
// while there are fewer than two.
func (r *Rates) PerSecond() (in, out float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n < 2 {
		return 0, 0
	}
	first, last := r.ring[max(r.n-kept, 0)%kept], r.ring[(r.n-1)%kept]
	span := (last.at - first.at).Seconds()
	if span <= 0 {
		return 0, 0
	}
	return float64(last.in-first.in) / span, float64(last.out-first.out) / span
}
