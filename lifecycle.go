package smartsocket

import (
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/fault"
	"github.com/smartsocket/smartsocket/message"
)

// Reason says why a socket is gone.
type Reason struct {
	Code frame.CloseCode // the close code, 1006 when there was no close frame
	Text string          // the close frame's reason, or what the transport said
	Err  error           // the transport's error, nil for an orderly close
}

// String is for logs: the reason's text and its close code.
func (r Reason) String() string {
	if r.Text == "" {
		return fmt.Sprintf("close code %d", r.Code)
	}
	return fmt.Sprintf("%s (close code %d)", r.Text, r.Code)
}

// The lifecycle events: what happens to sockets, as opposed to what they send. Their
// handlers are in tables of their own, the server's and each namespace's.
const (
	eventConnected    = "connected"
	eventDisconnected = "disconnected"
	eventError        = "error"
	eventLimited      = "rate-limit"
)

// lifecycleEvent returns the lifecycle event with this name or alias, "" if there is none.
func lifecycleEvent(event string) string {
	switch event {
	case "connected", "connect", "connection":
		return eventConnected
	case "disconnected", "disconnect":
		return eventDisconnected
	case eventError, eventLimited:
		return event
	}
	return ""
}

// lifecycleTables are the two places where lifecycle handlers of s may be: the
// server, which hears of all namespaces, then its namespace.
func (s *Socket) lifecycleTables() [2]*table { return [2]*table{&s.srv.life, &s.ns.life} }

// has reports whether a lifecycle event of s has handlers, and whether all of them are inline.
func (s *Socket) has(event string) (any, inline bool) {
	inline = true
	for _, t := range s.lifecycleTables() {
		e := t.FindString(event)
		any, inline = any || e != nil, inline && allInline(e)
	}
	return any, inline
}

// fire runs the handlers of a lifecycle event.
func (s *Socket) fire(event string, d Data) {
	for _, t := range s.lifecycleTables() {
		s.run(t.FindString(event), d, Ack{})
	}
}

// raise reports an error that concerns s to the "error" handlers, or to the log when there are none.
func (s *Socket) raise(err error) {
	s.srv.counters.errors.Add(1)
	if s.ns == nil {
		return
	}
	if any, _ := s.has(eventError); !any {
		s.srv.log.Warn("error on a socket", "socket", s.id, "namespace", s.ns.path, "error", forLog(err))
		return
	}
	s.fire(eventError, Data{&body{info: err}})
}

func (s *Socket) handlerPanicked(event string, ack Ack, p any) {
	s.srv.counters.panics.Add(1)
	s.srv.log.Error("a handler panicked", "event", event, "socket", s.id, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	ack.Fail(&Error{Code: message.CodeHandlerFailed, Message: "the handler of this event failed: see the server's log", Event: event})
	if event != eventError {
		s.raise(&Error{Code: message.CodeHandlerFailed, Message: fmt.Sprintf("handler panicked: %v", p), Event: event})
	}
}

// refuse answers an event that a typed handler could not take.
func (s *Socket) refuse(event string, ack Ack, err error) {
	e := fault.Wire(err, message.CodeInvalidFormat)
	if e.Event == "" {
		e = &Error{Code: e.Code, Message: e.Message, Event: event, Cause: e.Cause}
	}
	if !ack.Requested() {
		s.sendError(e)
		return
	}
	ack.Fail(e)
}

// reasonOf builds the Reason of an ended connection.
func reasonOf(code frame.CloseCode, text string, err error) Reason {
	if text == "" && err != nil && !errors.Is(err, errClosedByUser) {
		text = err.Error()
	}
	return Reason{Code: code, Text: text, Err: err}
}

var errClosedByUser = errors.New("smartsocket: closed by the application")
