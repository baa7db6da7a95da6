package smartsocket

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/smartsocket/smartsocket/internal/fault"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

// Ack answers the sender of an event. It is a small value that may be kept and
// used later, from any goroutine; when no answer was asked for it does nothing.
// Only the first Reply or Fail counts, later ones are logged and ignored.
type Ack struct {
	call *ackCall
	s    *Socket // for the log; call.s is read by the one who answers only
	gen  uint32
}

// ackCall is one awaited answer. It is pooled: the generation moves on when the
// answer is given, so that an Ack kept too long cannot answer somebody else's.
type ackCall struct {
	gen atomic.Uint32
	s   *Socket
	id  uint64
}

var ackCalls = sync.Pool{New: func() any { return new(ackCall) }}

func newAck(s *Socket, id uint64) Ack {
	c := ackCalls.Get().(*ackCall)
	c.s, c.id = s, id
	return Ack{c, s, c.gen.Load()}
}

// Requested reports whether the sender waits for an answer.
func (a Ack) Requested() bool { return a.call != nil }

// Reply answers with v: nil for no data, []byte for raw bytes, anything else as
// JSON. A value that cannot be encoded becomes an error answer.
func (a Ack) Reply(v any) {
	s, id, ok := a.take()
	if !ok {
		return
	}
	b := pool.Get(256)
	encoded := false
	defer func() {
		pool.Put(b)
		if !encoded { // v's own MarshalJSON panicked, and the answer is taken
			s.answerError(id, message.ErrHandlerFailed)
		}
	}()
	var err error
	b.B, err = s.encodeAck(b.B, id, v)
	encoded = true
	if err != nil {
		s.answerError(id, fault.Wire(err, message.CodeHandlerFailed))
		s.raise(err)
		return
	}
	s.sendAnswer(id, b.B)
}

// Fail answers with an error: an *Error as it is, any other as ERR_APP_002 with its text.
func (a Ack) Fail(err error) {
	if s, id, ok := a.take(); ok {
		s.answerError(id, fault.Wire(err, message.CodeHandlerFailed))
	}
}

// take claims the one answer.
func (a Ack) take() (s *Socket, id uint64, ok bool) {
	c := a.call
	if c == nil {
		return nil, 0, false
	}
	if !c.gen.CompareAndSwap(a.gen, a.gen+1) {
		a.s.srv.log.Warn("a second answer to one event is ignored", "socket", a.s.place.ID)
		return nil, 0, false
	}
	// Only who moved the generation may look: c is ours until Put.
	s, id = c.s, c.id
	c.s = nil
	ackCalls.Put(c)
	return s, id, true
}

// nack refuses an event that no handler has seen.
func (s *Socket) nack(id uint64, e *Error) {
	if s.session != nil {
		s.session.asked.unasked(id)
	}
	s.nackOnly(id, e)
}

// nackOnly sends an ERROR that answers the ack id.
func (s *Socket) nackOnly(id uint64, e *Error) {
	s.sendErrorMessage(message.Message{Kind: message.KindError, Flags: message.FlagAck, AckID: id}, e)
}

// answerError is sendAnswer for an error of the handlers.
func (s *Socket) answerError(id uint64, e *Error) {
	b := pool.Get(256)
	b.B = s.appendError(b.B, message.Message{Kind: message.KindError, Flags: message.FlagAck, AckID: id}, e)
	s.sendAnswer(id, b.B)
	pool.Put(b)
}

// sendError tells the peer of an error that belongs to no ack.
func (s *Socket) sendError(e *Error) {
	s.sendErrorMessage(message.Message{Kind: message.KindError}, e)
}

func (s *Socket) sendErrorMessage(m message.Message, e *Error) {
	b := pool.Get(256)
	b.B = s.appendError(b.B, m, e)
	s.sendMessage(b.B)
	pool.Put(b)
}

// appendError appends m, an ERROR, with e as its payload.
func (s *Socket) appendError(dst []byte, m message.Message, e *Error) []byte {
	p := pool.Get(256)
	defer pool.Put(p)
	p.B = message.AppendErrorJSON(p.B, e)
	m.Payload = p.B
	if s.plain {
		return message.AppendJSON(dst, &m)
	}
	return message.Append(dst, &m)
}

// pending is one answer that this server waits for.
type pending struct {
	done  func(Data, error)
	timer *time.Timer
}

// EmitWithAck sends an event and waits for the client's answer, which the
// caller owns. It ends with ERR_ACK_001 after Options.AckTimeout, with
// ERR_CONN_006 when the connection is lost, with the context's error, or with
// the error that the client answered. It blocks: never call it from an Inline handler.
func (s *Socket) EmitWithAck(ctx context.Context, event string, data any) (Data, error) {
	type answer struct {
		d   Data
		err error
	}
	got := make(chan answer, 1)
	id, err := s.emitAck(event, data, s.srv.current().AckTimeout, func(d Data, err error) { got <- answer{d, err} })
	if err != nil {
		return Data{}, err
	}
	select {
	case a := <-got:
		return a.d, a.err
	case <-ctx.Done():
		s.abandon(id)
		return Data{}, ctx.Err()
	}
}

// EmitAck is EmitWithAck without the wait: done is called exactly once, with
// an owned answer or an error, on the connection's loop or a timer's goroutine,
// and must not block. A timeout of 0 means Options.AckTimeout.
func (s *Socket) EmitAck(event string, data any, timeout time.Duration, done func(Data, error)) error {
	if timeout == 0 {
		timeout = s.srv.current().AckTimeout
	}
	_, err := s.emitAck(event, data, timeout, done)
	return err
}

func (s *Socket) emitAck(event string, data any, timeout time.Duration, done func(Data, error)) (uint64, error) {
	x := s.extra()
	x.mu.Lock()
	if x.closed || !s.Connected() && s.session == nil {
		x.mu.Unlock()
		return 0, fault.Lost("the socket is not connected")
	}
	x.lastAck++
	id := x.lastAck
	if x.pending == nil {
		x.pending = make(map[uint64]*pending)
	}
	p := &pending{done: done}
	x.pending[id] = p
	p.timer = time.AfterFunc(timeout, func() { s.expire(id, event, timeout) })
	x.mu.Unlock()

	b := pool.Get(256)
	var err error
	if b.B, err = s.encodeEvent(b.B, event, id, data); err != nil {
		pool.Put(b)
		s.abandon(id)
		return 0, err
	}
	if s.sendEvent(b) == dropped {
		if s.claim(id) != nil {
			return 0, fault.Lost("the message could not be queued")
		}
	}
	return id, nil
}

// claim takes the pending answer with this id out of the table: whoever gets it settles it.
func (s *Socket) claim(id uint64) *pending {
	x := s.extra()
	x.mu.Lock()
	defer x.mu.Unlock()
	p := x.pending[id]
	if p == nil {
		return nil
	}
	delete(x.pending, id)
	p.timer.Stop()
	return p
}

func (s *Socket) abandon(id uint64) { s.claim(id) }

// ackState reports whether a question with this id was ever asked, and whether
// its answer is still waited for.
func (s *Socket) ackState(id uint64) (asked, open bool) {
	x := s.ext.Load()
	if x == nil {
		return false, false
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return 0 < id && id <= x.lastAck, x.pending[id] != nil
}

func (s *Socket) expire(id uint64, event string, after time.Duration) {
	if p := s.claim(id); p != nil {
		e := fault.Errorf(message.CodeAckTimeout, "no acknowledgement within %v: raise ackTimeout or look at the receiver's handler", after)
		e.Event = event
		s.finish(p, Data{}, e)
	}
}

// finish settles one answer. It contains a panic of the application's function,
// since a timer's goroutine would take the process down with it.
func (s *Socket) finish(p *pending, d Data, err error) {
	defer func() {
		if v := recover(); v != nil {
			s.handlerPanicked("", Ack{}, v)
		}
	}()
	p.done(d, err)
}

// settle hands a received ACK or ERROR to whoever waits for it. One that comes
// after its time, or twice because of a resume, is counted and no fault of the
// client's; one to a question that was never asked is.
func (s *Socket) settle(m *message.Message) {
	var p *pending
	if s.ext.Load() != nil {
		p = s.claim(m.AckID)
	}
	if p == nil {
		s.srv.counters.unknownAcks.Add(1)
		if asked, _ := s.ackState(m.AckID); asked {
			s.srv.log.Debug("an answer came that nobody waits for any more", "socket", s.place.ID, "code", string(message.CodeAckUnknown), "ack", m.AckID)
			return
		}
		s.violation(fault.Errorf(message.CodeAckUnknown, "ack %d answers no message of this connection", m.AckID))
		return
	}
	if m.Kind == message.KindAck {
		s.finish(p, Data{&body{b: append([]byte(nil), m.Payload...), binary: m.Flags&message.FlagBinary != 0}}, nil)
		return
	}
	e, err := message.ParseErrorJSON(m.Payload)
	if err != nil {
		s.finish(p, Data{}, &Error{Code: message.CodeAckInvalid, Message: "the answer could not be read", Cause: err})
		return
	}
	s.finish(p, Data{}, &e)
}

// failPending settles everything that still waits when the connection is gone.
func (s *Socket) failPending() {
	x := s.ext.Load()
	if x == nil {
		return
	}
	x.mu.Lock()
	x.closed = true
	waiting := x.pending
	x.pending = nil
	x.mu.Unlock()
	for _, p := range waiting {
		p.timer.Stop()
		s.finish(p, Data{}, fault.Lost("the connection was lost before the answer came"))
	}
}
