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

// lifecycle holds the handlers of what happens to sockets, as opposed to what they send.
type lifecycle struct {
	connected    table // under the name "connected"
	disconnected table
	failed       table // "error"
	limited      table // "rate-limit"
}

const (
	eventConnected    = "connected"
	eventDisconnected = "disconnected"
	eventError        = "error"
	eventLimited      = "rate-limit"
)

// of returns the table behind a lifecycle event's name or alias, or nil.
func (l *lifecycle) of(event string) (*table, string) {
	switch event {
	case "connected", "connect", "connection":
		return &l.connected, eventConnected
	case "disconnected", "disconnect":
		return &l.disconnected, eventDisconnected
	case "error":
		return &l.failed, eventError
	case "rate-limit":
		return &l.limited, eventLimited
	}
	return nil, ""
}

func (t *table) first() *entry {
	m := t.m.Load()
	if m == nil {
		return nil
	}
	for _, e := range *m {
		return e
	}
	return nil
}

// tablesOf lists the two places where lifecycle handlers of a socket may be:
// its namespace's, then the server's, which hears of all namespaces.
func (s *Socket) tablesOf(pick func(*lifecycle) *table) [2]*table {
	return [2]*table{pick(&s.srv.life), pick(&s.ns.life)}
}

func pickConnected(l *lifecycle) *table    { return &l.connected }
func pickDisconnected(l *lifecycle) *table { return &l.disconnected }
func pickFailed(l *lifecycle) *table       { return &l.failed }
func pickLimited(l *lifecycle) *table      { return &l.limited }

// has reports whether a lifecycle event of s has handlers, and whether all of them are inline.
func (s *Socket) has(pick func(*lifecycle) *table) (any, inline bool) {
	inline = true
	for _, t := range s.tablesOf(pick) {
		if e := t.first(); e != nil {
			any, inline = true, inline && e.inline
		}
	}
	return any, inline
}

func (s *Socket) fire(pick func(*lifecycle) *table, d Data) {
	for _, t := range s.tablesOf(pick) {
		if e := t.first(); e != nil {
			t.run(e, s, d, Ack{})
		}
	}
}

// raise reports an error that concerns s to the "error" handlers, or to the log when there are none.
func (s *Socket) raise(err error) {
	s.srv.counters.errors.Add(1)
	if s.ns == nil {
		return
	}
	if any, _ := s.has(pickFailed); !any {
		s.srv.log.Warn("error on a socket", "socket", s.place.ID, "namespace", s.ns.path, "error", forLog(err))
		return
	}
	s.fire(pickFailed, Data{&body{info: err}})
}

func (s *Socket) handlerPanicked(event string, ack Ack, p any) {
	s.srv.counters.panics.Add(1)
	s.srv.log.Error("a handler panicked", "event", event, "socket", s.place.ID, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
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
