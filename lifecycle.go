package smartsocket

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/fault"
	"github.com/smartsocket/smartsocket/internal/journal"
	"github.com/smartsocket/smartsocket/internal/outgoing"
	"github.com/smartsocket/smartsocket/internal/registry"
	"github.com/smartsocket/smartsocket/internal/session"
	"github.com/smartsocket/smartsocket/message"
)

// The lifecycle events: what happens to sockets, as opposed to what they send. Their
// handlers are in tables of their own, the server's and each namespace's.
const (
	eventConnected    = registry.Connected
	eventDisconnected = registry.Disconnected
	eventEnded        = "ended"
	eventError        = registry.Error
	eventLimited      = registry.Limited
)

// lifecycleHandlers are those of s: the server's, its namespace's and then its own.
func (s *Socket) lifecycleHandlers(event string) (h [3]*entry) {
	h[0], h[1] = s.srv.life.FindString(event), s.ns.life.FindString(event)
	if x := s.ext.Load(); x != nil {
		h[2] = x.life.FindString(event)
	}
	return h
}

// has reports whether a lifecycle event of s has handlers, and whether all of them are inline.
func (s *Socket) has(event string) (any, inline bool) {
	inline = true
	for _, e := range s.lifecycleHandlers(event) {
		any, inline = any || e != nil, inline && registry.Inline(e)
	}
	return any, inline
}

// fire runs the handlers of a lifecycle event, as they are registered when it begins.
func (s *Socket) fire(event string, d Data) {
	for _, e := range s.lifecycleHandlers(event) {
		s.run(e, d, Ack{}, outermost{})
	}
}

// raise reports an error that concerns s to the "error" handlers, or to the log if there are none.
func (s *Socket) raise(err error) {
	s.srv.counters.errors.Add(1)
	if s.ns == nil {
		return
	}
	if any, _ := s.has(eventError); !any {
		e := fault.Wire(err, message.CodeHandlerFailed)
		s.often(slog.LevelWarn, "error on a socket", e.Event, string(e.Code),
			"error", fault.ForLog(err))
		return
	}
	s.fire(eventError, Data{&body{info: err}})
}

// often tells the log, in bursts, of something that a client can bring about at any rate.
func (s *Socket) often(level slog.Level, what, event, detail string, args ...any) {
	c := journal.Cause{What: what, Namespace: s.ns.path, Event: event, Detail: detail}
	s.srv.journal.OftenOf(s.ID(), level, c, args)
}

// handlerPanicked deals with a handler that panicked with p, or ended its goroutine if p is nil.
func (s *Socket) handlerPanicked(event string, ack Ack, p any) {
	s.srv.counters.panics.Add(1)
	if p == nil {
		p = "runtime.Goexit: it ended its goroutine"
	}
	s.often(slog.LevelError, "a handler panicked", event, "", "panic", fmt.Sprint(p))
	ack.fail(&Error{Code: message.CodeHandlerFailed, Event: event,
		Message: "the handler of this event failed: see the server's log"})
	if event != eventError {
		s.raise(&Error{Code: message.CodeHandlerFailed, Event: event,
			Message: fmt.Sprintf("handler panicked: %v", p)})
	}
}

// Context returns a context that ends with the socket's session, or without the message cache with
// its connection. It ends at once, while handlers may still wait. Its cause is ERR_CONN_006. It has
// the values of the first connection's request, if that came through Server.ServeHTTP.
func (s *Socket) Context() context.Context {
	x := s.extra()
	if s.settled.Load() { // forget may have run before there was an x
		x.contexts.End(errGone)
	}
	values := context.Background()
	if l := s.link.Load(); l.serial == 1 {
		values = l.values()
	}
	return x.contexts.Owner(values, errGone)
}

// LinkContext returns a context that ends, at once, with the connection that the handlers were told
// of last. It has ended already while the client is away, and in a handler that runs so late that
// the client has come back meanwhile. Its cause is ERR_CONN_006. It has the values of the
// connection's request, if that came through Server.ServeHTTP.
func (s *Socket) LinkContext() context.Context {
	return s.extra().contexts.Connection(func() (uint64, context.Context, bool) {
		return linkNow(s)
	}, errGone)
}

// linkNow is the connection that the handlers of s were told of last: its serial, its values, and
// whether it is there.
func linkNow(s *Socket) (serial uint64, values context.Context, open bool) {
	l := s.link.Load()
	if serial = uint64(max(1, s.told.Load())); serial != l.serial {
		return serial, context.Background(), false
	}
	return serial, l.values(), l.isOpen()
}

// values are those of the request that the connection came with.
func (l *link) values() context.Context {
	if l.mounted == nil {
		return context.Background()
	}
	return l.mounted.values
}

var errGone error = fault.Lost("the client is gone")

// gone tells the disconnected handlers, and ends a socket whose session does not go on.
func (s *Socket) gone(j *job) {
	defer s.away(j)
	if any, _ := s.has(eventDisconnected); any {
		s.fire(eventDisconnected, j.reason.data())
	}
}

// away decides, behind the disconnected handlers, whether the socket is over.
func (s *Socket) away(j *job) {
	outcome := j.outcome
	if outcome == session.Undecided {
		outcome = s.kept.Decide(j.link, s.auth.Load() != authMissing)
		if outcome == session.Over {
			s.forget()
		}
	}
	if outcome == session.Over {
		s.over(*j.reason)
	}
}

// over tells the ended handlers, with the rooms still in place, and takes the socket out of them.
func (s *Socket) over(r Reason) {
	defer s.ns.hub.Remove(s)
	if any, _ := s.has(eventEnded); any {
		s.fire(eventEnded, r.data())
	}
}

// data is what a handler is given: the reason itself, and its text as JSON.
func (r Reason) data() Data {
	b, _ := message.Marshal(nil, r.String())
	return Data{&body{Payload: outgoing.Payload{B: b}, info: r}}
}

// reasonOf is the Reason of an ended connection.
func reasonOf(code frame.CloseCode, text string, err error) *Reason {
	if text == "" && err != nil {
		text = err.Error()
	}
	return &Reason{Code: code, Text: text, Err: err}
}

// final reports whether a close with code ends the session too.
func final(code frame.CloseCode) bool {
	return code == frame.CloseNormal ||
		!message.Reconnects(uint16(code)) && code != frame.CloseCode(message.CloseReplaced)
}

// Disconnect kicks the client: its connection closes with 3504, after what is queued, and the
// client does not reconnect. The session ends too, also when the client is away or is about to
// come back; who was away returns as a new socket. DisconnectWith chooses otherwise.
func (s *Socket) Disconnect() { s.DisconnectWith(frame.CloseCode(message.CloseKicked), "kicked") }

// DisconnectWith closes the connection with a code and a reason. 1002, 1008 and 3500–3999 keep the
// client from reconnecting and end the session, even if the client is away or about to come back;
// only 3503 leaves the session alone. 1000 ends it too, but the client comes back as a new socket.
// After any other code, for example 3000–3499, the client reconnects and its session goes on.
func (s *Socket) DisconnectWith(code frame.CloseCode, reason string) {
	if s.kept != nil && final(code) {
		s.kept.kicked.Store(&Reason{Code: code, Text: reason})
		s.kept.Doom() // before the link is looked at, so that no other one follows
	}
	s.link.Load().ws.Close(code, reason)
}
