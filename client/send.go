package client

import (
	"context"
	"time"

	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

// deflateLevel is the DEFLATE level of payloads.
const deflateLevel = 6

// limit bounds the waits of one call.
type limit struct {
	ctx  context.Context // nil = none
	wait time.Duration
	late *Error // the error when wait has passed
}

func (lim *limit) cancel() <-chan struct{} {
	if lim.ctx == nil {
		return nil
	}
	return lim.ctx.Done()
}

// err returns the error of a call whose wait was cut short.
func (lim *limit) err() error {
	if lim.ctx != nil && lim.ctx.Err() != nil {
		return lim.ctx.Err()
	}
	return lim.late
}

// answerTime bounds the wait of an answer. NoWait is for events alone.
func (c *Client) answerTime() time.Duration {
	if c.opts.SendTimeout < 0 {
		return defaultSendTimeout
	}
	return c.opts.SendTimeout
}

// errSlow is the error of a call that did not find room in time.
var errSlow = &Error{
	Code: message.CodeTimeout,
	Message: "the server reads too slowly and too much is unsent: " +
		"emit less, or raise Options.SendTimeout",
}

// send queues one message and makes sure that it is written. It waits within lim
// while the peer reads too slowly. errClosed means that the connection has ended.
func (l *link) send(b []byte, lim *limit) error {
	if err := l.awaitRoom(lim); err != nil {
		return err
	}
	if err := l.queue(b); err != nil {
		return err
	}
	l.t.flush()
	l.c.logSent(len(b))
	return nil
}

// awaitRoom waits within lim while too much is unsent.
func (l *link) awaitRoom(lim *limit) error {
	if l.t.room(nil, nil) {
		return nil
	}
	if lim.wait < 0 {
		return lim.err()
	}
	after, stop := l.c.clock.After(lim.wait)
	defer stop()
	if !l.t.room(lim.cancel(), after) {
		return lim.err()
	}
	return nil
}

// sendEvent is send for an EVENT.
func (l *link) sendEvent(m *outgoing, lim *limit) error {
	if err := l.awaitRoom(lim); err != nil {
		return err
	}
	var how *losable
	if l.resumable && m.how.lossy() {
		how = m.how.losable(m.event, l.c.clock)
	}
	n, err := l.queueEvent(m.ack, m.b, m.body, how)
	if err != nil {
		return err
	}
	l.t.flush()
	l.c.logSent(n)
	return nil
}

// queueEvent queues an EVENT, compressed if that is shorter, and keeps a copy in case
// the session is recovered later. It does not wait, and returns the size of what it
// queued. how is nil for an event that may not be lost.
func (l *link) queueEvent(
	ack uint64, b []byte, body int, how *losable,
) (size int, err error) {
	out := l.pack(b, body)
	defer out.done()
	if !l.resumable {
		return len(out.b), l.queue(out.b)
	}
	x := &l.session.sent
	x.mu.Lock() // the copies are in the order of the wire
	defer x.mu.Unlock()
	if x.on != l {
		return 0, errClosed
	}
	if err := l.queue(out.b); err != nil {
		return 0, err
	}
	x.keep(sentEvent{ack, b, body, how})
	if ack != 0 {
		l.c.taken(ack, x.count)
	}
	return len(out.b), nil
}

// awaitEnd waits within lim until the reader of a connection that has ended is done.
func (l *link) awaitEnd(lim *limit) error {
	after, stop := l.c.clock.After(lim.wait)
	defer stop()
	select {
	case <-l.done:
		return nil
	case <-lim.cancel():
	case <-after:
	}
	return lim.err()
}

// queue puts one message behind all others, sealed if the link is encrypted. It does
// not wait.
func (l *link) queue(b []byte) error {
	if l.ends == nil {
		return l.t.append(b)
	}
	out := pool.Get(len(b) + l.ends.Overhead())
	defer pool.Put(out)
	l.sealMu.Lock()
	defer l.sealMu.Unlock()
	out.B = l.ends.Seal(out.B, b)
	return l.t.append(out.B)
}

// packed is a message as it is sent.
type packed struct {
	b     []byte
	buf   pool.Unsized // of b, if it is compressed
	small bool         // it is compressed
}

// pack returns the message b with its payload b[body:] compressed, or as it is if that would not
// be shorter. The result borrows b, and the caller must call done.
func (l *link) pack(b []byte, body int) packed {
	if l.threshold == 0 || len(b)-body <= l.threshold {
		return packed{b: b}
	}
	d := pool.GetUnsized(pool.Deflated)
	d.B = append(d.B, b[:body]...)
	out, err := pool.Deflate(d.B, b[body:], deflateLevel, false)
	if d.B = out; err != nil || len(out) >= len(b) ||
		len(b)-body > pool.InflateLimit(len(out)-body, len(b)) { // the server would refuse it
		pool.PutUnsized(d)
		return packed{b: b}
	}
	d.B[0] |= byte(message.FlagDeflated)
	return packed{b: d.B, buf: d, small: true}
}

// done gives back what pack took.
func (p *packed) done() {
	if p.small {
		pool.PutUnsized(p.buf)
	}
}

// sendPacked is send for a message whose payload begins at body.
func (l *link) sendPacked(b []byte, body int, lim *limit) error {
	out := l.pack(b, body)
	defer out.done()
	return l.send(out.b, lim)
}

// tooLarge returns an error for a payload of n bytes that the server would refuse.
func (l *link) tooLarge(event string, n int) error {
	if l.maxSend == 0 || n <= l.maxSend {
		return nil
	}
	return &Error{
		Code:    message.CodeTooLarge,
		Message: "the payload is over the server's maxMessageBytes: split it",
		Event:   event,
	}
}

// reply answers a question of the server. If the connection was lost meanwhile, the
// answer goes out when the session is recovered, or not at all.
func (l *link) reply(id uint64, v any) error {
	b := pool.GetUnsized(pool.Encoded)
	defer pool.PutUnsized(b)
	b.B = message.Append(b.B, &message.Message{
		Kind:  message.KindAck,
		Flags: message.FlagAck,
		AckID: id,
	})
	body := len(b.B)
	out, flags, err := appendData(b.B, v)
	if err != nil {
		return err
	}
	b.B = out
	if err := l.tooLarge("", len(out)-body); err != nil {
		return err
	}
	b.B[0] |= byte(flags)
	return l.answer(id, b.B, body)
}

// replyError is reply with an error.
func (l *link) replyError(id uint64, e *Error) {
	b := message.Append(nil, &message.Message{
		Kind:  message.KindError,
		Flags: message.FlagAck,
		AckID: id,
	})
	body := len(b)
	if err := l.answer(id, message.AppendErrorJSON(b, e), body); err != nil {
		l.c.raise(asError(err, message.CodeTimeout))
	}
}

// answer sends an answer on l, or on the link that recovered l's session, or parks it
// for such a link.
func (l *link) answer(id uint64, b []byte, body int) error {
	c := l.c
	lim := limit{wait: c.answerTime(), late: errSlow}
	for at := c.successor(l); ; {
		if l.resumable && !l.session.ledger.toSend(id, b, body, at) {
			return nil
		}
		err := at.sendPacked(b, body, &lim)
		if err != errClosed {
			return err
		}
		if !l.resumable || l.life.Err() != nil {
			return nil // the session is over, so nobody waits for the answer
		}
		c.unblock(at)
		if err := at.awaitEnd(&lim); err != nil {
			return err
		}
		if at = c.parkAnswer(l, id, b, body); at == nil {
			return nil
		}
	}
}

// answerAgain sends the answer to a question that the server repeats. It is for the reader.
func (l *link) answerAgain(id uint64) {
	g := l.session.ledger.again(id, l)
	if g == nil {
		return // the handlers have not answered yet, or the answer is not kept any more
	}
	out := l.pack(g.b, g.body)
	l.sendNow(out.b)
	out.done()
}

// refuseNow answers a question with an error. It does not wait, because it is for the
// reader.
func (l *link) refuseNow(id uint64, e *Error) {
	b := message.Append(nil, &message.Message{
		Kind:  message.KindError,
		Flags: message.FlagAck,
		AckID: id,
	})
	body := len(b)
	b = message.AppendErrorJSON(b, e)
	if l.resumable {
		l.session.ledger.toSend(id, b, body, l)
	}
	l.sendNow(b)
}

// sendNow queues a message, or drops it if the server does not read.
func (l *link) sendNow(b []byte) {
	if l.t.room(nil, nil) && l.queue(b) == nil {
		l.t.flushLater()
	}
}
