package client

import (
	"sync"
	"time"
)

// remoteClock compares the server's clock with ours. It is safe for concurrent use.
type remoteClock struct {
	mu    sync.Mutex
	last  [clockSamples]sample
	taken int
	rtt   time.Duration // the newest
}

// sample is one message in which the server told its time.
type sample struct {
	behind time.Duration // our time when it arrived, minus the server's when it was sent
	rtt    time.Duration // 0 = not known then
}

// clockSamples is how many messages are compared. Older ones do not count,
// because clocks drift and are set.
const clockSamples = 8

// maxRTT is the longest round trip that is believed.
const maxRTT = time.Minute

// add takes the server's time and the round trip that it measured, both in µs, 0 = not
// said. now is our time.
func (r *remoteClock) add(now time.Time, server, rtt uint64) {
	if server == 0 || server > 1<<60 || rtt > uint64(maxRTT.Microseconds()) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	x := sample{now.Sub(time.UnixMicro(int64(server))), time.Duration(rtt) * time.Microsecond}
	r.last[r.taken%clockSamples] = x
	r.taken++
	if x.rtt > 0 {
		r.rtt = x.rtt
	}
}

// read returns the newest round trip and how far the server's clock is ahead.
// Every message took at least half of the shortest round trip, and the quickest
// message took hardly longer.
func (r *remoteClock) read() (rtt, ahead time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.taken == 0 {
		return 0, 0
	}
	quickest, shortest := r.last[0].behind, time.Duration(0)
	for _, x := range r.last[:min(r.taken, clockSamples)] {
		quickest = min(quickest, x.behind)
		if x.rtt > 0 && (shortest == 0 || x.rtt < shortest) {
			shortest = x.rtt
		}
	}
	return r.rtt, shortest/2 - quickest
}
