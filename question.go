package smartsocket

import (
	"context"
	"time"

	"github.com/smartsocket/smartsocket/internal/fault"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

// question is an event of ours whose answer is awaited.
type question struct {
	done  func(Data, error)
	timer *time.Timer
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
		s.claim(id)
		return Data{}, ctx.Err()
	}
}

// EmitAck is EmitWithAck without the wait: done is called exactly once, with an owned answer or an
// error, on the connection's loop or a timer's goroutine, and must not block. A timeout of 0 means
// Options.AckTimeout. When EmitAck returns an error, done is not called.
func (s *Socket) EmitAck(event string, data any, timeout time.Duration, done func(Data, error)) error {
	if timeout == 0 {
		timeout = s.srv.current().AckTimeout
	}
	_, err := s.emitAck(event, data, timeout, done)
	return err
}

func (s *Socket) emitAck(
	event string, data any, timeout time.Duration, done func(Data, error),
) (uint64, error) {
	id, ok := s.await(event, timeout, done)
	if !ok {
		return 0, fault.Lost("the socket is not connected")
	}
	b := pool.Get(256)
	var err error
	if b.B, err = s.link.Load().encodeEvent(b.B, event, id, data); err != nil {
		pool.Put(b)
		s.claim(id)
		return 0, err
	}
	if !s.sendEvent(b) && s.claim(id) != nil {
		return 0, fault.Lost("the message could not be queued")
	}
	return id, nil
}

// await notes a question before it is sent. ok is false when nobody can answer it.
func (s *Socket) await(event string, timeout time.Duration, done func(Data, error)) (id uint64, ok bool) {
	x := s.extra()
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed || !s.Connected() && s.kept == nil {
		return 0, false
	}
	x.lastAck++
	id = x.lastAck
	if x.questions == nil {
		x.questions = make(map[uint64]*question)
	}
	q := &question{done: done}
	x.questions[id] = q
	q.timer = time.AfterFunc(timeout, func() { s.expire(id, event, timeout) })
	return id, true
}

// claim takes a question out of the table, nil if it is not there. Whoever gets it settles it.
func (s *Socket) claim(id uint64) *question {
	x := s.extra()
	x.mu.Lock()
	defer x.mu.Unlock()
	q := x.questions[id]
	if q == nil {
		return nil
	}
	delete(x.questions, id)
	q.timer.Stop()
	return q
}

// asked reports whether a question with this id was ever asked, and whether its answer is still
// awaited.
func (s *Socket) asked(id uint64) (ever, open bool) {
	x := s.ext.Load()
	if x == nil {
		return false, false
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return 0 < id && id <= x.lastAck, x.questions[id] != nil
}

func (s *Socket) expire(id uint64, event string, after time.Duration) {
	if q := s.claim(id); q != nil {
		e := fault.Errorf(message.CodeAckTimeout,
			"no acknowledgement within %v: raise ackTimeout or look at the receiver's handler", after)
		e.Event = event
		s.finish(q, Data{}, e)
	}
}

// finish settles one question. It contains a panic of the application's function, because a
// timer's goroutine would take the process down with it.
func (s *Socket) finish(q *question, d Data, err error) {
	defer func() {
		if v := recover(); v != nil {
			s.handlerPanicked("", Ack{}, v)
		}
	}()
	q.done(d, err)
}

// settle hands a received ACK or ERROR to whoever waits for it. One that comes too late, or twice
// because of a resume, is counted and no fault of the client's. One to a question that was never
// asked is.
func (l *link) settle(m *message.Message) {
	s := l.s
	var q *question
	if s.ext.Load() != nil {
		q = s.claim(m.AckID)
	}
	if q == nil {
		l.srv.counters.unknownAcks.Add(1)
		if ever, _ := s.asked(m.AckID); ever {
			l.srv.log.Debug("an answer came that nobody waits for any more",
				"socket", s.ID(), "code", string(message.CodeAckUnknown), "ack", m.AckID)
			return
		}
		l.refuse(m, violation(fault.Errorf(message.CodeAckUnknown,
			"ack %d answers no message of this connection", m.AckID)))
		return
	}
	if m.Kind == message.KindAck {
		b := body{b: append([]byte(nil), m.Payload...), binary: m.Flags&message.FlagBinary != 0}
		s.finish(q, Data{&b}, nil)
		return
	}
	e, err := message.ParseErrorJSON(m.Payload)
	if err != nil {
		s.finish(q, Data{}, &Error{
			Code: message.CodeAckInvalid, Message: "the answer could not be read", Cause: err})
		return
	}
	s.finish(q, Data{}, &e)
}

// failQuestions settles everything that still waits, because no answer will come.
func (s *Socket) failQuestions() {
	x := s.ext.Load()
	if x == nil {
		return
	}
	x.mu.Lock()
	x.closed = true
	x.session.end()
	x.link.end()
	waiting := x.questions
	x.questions = nil
	x.mu.Unlock()
	for _, q := range waiting {
		q.timer.Stop()
		s.finish(q, Data{}, fault.Lost("the connection was lost before the answer came"))
	}
}
