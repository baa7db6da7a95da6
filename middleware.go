package smartsocket

import (
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/smartsocket/smartsocket/message"
)

// Middleware sees an event before its handlers do. It lets the event pass by calling next(nil)
// before it returns. next(err), no call at all or a panic stops the event, answers its sender with
// the error (ERR_APP_001 unless err is an *Error) and raises "error". d is borrowed until the
// middleware returns. It runs where the handlers run, so it may block unless they are Inline.
type Middleware func(s *Socket, event string, d Data, next func(error))

// middlewares is a list that is read without a lock.
type middlewares struct {
	mu   sync.Mutex
	list atomic.Pointer[[]Middleware]
}

func (m *middlewares) use(mw Middleware) {
	if mw == nil {
		panic("smartsocket: a nil middleware")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	list := append(slices.Clone(m.all()), mw)
	m.list.Store(&list)
}

func (m *middlewares) all() []Middleware {
	if l := m.list.Load(); l != nil {
		return *l
	}
	return nil
}

// passes runs the server's middleware, then the namespace's, and returns the first refusal.
func (s *Socket) passes(event string, d Data, ack Ack) error {
	for _, list := range [2][]Middleware{s.srv.middlewares.all(), s.ns.middlewares.all()} {
		for _, mw := range list {
			if err := s.ask(mw, event, d, ack); err != nil {
				return err
			}
		}
	}
	return nil
}

// verdict is one middleware's decision. It is never reused, because next may be called too late.
type verdict struct {
	mu     sync.Mutex
	called bool
	err    error
}

func (v *verdict) next(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.called {
		v.called, v.err = true, err
	}
}

func (s *Socket) ask(mw Middleware, event string, d Data, ack Ack) (err error) {
	v, returned := new(verdict), false
	defer func() {
		if returned {
			return
		}
		p := recover()
		s.srv.counters.panics.Add(1)
		s.often(slog.LevelError, "a middleware panicked", event, "", "panic", fmt.Sprint(p))
		err = &Error{Code: message.CodeRejected, Event: event,
			Message: "a middleware failed: see the server's log"}
		if p == nil { // runtime.Goexit, so that nobody gets err
			s.reject(event, ack, err)
		}
	}()
	mw(s, event, d, v.next)
	returned = true
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.called {
		v.called = true
		return &Error{Code: message.CodeRejected, Event: event,
			Message: "a middleware did not let this event pass"}
	}
	return v.err
}
