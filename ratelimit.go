package smartsocket

import (
	"time"

	"github.com/smartsocket/smartsocket/internal/ratelimit"
	"github.com/smartsocket/smartsocket/message"
)

// Limit is how many events may come in any window of time.
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

// limited checks one event against the limits, and answers it if it is over one. On
// the loop only.
func (s *Socket) limited(m *message.Message) bool {
	all := s.srv.current().limit
	if all.Off() {
		return false
	}
	if s.windows == nil {
		s.windows = new(ratelimit.Windows)
		if s.session != nil {
			s.windows = s.session.sharedWindows(s.windows)
		}
	}
	v := s.windows.Allow(m.Event, s.srv.eventLimits.Of(m.Event), all, s.srv.sinceStart())
	switch v.Over {
	case ratelimit.OverEvent:
		s.overLimit(m, message.CodeEventRateLimited, v.Retry, v.Tell)
	case ratelimit.OverAll:
		s.overLimit(m, message.CodeRateLimited, v.Retry, v.Tell)
	}
	return v.Over != ratelimit.Within
}

// sharedWindows returns the windows that all connections of the session share. If
// there are none yet, they are fresh from now on.
func (n *session) sharedWindows(fresh *ratelimit.Windows) *ratelimit.Windows {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.windows == nil {
		n.windows = fresh
	}
	return n.windows
}

// overLimit answers an event that is over a limit: a nack if an ack was asked
// for, and once per window either the "rate-limit" handlers or a
// __rate-limited__ event.
func (s *Socket) overLimit(m *message.Message, code message.Code, retry time.Duration, tell bool) {
	s.srv.counters.rateLimited.Add(1)
	e := &Error{Code: code, Message: "too many requests: slow down", Event: string(m.Event), RetryAfter: max(retry.Milliseconds(), 1)}
	if m.Flags&message.FlagAck != 0 {
		s.nack(m.AckID, e)
	}
	if !tell {
		return
	}
	if any, _ := s.has(eventLimited); any {
		s.post(job{kind: jobLimited, data: body{info: e}})
		return
	}
	s.Emit(eventRateLimited, rateNotice{Message: e.Message, RetryAfter: e.RetryAfter, Code: code, Event: e.Event})
}

// eventRateLimited is what a client is told once per window.
const eventRateLimited = "__rate-limited__"

type rateNotice struct {
	Message    string       `json:"message"`
	RetryAfter int64        `json:"retryAfter"`
	Code       message.Code `json:"code"`
	Event      string       `json:"event"`
}
