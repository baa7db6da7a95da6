package client

import (
	"context"
	"time"

	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

// Emit sends an event. data: nil for none, []byte for raw bytes,
// json.RawMessage for JSON as it is, anything else is encoded as JSON; it is
// borrowed for the call. nil means that the message was written or queued, not
// that it arrived: ask for an ack to know that. If the server keeps sessions,
// what did not arrive before a connection was lost is sent again when the session
// is recovered; the last 1024 messages and 1 MiB are kept for that. While a
// session is being made or restored the message waits in the offline queue, or
// fails with ERR_CONN_006; without Connect it fails. When more than 1 MiB is unsent, because the server
// reads too slowly, Emit waits, and after Options.SendTimeout it fails with
// ERR_CONN_002 and the message is not sent. Errors are *Error. Safe for
// concurrent use: the messages of one goroutine stay in order.
func (c *Client) Emit(event string, data any) error {
	lim := limit{wait: c.opts.SendTimeout, late: errSlow}
	return c.emit(event, 0, data, &lim)
}

func (c *Client) emit(event string, ack uint64, data any, lim *limit) error {
	b := pool.Get(256)
	defer pool.Put(b)
	var flags message.Flags
	if ack != 0 {
		flags = message.FlagAck
	}
	b.B = message.AppendEventHeader(b.B, flags, 0, ack, event)
	body := len(b.B)
	if name := b.B[body-len(event):]; !message.ValidEvent(name) || message.ReservedEvent(name) {
		return badEvent(event)
	}
	out, flags, err := appendData(b.B, data)
	if err != nil {
		return err
	}
	b.B = out
	b.B[0] |= byte(flags)
	c.logEvent(event, b.B[body:])
	for {
		if l := c.current.Load(); l != nil {
			if err := l.tooLarge(event, len(b.B)-body); err != nil {
				return err
			}
			c.own(ack, l, b.B, body)
			switch err := l.sendEvent(ack, b.B, body, lim); err {
			case nil:
				c.stats.sent.Add(1)
				return nil
			case errClosed:
			default:
				return err
			}
			// The connection ended and its reader is about to say so, unless it
			// waits for the very handler that we may be in.
			c.queue.setOpen(false)
			if err := l.awaitEnd(lim); err != nil {
				return err
			}
			if ack != 0 && !c.awaited(ack) {
				return errClosed // its wait has ended with the connection
			}
			if ack != 0 && c.handedOver(ack, l) {
				return nil
			}
		}
		if done, err := c.enqueue(event, ack, b.B, body); done {
			return err
		}
	}
}

func badEvent(event string) error {
	if len(event) > message.MaxEventName {
		event = event[:message.MaxEventName]
	}
	return &Error{Code: message.CodeInvalidFormat, Message: "this event name is empty, too long, not text or reserved: use another", Event: event}
}

// EmitWithAck sends an event and waits for the server's answer, which the
// caller owns. It ends with ERR_ACK_001 after Options.AckTimeout, ERR_CONN_006
// when the connection is lost, the context's error, or the error that the server
// answered. If the server keeps sessions a lost connection does not end it: when
// the session is recovered the event is sent again, which the server handles
// once, and ERR_CONN_006 comes when it is not. The context and AckTimeout bound the whole call, sending included:
// what was not yet on its way then is not sent. It may be called from handlers.
func (c *Client) EmitWithAck(ctx context.Context, event string, data any) (Data, error) {
	if err := ctx.Err(); err != nil {
		return Data{}, err
	}
	type answer struct {
		d   Data
		err error
	}
	got := make(chan answer, 1)
	lim := limit{ctx: ctx, wait: c.opts.AckTimeout, late: message.ErrAckTimeout}
	id, err := c.emitAck(event, data, c.opts.AckTimeout, func(d Data, err error) { got <- answer{d, err} }, &lim)
	if err != nil {
		return Data{}, err
	}
	select {
	case a := <-got:
		return a.d, a.err
	case <-ctx.Done():
		if c.claim(id) == nil { // settled at the same time
			a := <-got
			return a.d, a.err
		}
		return Data{}, ctx.Err()
	}
}

// EmitAck is EmitWithAck without the wait: done runs exactly once among the
// handlers, with an owned answer or an error. timeout 0 means
// Options.AckTimeout. It waits to send as Emit does, and no longer than timeout.
// When EmitAck returns an error done does not run.
func (c *Client) EmitAck(event string, data any, timeout time.Duration, done func(Data, error)) error {
	if timeout <= 0 {
		timeout = c.opts.AckTimeout
	}
	lim := limit{wait: min(timeout, c.opts.SendTimeout), late: errSlow}
	_, err := c.emitAck(event, data, timeout, func(d Data, err error) {
		c.post(job{run: func() { done(d, err) }})
	}, &lim)
	return err
}

// Request is EmitWithAck with the answer decoded into a T; one that does not
// fit is ERR_ACK_002.
func Request[T any](ctx context.Context, c *Client, event string, data any) (T, error) {
	var v T
	d, err := c.EmitWithAck(ctx, event, data)
	if err != nil {
		return v, err
	}
	if err := d.Decode(&v); err != nil {
		return v, &Error{Code: message.CodeAckInvalid, Message: "the answer does not fit what is expected", Event: event, Cause: err}
	}
	return v, nil
}

// waiting is one awaited answer. It is in Client.acks until somebody claims it.
type question struct {
	on   *link     // that it was sent on last; nil until sent
	sent sentEvent // kept for a recovered session; b = nil: not
	// taken: as which event of the stream a connection took it, though maybe not the server; 0 = none did
	taken uint64
	done  func(Data, error)
	stop  func() bool // the timer
}

func (c *Client) emitAck(event string, data any, timeout time.Duration, done func(Data, error), lim *limit) (uint64, error) {
	if c.opts.EnableAcknowledgments == Disabled {
		return 0, &Error{Code: message.CodeAckInvalid, Message: "acknowledgements are off: see Options.EnableAcknowledgments", Event: event}
	}
	c.ackMu.Lock()
	c.lastAck++
	id := c.lastAck
	q := &question{done: done}
	c.acks[id] = q
	q.stop = c.clock.AfterFunc(timeout, func() {
		if q := c.claim(id); q != nil {
			q.done(Data{}, &Error{Code: message.CodeAckTimeout, Message: message.ErrAckTimeout.Message, Event: event})
		}
	})
	c.ackMu.Unlock()
	if err := c.emit(event, id, data, lim); err != nil {
		if c.claim(id) != nil {
			return 0, err
		}
	}
	return id, nil
}

// own notes which session an awaited message goes out on, nil for none, and
// keeps a copy of it for that one's recovery.
func (c *Client) own(id uint64, l *link, b []byte, body int) {
	if id == 0 {
		return
	}
	c.ackMu.Lock()
	defer c.ackMu.Unlock()
	q := c.acks[id]
	if q == nil {
		return
	}
	if q.on = l; l == nil {
		c.discard(q)
		return
	}
	c.keep(id, q, l, b, body)
}

// claim takes a pending answer out of the table: whoever gets it settles it.
func (c *Client) claim(id uint64) *question {
	c.ackMu.Lock()
	defer c.ackMu.Unlock()
	q := c.acks[id]
	if q == nil {
		return nil
	}
	delete(c.acks, id)
	c.discard(q)
	q.stop()
	return q
}

func (c *Client) awaited(id uint64) bool {
	c.ackMu.Lock()
	defer c.ackMu.Unlock()
	return c.acks[id] != nil
}

// settle hands a received answer to whoever waits for it.
func (c *Client) settle(id uint64, d Data, e *Error) {
	q := c.claim(id)
	switch {
	case q == nil:
		c.stats.unknownAcks.Add(1)
		c.opts.Logger.Debug("an answer came that nobody waits for", "ack", id)
	case e != nil:
		q.done(Data{}, e)
	default:
		q.done(d, nil)
	}
}

// abandon settles with ERR_CONN_006 everything that waits.
func (c *Client) abandon(why string) {
	c.abandonIf(func(*question) bool { return true }, why)
}

// abandonIf settles with ERR_CONN_006 what cond, which runs under ackMu, says.
func (c *Client) abandonIf(cond func(*question) bool, why string) {
	c.ackMu.Lock()
	var failed []*question
	for id, q := range c.acks {
		if cond(q) {
			delete(c.acks, id)
			c.discard(q)
			q.stop()
			failed = append(failed, q)
		}
	}
	c.ackMu.Unlock()
	for _, q := range failed {
		q.done(Data{}, &Error{Code: message.CodeConnectionLost, Message: why})
	}
}
