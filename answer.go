package smartsocket

import (
	"fmt"
	"log/slog"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/fault"
	"github.com/smartsocket/smartsocket/internal/ledger"
	"github.com/smartsocket/smartsocket/internal/refusal"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

// Checks return why a message is not handled, and this file tells the client: refuse for an event
// that judge stopped, fail and reject for one that was stopped later. turnAway ends a handshake.

// refuse answers a message that will not be handled. It runs on the link's loop. Only an event that
// waited and found no handler is refused by a worker, who does not touch the loop's fields then.
func (l *link) refuse(m *message.Message, r refusal.Refusal) {
	if r.Counter != nil {
		r.Counter.Add(1)
	}
	l.srv.journal.RefusedMessage(l.s.ID(), l.ns.path, m.Event, r.Err)
	if r.Answer != nil {
		l.send(r.Answer)
		l.s.kept.ledger.Sent(m.AckID, l.serial)
	}
	if r.Follow&refusal.Silent != 0 {
		return
	}
	wanted := m.Flags&message.FlagAck != 0 && r.Follow&refusal.Unanswered == 0
	if wanted && r.Follow&refusal.Unasked != 0 && l.s.kept != nil {
		l.s.kept.ledger.Unask(m.AckID)
	}
	switch {
	case wanted:
		to := message.Message{Kind: message.KindError, Flags: message.FlagAck, AckID: m.AckID}
		l.sendError(to, r.Err)
	case r.Follow&refusal.Told != 0:
		l.sendError(message.Message{Kind: message.KindError}, r.Err)
	}
	if r.Follow&refusal.Violating != 0 || r.Follow&refusal.Told != 0 && !wanted {
		l.violated(r.Follow&refusal.Fatal == 0)
	}
	if r.Follow&refusal.Fatal != 0 {
		l.ws.Close(frame.CloseCode(message.CloseCodeFor(r.Err.Code)), string(r.Err.Code))
	}
	if r.Follow&refusal.Announced != 0 {
		l.s.announceLimit(r.Err)
	}
}

// unhandled is the refusal of an event that nobody registered for.
func (s *Socket) unhandled(event string) refusal.Refusal {
	return refusal.NoHandler(event, s.ns.path, &s.srv.counters.unhandled)
}

// maxViolations is how many invalid messages in a row a connection may send.
const maxViolations = 10

// violated counts a message that broke the protocol. Too many in a row end the connection.
func (l *link) violated(close bool) {
	l.srv.counters.violations.Add(1)
	l.violations++
	if close && l.violations >= maxViolations {
		l.ws.Close(frame.ClosePolicyViolation,
			string(message.CodeInvalidFormat)+" too many invalid messages")
	}
}

// turnAway ends a handshake, or an overdue authentication, with an ERROR and its close code.
func (l *link) turnAway(e *Error) {
	if l.phase.Load() < linkOpen { // neither the hook nor Retry may open it any more
		l.phase.Store(linkClosed)
	}
	if e.Code == message.CodeAuthFailed {
		l.srv.gate.Failed(l.ticket.Address(), l.srv.sinceStart())
	}
	l.endHandshake(e)
}

// endHandshake is turnAway for a failure that the gate has counted already, or that is not the
// client's.
func (l *link) endHandshake(e *Error) {
	l.srv.counters.rejected.Add(1)
	l.dismiss(e)
}

// dismiss sends an ERROR, closes with its close code, and tells the log.
func (l *link) dismiss(e *Error) {
	l.srv.journal.Refused(l.ws, l.ticket.Address(), e)
	l.sendError(message.Message{Kind: message.KindError}, e)
	l.ws.Close(frame.CloseCode(message.CloseCodeFor(e.Code)), string(e.Code))
}

// fail answers an event whose handlers ran, or would have, with an error: in its ack if one was
// asked for, else as an ERROR. An error without an event name takes this one.
func (s *Socket) fail(event string, ack Ack, err error) {
	e := fault.Named(fault.Wire(err, message.CodeInvalidFormat), event)
	if ack.Requested() {
		ack.fail(e)
		return
	}
	s.link.Load().sendError(message.Message{Kind: message.KindError}, e)
}

// undecodable answers an event whose data does not fit its handler, and raises "error".
func (s *Socket) undecodable(event string, ack Ack, err error) {
	s.srv.counters.undecodable.Add(1)
	s.srv.counters.errors.Add(1)
	e := fault.Named(fault.Wire(err, message.CodeInvalidFormat), event)
	s.often(slog.LevelWarn, "the data of an event does not fit its handler", event, "",
		"error", fault.ForLog(e))
	s.fail(event, ack, outward(s, event, err, message.CodeInvalidFormat))
	if event != eventError { // or its handlers would call themselves for ever
		s.fire(eventError, Data{&body{info: e}})
	}
}

// reject answers an event that a middleware stopped, if it wants an ack, and raises "error".
func (s *Socket) reject(event string, ack Ack, err error) {
	e := fault.Wire(err, message.CodeRejected)
	s.srv.counters.rejectedEvents.Add(1)
	if ack.Requested() {
		ack.fail(outward(s, event, err, message.CodeRejected))
	}
	if event != eventError { // see undecodable
		s.raise(&Error{Code: e.Code, Message: e.Message, Event: event, Cause: err})
	}
}

// outward is what a client is told of an application's error.
func outward(s *Socket, event string, err error, code message.Code) *Error {
	var mapped func(error) error
	if f := s.srv.current().MapError; f != nil {
		mapped = func(err error) error { return f(s, event, err) }
	}
	return fault.Outward(err, code, event, mapped, func(p any) {
		s.srv.counters.panics.Add(1)
		s.often(slog.LevelError, "MapError panicked", event, "", "panic", fmt.Sprint(p))
	})
}

// answer sends the handlers' answer to the event with this ack id. It borrows b. With the message
// cache the ledger keeps the answer, and it is sent only if the current link asked last. Otherwise
// the client will ask again on its new link.
func (s *Socket) answer(id uint64, b []byte) {
	s.srv.journal.Answered(s.ID(), s.ns.path, id, len(b))
	if s.kept == nil {
		s.link.Load().sendLast(b)
		return
	}
	asker, known := s.kept.ledger.Answer(id, b, s.srv.sinceStart(), s.srv.answerBounds())
	switch l := s.link.Load(); {
	case !known && s.kept.Answer(id, b): // it has moved
	case !known:
		l.sendLast(b)
	case l.serial == asker:
		l.sendLast(b)
		s.kept.ledger.Sent(id, asker)
	}
}

// answerError is answer with an error in place of data.
func (s *Socket) answerError(id uint64, e *Error) {
	b := pool.GetUnsized(pool.Encoded)
	m := message.Message{Kind: message.KindError, Flags: message.FlagAck, AckID: id}
	c := s.link.Load().encoding()
	b.B = c.AppendError(b.B, m, e)
	s.answer(id, b.B)
	pool.PutUnsized(b)
}

// sendError sends m, an ERROR, with e as its payload.
func (l *link) sendError(m message.Message, e *Error) {
	b := pool.GetUnsized(pool.Encoded)
	c := l.encoding()
	b.B = c.AppendError(b.B, m, e)
	l.send(b.B)
	pool.PutUnsized(b)
}

// answerBounds bound the answers that a session keeps.
func (v *Server) answerBounds() ledger.Bounds {
	o := v.current()
	return ledger.Bounds{Bytes: o.MessageCacheBytes, Age: o.MessageCacheAge, Budget: v.sessions}
}

// announceLimit tells the "rate-limit" handlers of a limit, or the client if there are none.
func (s *Socket) announceLimit(e *Error) {
	if any, _ := s.has(eventLimited); any {
		s.post(job{kind: jobLimited, notice: e})
		return
	}
	b, c := pool.GetUnsized(pool.Encoded), s.link.Load().encoding()
	b.B, _ = c.AppendOwn(b.B, message.EventRateLimited, 0, refusal.NoticeOf(e))
	s.sendEvent(b)
}
