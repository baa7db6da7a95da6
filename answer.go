package smartsocket

import (
	"log/slog"
	"sync/atomic"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/fault"
	"github.com/smartsocket/smartsocket/internal/ledger"
	"github.com/smartsocket/smartsocket/internal/outgoing"
	"github.com/smartsocket/smartsocket/internal/vetting"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

// Checks return why a message is not handled. Only this file answers: turnAway ends a handshake,
// refuse is the one exit for a message that no handler sees, and fail answers for handlers.

// refusal is why a message is not handled, and what follows from it. The zero value is none.
type refusal struct {
	err     *Error
	follow  consequence
	counter *atomic.Int64 // counts refusals of this kind; nil = the fault is what counts
}

// consequence is what a refusal leads to besides the answer to a sender that asked for an ack.
type consequence uint8

const (
	// told also without an ack, as an ERROR: the message broke the protocol and is a fault.
	told consequence = 1 << iota
	// faulty counts as a fault even though the ack is answered.
	faulty
	// unasked: no handler has seen the event, so that a repetition counts as new.
	unasked
	// unanswered: the ack is not answered, because its id is what is wrong.
	unanswered
	// silent: the sender is told nothing.
	silent
	// fatal ends the connection with the close code of the error.
	fatal
	// announced: once per window, the application or the client is told of the limit.
	announced
)

// none reports whether the message may pass.
func (r *refusal) none() bool { return r.err == nil && r.follow == 0 }

func violation(e *Error) refusal { return refusal{err: e, follow: told | unanswered} }

// unusable is a message that could not be read. For bad JSON the envelope is known, so the sender
// still gets an answer. A message over the size limit ends the connection.
func unusable(m *message.Message, e *Error) refusal {
	switch {
	case (e == errBadJSON || e == errElements || e == errRatio) && m.Kind == message.KindEvent:
		return refusal{err: e, follow: told | faulty}
	case e.Code == message.CodeTooLarge:
		return refusal{err: e, follow: told | unanswered | fatal}
	}
	return violation(e)
}

// undecryptable is a record that does not open.
var undecryptable = refusal{err: message.ErrDecryption, follow: told | unanswered | fatal}

// refuse answers a message that will not be handled. It runs on the link's loop, or behind the
// socket's mailbox for a refusal that is no fault.
func (l *link) refuse(m *message.Message, r refusal) {
	if r.counter != nil {
		r.counter.Add(1)
	}
	l.srv.journal.RefusedMessage(l.s.ID(), l.ns.path, m.Event, r.err)
	if r.follow&silent != 0 {
		return
	}
	wanted := m.Flags&message.FlagAck != 0 && r.follow&unanswered == 0
	if wanted && r.follow&unasked != 0 && l.s.kept != nil {
		l.s.kept.ledger.Unask(m.AckID)
	}
	switch {
	case wanted:
		to := message.Message{Kind: message.KindError, Flags: message.FlagAck, AckID: m.AckID}
		l.sendError(to, r.err)
	case r.follow&told != 0:
		l.sendError(message.Message{Kind: message.KindError}, r.err)
	}
	if r.follow&faulty != 0 || r.follow&told != 0 && !wanted {
		l.fault(r.follow&fatal == 0)
	}
	if r.follow&fatal != 0 {
		l.ws.Close(frame.CloseCode(message.CloseCodeFor(r.err.Code)), string(r.err.Code))
	}
	if r.follow&announced != 0 {
		l.s.announceLimit(r.err)
	}
}

// maxFaults is how many invalid messages in a row a connection may send.
const maxFaults = 10

// fault counts a message that broke the protocol. Too many in a row end the connection.
func (l *link) fault(close bool) {
	l.srv.counters.violations.Add(1)
	l.faults++
	if close && l.faults >= maxFaults {
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

// endHandshake is turnAway where a failure is counted already, or is none of the client's.
func (l *link) endHandshake(e *Error) {
	l.srv.counters.rejected.Add(1)
	l.dismiss(e)
}

// dismiss sends an ERROR, closes with its close code, and tells the log.
func (l *link) dismiss(e *Error) {
	l.srv.journal.Refused(l.ws, e)
	l.sendError(message.Message{Kind: message.KindError}, e)
	l.ws.Close(frame.CloseCode(message.CloseCodeFor(e.Code)), string(e.Code))
}

// fail answers an event whose handlers ran, or would have, with an error: in its ack if one was
// asked for, else as an ERROR. An error without an event name takes this one.
func (s *Socket) fail(event string, ack Ack, err error) {
	e := fault.Named(fault.Wire(err, message.CodeInvalidFormat), event)
	if ack.Requested() {
		ack.Fail(e)
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
	s.fail(event, ack, e)
	s.fire(eventError, Data{&body{info: e}})
}

// reject answers an event that a middleware stopped, if it wants an ack, and raises "error".
func (s *Socket) reject(event string, ack Ack, err error) {
	e := fault.Wire(err, message.CodeRejected)
	s.srv.counters.rejectedEvents.Add(1)
	if ack.Requested() {
		ack.Fail(e)
	}
	s.raise(&Error{Code: e.Code, Message: e.Message, Event: event, Cause: err})
}

// answer sends the handlers' answer to the event with this ack id. It borrows b. A session keeps
// the answer and sends it to the connection that asked last. Any other will ask again.
func (s *Socket) answer(id uint64, b []byte) {
	s.srv.journal.Answered(s.ID(), id, len(b))
	if s.kept == nil {
		s.link.Load().sendLast(b)
		return
	}
	asker, known := s.kept.ledger.Answer(id, b, s.srv.sinceStart(), s.srv.answerBounds())
	switch l := s.link.Load(); {
	case !known:
		l.sendLast(b)
	case l.serial == asker:
		l.sendLast(b)
		s.kept.ledger.Sent(id, asker)
	}
}

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

// The errors that checks return.
var (
	errPlainBinary = &Error{Code: message.CodeInvalidFormat,
		Message: "a plain client sends text messages: ask for the subprotocol " +
			message.Subprotocol + " to send binary ones"}
	errBadJSON  = outgoing.ErrBadJSON
	errEncrypts = &Error{Code: message.CodeAuthFailed,
		Message: "the client encrypts and this server does not: give both the same key, or none"}
	errTooLarge    = message.New(message.CodeTooLarge, "the payload is over maxMessageBytes: split it")
	errOverMax     = message.New(message.CodeTooLarge, "over this event's limit: split it")
	errElements    = message.New(message.CodeTooLarge, "over maxJSONElements: split it, or send binary")
	errMailboxFull = &Error{Code: message.CodeRateLimited,
		Message: "too many of this connection's messages wait for their handlers: send slower"}
	errAskedBefore = &Error{Code: message.CodeConnectionLost,
		Message: "this event came before, and its answer is not kept any more: " +
			"ask what became of it"}
	errAckIDUsed = &Error{Code: message.CodeInvalidFormat,
		Message: "this ack id was used before on this connection: count up"}
	errAuth      = vetting.ErrAuth
	errAuthFirst = &Error{Code: message.CodeAuthFailed,
		Message: "authenticate first: send the event " + AuthEvent}
	errAuthLate = message.New(message.CodeAuthFailed, "the connection did not authenticate in time")
)

// unhandled is the refusal of an event that nobody registered for. It is no fault.
func (s *Socket) unhandled(event string) refusal {
	return refusal{
		err: &Error{Code: message.CodeNoHandler, Event: event,
			Message: "no handler for this event in the namespace " + s.ns.path},
		follow:  unasked,
		counter: &s.srv.counters.unhandled,
	}
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
	b.B, _ = c.AppendOwn(b.B, message.EventRateLimited, 0, rateNotice{
		Message: e.Message, RetryAfter: e.RetryAfter, Code: e.Code, Event: e.Event})
	s.sendEvent(b)
}
