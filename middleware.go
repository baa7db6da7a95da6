package smartsocket

import (
	"fmt"
	"log/slog"

	"github.com/smartsocket/smartsocket/internal/middleware"
	"github.com/smartsocket/smartsocket/message"
)

// passes runs the server's middleware, then the namespace's, and returns the first refusal.
func (s *Socket) passes(event string, d Data, ack Ack) error {
	for _, list := range [2][]Middleware{s.srv.middlewares.All(), s.ns.middlewares.All()} {
		for _, mw := range list {
			if err := s.ask(mw, event, d, ack); err != nil {
				return err
			}
		}
	}
	return nil
}

// ask asks one middleware, and contains its panic.
func (s *Socket) ask(mw Middleware, event string, d Data, ack Ack) (err error) {
	v, returned := new(middleware.Decision), false
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
	mw(s, event, d, v.Next)
	returned = true
	if decided, err := v.Close(); decided {
		return err
	}
	return &Error{Code: message.CodeRejected, Event: event,
		Message: "a middleware did not let this event pass"}
}
