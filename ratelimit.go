package smartsocket

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/smartsocket/smartsocket/message"
)

// Limit is how many events may come in any window of time.
type Limit struct {
	Window      time.Duration
	MaxRequests int
}

func (l Limit) off() bool { return l.MaxRequests <= 0 || l.Window <= 0 }

// windowSlices is into how many parts a window is cut.
const windowSlices = 32

// window is a sliding window over one kind of event of one socket: how many
// came in each of the last slices. It never lets more than the limit through in
// any window of time; it forgets an event up to one slice, 1/31 of the window,
// later than a list of every event's time would.
type window struct {
	slice  int64 // index of the current slice since the server's start
	told   int64 // the window in which the client was told, plus 1
	total  int
	counts [windowSlices]int32 // by index modulo slices
}

// allow counts one event at time t and reports whether it is within l, or else
// how long to wait until one will be.
func (w *window) allow(l Limit, t time.Duration) (ok bool, retry time.Duration) {
	width := max(l.Window/(windowSlices-1), 1)
	slice := int64(t / width)
	for range min(slice-w.slice, windowSlices) {
		w.slice++
		w.total -= int(w.counts[w.slice%windowSlices])
		w.counts[w.slice%windowSlices] = 0
	}
	w.slice = slice
	if w.total < l.MaxRequests {
		w.counts[slice%windowSlices]++
		w.total++
		return true, 0
	}
	left := w.total
	for i := slice - windowSlices + 1; ; i++ {
		if left -= int(w.counts[(i+windowSlices)%windowSlices]); left < l.MaxRequests {
			return false, time.Duration(i+windowSlices)*width - t
		}
	}
}

// tell reports whether the client has still to be told that it is over the
// limit, which it is once per window.
func (w *window) tell(l Limit, t time.Duration) bool {
	n := int64(t/l.Window) + 1
	if w.told == n {
		return false
	}
	w.told = n
	return true
}

// limits are the server's rules for single events, read without a lock.
type limits struct {
	mu     sync.Mutex
	events atomic.Pointer[map[string]Limit]
}

// SetEventRateLimit limits one event per socket, on top of the limit for all
// events together. A zero Limit removes it. It panics on a negative value.
func (v *Server) SetEventRateLimit(event string, l Limit) {
	checkEvent(event)
	if l.Window < 0 || l.MaxRequests < 0 {
		panic("smartsocket: a negative rate limit for the event " + event)
	}
	v.limits.mu.Lock()
	defer v.limits.mu.Unlock()
	m := make(map[string]Limit)
	if old := v.limits.events.Load(); old != nil {
		for k, x := range *old {
			m[k] = x
		}
	}
	if delete(m, event); !l.off() {
		m[event] = l
	}
	v.limits.events.Store(&m)
}

// windows are the counts of one socket, on its loop only, or of one session,
// whose sockets may be on several loops.
type windows struct {
	mu     sync.Mutex // taken where there is a session
	all    window
	events map[string]*window
}

// limited checks one event against the limits, and answers for it when it is over them. On the loop only.
func (s *Socket) limited(m *message.Message) bool {
	all := s.srv.current().limit
	if all.off() {
		return false
	}
	now := s.srv.sinceStart()
	if s.windows == nil {
		s.windows = new(windows)
		if s.session != nil {
			s.windows = s.session.windows(s.windows)
		}
	}
	if s.session != nil {
		s.windows.mu.Lock()
		defer s.windows.mu.Unlock()
	}
	if byEvent := s.srv.limits.events.Load(); byEvent != nil {
		if l, ok := (*byEvent)[string(m.Event)]; ok {
			w := s.windows.events[string(m.Event)]
			if w == nil {
				if s.windows.events == nil {
					s.windows.events = make(map[string]*window)
				}
				w = new(window)
				s.windows.events[string(m.Event)] = w
			}
			if ok, retry := w.allow(l, now); !ok {
				s.overLimit(m, message.CodeEventRateLimited, retry, w.tell(l, now))
				return true
			}
		}
	}
	if ok, retry := s.windows.all.allow(all, now); !ok {
		s.overLimit(m, message.CodeRateLimited, retry, s.windows.all.tell(all, now))
		return true
	}
	return false
}

// windows returns the counts that all connections of the session share; fresh becomes them if there are none.
func (n *session) windows(fresh *windows) *windows {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.counts == nil {
		n.counts = fresh
	}
	return n.counts
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
	if any, _ := s.has(pickLimited); any {
		s.post(job{kind: jobLimited, rare: &rareJob{limited: e}})
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
