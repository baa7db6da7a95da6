package smartsocket

import (
	"time"

	"github.com/smartsocket/smartsocket/internal/ratelimit"
	"github.com/smartsocket/smartsocket/internal/refusal"
	"github.com/smartsocket/smartsocket/internal/registry"
	"github.com/smartsocket/smartsocket/message"
)

// Limit allows MaxRequests events in any period of length Window.
type Limit struct {
	Window      time.Duration
	MaxRequests int
}

// SetEventRateLimit limits one event per socket, on top of the limit for all events together. A
// zero Limit removes it. It panics on a negative value. Each version of an event has a limit of its
// own; what older versions handle counts as theirs. Options.EnableRateLimiting turns it off, too.
func (v *Server) SetEventRateLimit(event string, l Limit) {
	checkEvent(event)
	if l.Window < 0 || l.MaxRequests < 0 {
		panic("smartsocket: a negative rate limit for the event " + event)
	}
	v.eventLimits.Set(event, ratelimit.Limit(l))
}

// overLimit refuses an event over a limit. It runs on the loop of the link that has the session.
func (s *Socket) overLimit(m *message.Message) refusal.Refusal {
	all := s.srv.current().limit
	if all.Off() {
		return refusal.Refusal{}
	}
	if s.windows == nil {
		s.windows = new(ratelimit.Windows)
	}
	event := s.limitedAs(m.Event)
	v := s.windows.Allow(event, s.srv.eventLimits.Of(event), all, s.srv.sinceStart())
	if v.Over == ratelimit.Within {
		return refusal.Refusal{}
	}
	return refusal.OverLimit(m.Event, v, &s.srv.counters.rateLimited)
}

// limitedAs is the name under which an event counts: that of the handlers that it will have, so
// that a client does not escape a limit by asking for another version. The name is borrowed.
func (s *Socket) limitedAs(event []byte) []byte {
	base, version := registry.Version(event)
	if version == 0 {
		return event
	}
	if h := s.handlersOf(event); !h.None() {
		return h.First().Name()
	}
	// The connected handlers may still register some. Whoever limits a version has handlers for it.
	return registry.Closest(base, version, s.srv.eventLimits.Each)
}
