package smartsocket

import (
	"time"

	"github.com/smartsocket/smartsocket/internal/ratelimit"
	"github.com/smartsocket/smartsocket/internal/refusal"
	"github.com/smartsocket/smartsocket/message"
)

// Limit allows MaxRequests events in any period of length Window.
type Limit struct {
	Window      time.Duration
	MaxRequests int
}

// SetEventRateLimit limits one event per socket, on top of the limit for all
// events together. A zero Limit removes it. It panics on a negative value.
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
	v := s.windows.Allow(m.Event, s.srv.eventLimits.Of(m.Event), all, s.srv.sinceStart())
	if v.Over == ratelimit.Within {
		return refusal.Refusal{}
	}
	return refusal.OverLimit(m.Event, v, &s.srv.counters.rateLimited)
}
