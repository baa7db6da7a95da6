package smartsocket

import (
	"fmt"
	"log/slog"
	"sync"

	"github.com/smartsocket/smartsocket/message"
)

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
