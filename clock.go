package smartsocket

import (
	"time"

	"github.com/smartsocket/smartsocket/internal/fault"
	"github.com/smartsocket/smartsocket/message"
)

// clockRounds is how many exchanges follow a connect at once; the best of them
// is good to a fraction of the network's jitter.
const clockRounds = 3

// clock compares the client's clock with ours. On the loop only, but for the socket's rtt and offset.
type clock struct {
	best   time.Duration // the shortest round trip so far
	rounds uint8
	asked  int64  // the server time of the last PING
	mark   uint64 // the session's questions.sent before it
}

// sendClock asks a protocol client for its time.
func (s *Socket) sendClock() {
	if s.plain {
		return
	}
	var b [40]byte
	now := time.Now().UnixMicro()
	p := message.AppendClock(b[:0], message.KindPing, message.Clock{ServerTime: uint64(now), RTT: uint64(s.RTT().Microseconds())})
	s.clock.asked = now
	if s.session == nil {
		s.sendMessage(p)
		return
	}
	q := &s.session.asked
	q.mu.Lock()
	s.clock.mark = q.sent
	s.sendMessage(p)
	q.mu.Unlock()
}

// clockAnswer takes a PONG: round trip, and how far the client's clock is
// ahead, judged by the exchange that was quickest (it had the least room to err).
func (s *Socket) clockAnswer(p []byte) {
	k, err := message.ParseClock(p)
	if err != nil {
		s.violation(fault.Wire(err, message.CodeInvalidFormat))
		return
	}
	if s.session != nil && int64(k.ServerTime) == s.clock.asked {
		s.session.asked.confirmed(s.srv.sessions, s, s.clock.mark)
	}
	rtt := time.Duration(time.Now().UnixMicro()-int64(k.ServerTime)) * time.Microsecond
	if rtt < 0 || rtt > s.srv.opts.ConnectionTimeout {
		return // our clock was set, or the answer is made up
	}
	s.measured(max(rtt, time.Microsecond))
	if c := &s.clock; c.best == 0 || rtt <= c.best {
		c.best = max(rtt, time.Microsecond)
		s.offset.Store(int64(k.ClientTime) - int64(k.ServerTime) - rtt.Microseconds()/2)
	}
	if s.clock.rounds++; s.clock.rounds < clockRounds {
		s.sendClock()
	} else {
		s.clock.rounds = clockRounds
	}
}

func (s *Socket) measured(rtt time.Duration) {
	s.rtt.Store(int64(rtt))
	s.srv.latency.Add(rtt)
}

// ClockOffset is how far the client's clock is ahead of the server's, 0 before
// it was measured and for plain clients. Half of RTT is how wrong it can be.
func (s *Socket) ClockOffset() time.Duration {
	return time.Duration(s.offset.Load()) * time.Microsecond
}
