package smartsocket

import (
	"net/http"
	"sync"
	"time"

	"github.com/smartsocket/smartsocket/frame"
)

// paceOfAccepting limits the connections that are accepted in a second, with a
// second's worth of them at once.
type paceOfAccepting struct {
	mu   sync.Mutex
	left float64
	at   time.Duration // 0 = nobody came yet
}

// allow takes a place and reports whether there was one.
func (p *paceOfAccepting) allow(rate int, now time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	most := float64(rate)
	if p.at == 0 {
		p.left = most
	}
	p.left = min(p.left+most*(now-p.at).Seconds(), most)
	p.at = max(now, 1)
	if p.left < 1 {
		return false
	}
	p.left--
	return true
}

// later refuses a connection for now: clients come back without counting it as a failure.
func (v *Server) later(reason string) error {
	v.counters.rejected.Add(1)
	return &frame.HandshakeError{Status: http.StatusServiceUnavailable, Reason: reason, RetryAfter: 1}
}

// letIn holds new connections to the accept rate, and those that have still to
// send their CONNECT to their number.
func (v *Server) letIn(t *settings, s *Socket) error {
	if t.AcceptRate > 0 && !v.pace.allow(t.AcceptRate, v.sinceStart()) {
		v.counters.acceptLimited.Add(1)
		return v.later("too many new connections per second")
	}
	if s.plain {
		return nil
	}
	if v.newcomers.Add(1) > int64(t.MaxUnauthenticated) {
		v.newcomers.Add(-1)
		v.counters.acceptLimited.Add(1)
		return v.later("too many connections that have not authenticated")
	}
	s.newcomer = true
	if limit := t.MaxUnauthenticatedPerAddress; limit > 0 {
		if !v.throttle.enter(&v.throttle.waiting, s.address, limit) {
			v.counters.acceptLimited.Add(1)
			return v.later("too many connections of one address that have not authenticated")
		}
		s.newAddress = true
	}
	return nil
}

// settled ends a connection's time as a newcomer: its CONNECT was accepted, or it is gone. On the loop.
func (v *Server) settled(s *Socket) {
	if s.newcomer {
		s.newcomer = false
		v.newcomers.Add(-1)
	}
	if s.newAddress {
		s.newAddress = false
		v.throttle.leave(&v.throttle.waiting, s.address)
	}
}

// uncount takes a connection out of all counts but that of live ones.
func (v *Server) uncount(s *Socket) {
	v.settled(s)
	if s.counted {
		s.counted = false
		v.throttle.leave(&v.throttle.open, s.address)
	}
}
