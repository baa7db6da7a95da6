package smartsocket

import (
	"context"
	"log/slog"
	"time"

	"github.com/smartsocket/smartsocket/internal/claim"
	"github.com/smartsocket/smartsocket/internal/fault"
	"github.com/smartsocket/smartsocket/internal/refusal"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

// Ack answers the sender of an event. It is a small value that may be kept and used later, from any
// goroutine. It does nothing when no answer was asked for. Only the first Reply or Fail counts;
// later ones are logged. With the message cache an answer also reaches a client that has
// reconnected.
type Ack struct {
	answer claim.Claim[awaited]
	s      *Socket // for the log
}

// awaited is an answer that a sender waits for.
type awaited struct {
	s     *Socket
	id    uint64
	event string
}

var answers claim.Pool[awaited]

// newAck makes the Ack of an event that asked for an answer, under the id that its sender chose.
func newAck(s *Socket, id uint64, event string) Ack {
	return Ack{answers.New(awaited{s, id, event}), s}
}

// Requested reports whether the sender waits for an answer.
func (a Ack) Requested() bool { return a.answer.Any() }

// Reply answers with v: nil for no data, []byte for raw bytes, anything else as JSON. A value that
// cannot be encoded becomes an error answer. v is borrowed for the call.
func (a Ack) Reply(v any) {
	w, ok := a.take()
	if !ok {
		return
	}
	s, id, event := w.s, w.id, w.event
	b := pool.GetUnsized(pool.Encoded)
	encoded := false
	defer func() {
		pool.PutUnsized(b)
		if !encoded { // v's own MarshalJSON panicked, and the answer is taken
			s.answerError(id, fault.Named(message.ErrHandlerFailed, event))
		}
	}()
	var err error
	c := s.link.Load().encoding()
	b.B, err = c.AppendAck(b.B, id, value(v))
	encoded = true
	if err != nil {
		e := fault.Named(fault.Wire(err, message.CodeHandlerFailed), event)
		s.answerError(id, e)
		s.raise(e)
		return
	}
	s.answer(id, b.B)
}

// Fail answers with an error: an *Error, or the one that it wraps, as it is, any other as
// ERR_APP_002 with its text. If the error has no Event, this event's name is filled in.
// Options.MapError is asked before.
func (a Ack) Fail(err error) {
	w, ok := a.take()
	if !ok {
		return
	}
	e := message.ErrHandlerFailed
	defer func() { w.s.answerError(w.id, fault.Named(e, w.event)) }() // whatever MapError does
	e = outward(w.s, w.event, err, message.CodeHandlerFailed)
}

// fail answers with an error of the server's own.
func (a Ack) fail(e *Error) {
	if w, ok := a.take(); ok {
		w.s.answerError(w.id, fault.Named(e, w.event))
	}
}

// take claims the one answer.
func (a Ack) take() (w awaited, ok bool) {
	if w, ok = answers.Take(a.answer); !ok && a.Requested() {
		a.s.often(slog.LevelWarn, "a second answer to one event is ignored", "", "")
	}
	return w, ok
}

// EmitWithAck sends an event and waits for the client's answer, which the caller owns. It ends
// with ERR_ACK_001 after Options.AckTimeout, with ERR_CONN_006 when the connection is lost (with
// the message cache, when the session ends), with the context's error, or with the error that the
// client answered. It blocks: never call it from an Inline handler.
func (s *Socket) EmitWithAck(ctx context.Context, event string, data any) (Data, error) {
	type answer struct {
		d   Data
		err error
	}
	got := make(chan answer, 1)
	id, err := s.emitAck(event, data, s.srv.current().AckTimeout,
		func(d Data, err error) { got <- answer{d, err} })
	if err != nil {
		return Data{}, err
	}
	select {
	case a := <-got:
		return a.d, a.err
	case <-ctx.Done():
		s.extra().questions.Claim(id)
		return Data{}, ctx.Err()
	}
}

// EmitAck is EmitWithAck without the wait: done is called exactly once, with an answer that it may
// keep or with an error, on the connection's loop or a timer's goroutine, and must not block. A
// timeout of 0 means Options.AckTimeout. When EmitAck returns an error, done is not called. Like a
// reliable Emit it does not wait for the socket to authenticate.
func (s *Socket) EmitAck(
	event string, data any, timeout time.Duration, done func(Data, error),
) error {
	if timeout == 0 {
		timeout = s.srv.current().AckTimeout
	}
	_, err := s.emitAck(event, data, timeout, done)
	return err
}

// emitAck sends an event that asks for an answer, and returns the id of the question.
func (s *Socket) emitAck(
	event string, data any, timeout time.Duration, done func(Data, error),
) (uint64, error) {
	if s.kept == nil && !s.Connected() {
		return 0, errNotConnected
	}
	late := func(done func(Data, error)) {
		e := fault.Errorf(message.CodeAckTimeout, "no acknowledgement within %v: "+
			"raise ackTimeout or look at the receiver's handler", timeout)
		e.Event = event
		s.finish(done, Data{}, e)
	}
	x := s.extra()
	id, ok := x.questions.Ask(s.srv.clock, done, timeout, late)
	if !ok {
		return 0, errNotConnected
	}
	b, err := s.encode(event, id, data)
	if err != nil {
		x.questions.Claim(id)
		return 0, err
	}
	if !s.sendEvent(b) {
		if _, unsettled := x.questions.Claim(id); unsettled {
			return 0, fault.Lost("the message could not be queued")
		}
	}
	return id, nil
}

var errNotConnected = fault.Lost("the socket is not connected")

// finish settles one question by a call of done. It contains a panic of done, which would end the
// process if it came on the goroutine of a timer.
func (s *Socket) finish(done func(Data, error), d Data, err error) {
	returned := false
	defer func() {
		if !returned {
			s.handlerPanicked("", Ack{}, recover())
		}
	}()
	done(d, err)
	returned = true
}

// settle hands an ACK or ERROR to whoever waits for it. A late answer, or one repeated because of a
// resume, is counted and is no violation. An answer to a question that was never asked is one.
func (l *link) settle(m *message.Message) {
	s := l.s
	x := s.ext.Load()
	if x == nil { // nobody ever asked
		x = new(socketExtra)
	}
	done, ok := x.questions.Claim(m.AckID)
	if !ok {
		l.srv.counters.unknownAcks.Add(1)
		if ever, _ := x.questions.Asked(m.AckID); ever {
			l.srv.log.Debug("an answer came that nobody waits for any more",
				"socket", s.ID(), "code", string(message.CodeAckUnknown), "ack", m.AckID)
			return
		}
		l.refuse(m, refusal.Violation(fault.Errorf(message.CodeAckUnknown,
			"ack %d answers no message of this connection", m.AckID)))
		return
	}
	if m.Kind == message.KindAck {
		s.finish(done, Data{&body{Payload: payloadOf(m)}}.Clone(), nil)
		return
	}
	e, err := message.ParseErrorJSON(m.Payload)
	if err != nil {
		s.finish(done, Data{}, &Error{
			Code: message.CodeAckInvalid, Message: "the answer could not be read", Cause: err})
		return
	}
	s.finish(done, Data{}, &e)
}
