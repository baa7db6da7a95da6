package smartsocket

import (
	"sync"
	"sync/atomic"

	"github.com/smartsocket/smartsocket/internal/fault"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

// Ack answers the sender of an event. It is a small value that may be kept and used later, from
// any goroutine. When no answer was asked for it does nothing. Only the first Reply or Fail
// counts; later ones are logged and ignored. With the message cache an answer reaches a client
// that has come back on another connection meanwhile.
type Ack struct {
	call *ackCall
	s    *Socket // for the log; call.s is read only by who answers
	gen  uint32
}

// ackCall is one awaited answer. It is pooled: the generation moves on when the answer is given,
// so that an Ack kept too long cannot answer somebody else's event.
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

// Reply answers with v: nil for no data, []byte for raw bytes, anything else as JSON. A value that
// cannot be encoded becomes an error answer. v is borrowed for the call.
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
	b.B, err = s.link.Load().encodeAck(b.B, id, v)
	encoded = true
	if err != nil {
		s.answerError(id, fault.Wire(err, message.CodeHandlerFailed))
		s.raise(err)
		return
	}
	s.answer(id, b.B)
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
		a.s.srv.log.Warn("a second answer to one event is ignored", "socket", a.s.ID())
		return nil, 0, false
	}
	// Only who moved the generation may look: c is ours until Put.
	s, id = c.s, c.id
	c.s = nil
	ackCalls.Put(c)
	return s, id, true
}
