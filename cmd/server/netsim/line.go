package netsim

import (
	"math/rand/v2"
	"time"
)

const (
	segmentBytes = 1448 // of payload, on Ethernet with the usual options
	headBytes    = 66   // Ethernet, IP and TCP, which take bandwidth too
	// minRetransmit is what Linux adds to the round trip before it sends again.
	minRetransmit = 200 * time.Millisecond
	maxRetries    = 6 // after as many losses in a row a segment gets through
)

// line is one direction of a Link. It knows no clock: the caller says what time it is.
type line struct {
	Link
	rand *rand.Rand
	free time.Duration // when the line has sent all that was given to it
	last time.Duration // when the newest segment arrives
}

// arrival returns when a segment arrives that is sent now. Calls are in the order of time.
func (l *line) arrival(now time.Duration, bytes int) time.Duration {
	l.free = max(l.free, now)
	if l.Bandwidth > 0 {
		bits := int64(bytes+headBytes) * 8
		l.free += time.Duration(bits * int64(time.Second) / l.Bandwidth)
	}
	at := l.free + l.Delay
	if l.Jitter > 0 {
		at += time.Duration(l.rand.Int64N(2*int64(l.Jitter)+1)) - l.Jitter
	}
	wait := 2*l.Delay + max(minRetransmit, 4*l.Jitter)
	for range maxRetries {
		if l.Loss == 0 || l.rand.Float64() >= l.Loss {
			break
		}
		at += wait
		wait *= 2
	}
	l.last = max(l.last, at)
	return l.last
}
