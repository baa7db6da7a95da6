// Package clocksync compares the clock of a client with ours. After a connect a few exchanges of
// PING and PONG follow each other, then one a heartbeat. The quickest exchange decides, because it
// has the least room to err: its answer left the client within half its round trip of the middle.
//
//	PING ours=asked ────────▶ client's clock read
//	PONG ours=now   ◀──────── offset = client − asked − round trip/2
//
// A Clock has no lock: it belongs to the event loop of its connection.
package clocksync

import (
	"time"

	"github.com/smartsocket/smartsocket/message"
)

// rounds is how many exchanges follow a connect. The best errs by a fraction of the jitter.
const rounds = 3

// Clock is the state of one connection. The zero value is ready.
type Clock struct {
	best  time.Duration // the shortest round trip so far, 0 = none
	asked int64         // our time in the last PING
	round uint8
}

// Ask notes our time, in µs since the Unix epoch, of the PING that is about to be sent.
func (c *Clock) Ask(now int64) { c.asked = now }

// Answers reports whether a PONG answers the last PING.
func (c *Clock) Answers(k message.Clock) bool { return int64(k.ServerTime) == c.asked }

// Sample is what one exchange tells.
type Sample struct {
	RTT    time.Duration // at least 1 µs
	Offset int64         // how far the client's clock is ahead, in µs; good to RTT/2
	Best   bool          // no exchange of the connection was quicker
	More   bool          // another exchange should follow at once
}

// Answer takes a PONG that came at time now, in µs since the Unix epoch. It reports false for one
// that took a negative time or longer than limit: our clock was set, or the answer is made up.
func (c *Clock) Answer(k message.Clock, now int64, limit time.Duration) (s Sample, ok bool) {
	s.RTT = time.Duration(now-int64(k.ServerTime)) * time.Microsecond
	if s.RTT < 0 || s.RTT > limit {
		return Sample{}, false
	}
	s.RTT = max(s.RTT, time.Microsecond)
	s.Offset = int64(k.ClientTime) - int64(k.ServerTime) - s.RTT.Microseconds()/2
	if s.Best = c.best == 0 || s.RTT <= c.best; s.Best {
		c.best = s.RTT
	}
	c.round = min(c.round+1, rounds)
	s.More = c.round < rounds
	return s, true
}
