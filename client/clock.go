package client

import (
	"sync"
	"time"
)

// remoteClock compares the server's clock with ours. Safe for concurrent use.
type remoteClock struct {
	mu    sync.Mutex
	last  [clockSamples]sample
	taken int
	rtt   time.Duration // the newest
}

// sample is one message of the server that said its time.
type sample struct {
	behind time.Duration // our time at its arrival less the server's at its sending
	rtt    time.Duration // 0 = not known then
}

// clockSamples is among how many messages the quickest is looked for; older
// ones do not count, since clocks drift and are set.
const clockSamples = 8

// maxRTT is the longest round trip that is believed.
const maxRTT = time.Minute

// add takes the server's time and measured round trip, in µs, 0 = not said. now is ours.
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
// All messages took at least as long as half of the shortest round trip, and the
// quickest took hardly longer.
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
