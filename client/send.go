package client

import (
	"context"
	"time"

	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

// deflateLevel is the level of compressed payloads.
const deflateLevel = 6

// limit ends the waits of one call.
type limit struct {
	ctx  context.Context // nil = none
	wait time.Duration
	late *Error // what it means that wait has passed
}

func (l *limit) cancel() <-chan struct{} {
	if l.ctx == nil {
		return nil
	}
	return l.ctx.Done()
}

// err is the error of a call whose wait was cut short.
func (l *limit) err() error {
	if l.ctx != nil && l.ctx.Err() != nil {
		return l.ctx.Err()
	}
	return l.late
}

// errSlow is the error of a call that found no room in time.
var errSlow = &Error{Code: message.CodeTimeout, Message: "the server reads too slowly and too much is unsent: emit less, or raise Options.SendTimeout"}

// send queues one message and sees to it that it is written. Within l it waits
// while the peer reads too slowly; errClosed says that the connection has ended.
func (s *session) send(b []byte, l *limit) error {
	if err := s.awaitRoom(l); err != nil {
		return err
	}
	if err := s.queue(b); err != nil {
		return err
	}
	s.t.flush()
	s.c.logSent(len(b))
	return nil
}

// awaitRoom waits, within l, while too much is unsent.
func (s *session) awaitRoom(l *limit) error {
	if s.t.room(nil, nil) {
		return nil
	}
	after, stop := s.c.clock.After(l.wait)
	defer stop()
	if !s.t.room(l.cancel(), after) {
		return l.err()
	}
	return nil
}

// sendEvent is send for the EVENT b, whose payload begins at body; ack is its
// ack id or 0.
func (s *session) sendEvent(ack uint64, b []byte, body int, l *limit) error {
	if err := s.awaitRoom(l); err != nil {
		return err
	}
	n, err := s.queueEvent(ack, b, body)
	if err != nil {
		return err
	}
	s.t.flush()
	s.c.logSent(n)
	return nil
}

// queueEvent queues an EVENT, compressed if that is shorter, and keeps it for
// the session's recovery. It does not wait, and returns the size of what was queued.
func (s *session) queueEvent(ack uint64, b []byte, body int) (size int, err error) {
	out, d := s.pack(b, body)
	if d != nil {
		defer pool.Put(d)
	}
	if !s.resumable {
		return len(out), s.queue(out)
	}
	x := &s.stream.sent
	x.mu.Lock() // the order of what is kept is that of the wire
	defer x.mu.Unlock()
	if x.on != s {
		return 0, errClosed
	}
	if err := s.queue(out); err != nil {
		return 0, err
	}
	x.keep(ack, b, body)
	if ack != 0 {
		s.c.taken(ack, x.count)
	}
	return len(out), nil
}

// awaitEnd waits until the reader of a connection that ended has said so.
func (s *session) awaitEnd(l *limit) error {
	after, stop := s.c.clock.After(l.wait)
	defer stop()
	select {
	case <-s.done:
		return nil
	case <-l.cancel():
	case <-after:
	}
	return l.err()
}

// queue puts one message, sealed if need be, behind all others and does not wait.
func (s *session) queue(b []byte) error {
	if s.ends == nil {
		return s.t.append(b)
	}
	out := pool.Get(len(b) + s.ends.Overhead())
	defer pool.Put(out)
	s.sealMu.Lock()
	defer s.sealMu.Unlock()
	out.B = s.ends.Seal(out.B, b)
	return s.t.append(out.B)
}

// pack returns the message b with its payload b[body:] compressed, in a buffer
// that the caller puts back, or b and nil when that would not be shorter.
func (s *session) pack(b []byte, body int) ([]byte, *pool.Buffer) {
	if s.threshold == 0 || len(b)-body <= s.threshold {
		return b, nil
	}
	d := pool.Get(body + (len(b)-body)/2 + 64)
	d.B = append(d.B, b[:body]...)
	out, err := pool.Deflate(d.B, b[body:], deflateLevel, false)
	if d.B = out; err != nil || len(out) >= len(b) {
		pool.Put(d)
		return b, nil
	}
	d.B[0] |= byte(message.FlagDeflated)
	return d.B, d
}

// sendPacked is send for a message whose payload begins at body.
func (s *session) sendPacked(b []byte, body int, l *limit) error {
	out, d := s.pack(b, body)
	err := s.send(out, l)
	if d != nil {
		pool.Put(d)
	}
	return err
}

func (s *session) tooLarge(event string, n int) error {
	if s.maxSend == 0 || n <= s.maxSend {
		return nil
	}
	return &Error{Code: message.CodeTooLarge, Message: "the payload is over the server's maxMessageBytes: split it", Event: event}
}

// reply answers a question of the server. One that was asked before the
// connection was lost is answered on the recovered session, or not at all.
func (s *session) reply(id uint64, v any) error {
	b := pool.Get(256)
	defer pool.Put(b)
	b.B = message.Append(b.B, &message.Message{Kind: message.KindAck, Flags: message.FlagAck, AckID: id})
	body := len(b.B)
	out, flags, err := appendData(b.B, v)
	if err != nil {
		return err
	}
	b.B = out
	if err := s.tooLarge("", len(out)-body); err != nil {
		return err
	}
	b.B[0] |= byte(flags)
	return s.answer(id, b.B, body)
}

func (s *session) replyError(id uint64, e *Error) {
	b := message.Append(nil, &message.Message{Kind: message.KindError, Flags: message.FlagAck, AckID: id})
	body := len(b)
	if err := s.answer(id, message.AppendErrorJSON(b, e), body); err != nil {
		s.c.raise(asError(err, message.CodeTimeout))
	}
}

// answer sends an answer on s, or on the session that took s's stream over, or
// keeps it for that one.
func (s *session) answer(id uint64, b []byte, body int) error {
	c := s.c
	l := limit{wait: c.opts.SendTimeout, late: errSlow}
	for at := s; ; {
		if s.resumable && !s.stream.given.toSend(id, b, body, at) {
			return nil
		}
		err := at.sendPacked(b, body, &l)
		if err != errClosed {
			return err
		}
		if !s.resumable || s.life.Err() != nil {
			return nil // nobody asks any more
		}
		c.queue.setOpen(false)
		if err := at.awaitEnd(&l); err != nil {
			return err
		}
		if at = c.parkAnswer(s, id, b, body); at == nil {
			return nil
		}
	}
}

// answerAgain sends the answer to a question that the server asks again. It is for the reader.
func (s *session) answerAgain(id uint64) {
	g := s.stream.given.again(id, s)
	if g == nil {
		return // its handlers have not answered, or their answer is not kept any more
	}
	out, d := s.pack(g.b, g.body)
	s.sendNow(out)
	if d != nil {
		pool.Put(d)
	}
}

// refuseNow tells the server of a question that will not be answered; it is for
// the reader, which must not wait.
func (s *session) refuseNow(id uint64, e *Error) {
	b := message.Append(nil, &message.Message{Kind: message.KindError, Flags: message.FlagAck, AckID: id})
	body := len(b)
	b = message.AppendErrorJSON(b, e)
	if s.resumable {
		s.stream.given.toSend(id, b, body, s)
	}
	s.sendNow(b)
}

// sendNow queues what a server that does not read gets no more of.
func (s *session) sendNow(b []byte) {
	if s.t.room(nil, nil) && s.queue(b) == nil {
		s.t.flushLater()
	}
}
