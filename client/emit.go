package client

import (
	"context"
	"time"

	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

// Emit sends an event. data is nil for no data, []byte for raw bytes,
// json.RawMessage for JSON as it is; anything else is encoded as JSON. It is
// borrowed for the call.
//
// A nil error means that the message was written or queued, not that it arrived;
// use EmitWithAck to know that. If the server keeps sessions, what did not arrive
// before a connection was lost is sent again when the session is recovered. The
// last 1024 messages, of at most 1 MiB, are kept for that.
//
// While a connection is being made or restored the message is parked, or Emit
// fails with ERR_CONN_006 if Options.Offline is OfflineFail. Before Connect it
// fails. When more than Options.HighWaterMark is unsent because the server reads too
// slowly, Emit waits, and after Options.SendTimeout it fails with ERR_CONN_002; the
// message is then not sent. OnDrain tells when there is room again. Errors are *Error.
// Emit is safe for concurrent use, and the messages of one goroutine stay in order,
// except that parked ones may wait for the OnConnected handlers of a new session (see
// the package comment).
//
// opts say whether the event may be lost instead, see EmitOption; without them
// SetEmitOptions decides.
func (c *Client) Emit(event string, data any, opts ...EmitOption) error {
	lim := limit{wait: c.opts.SendTimeout, late: errSlow}
	return c.emit(event, 0, data, c.deliveryOf(event, opts), &lim)
}

func (c *Client) emit(event string, ack uint64, data any, how delivery, lim *limit) error {
	b := pool.GetUnsized(pool.Encoded)
	defer pool.PutUnsized(b)
	var flags message.Flags
	if ack != 0 {
		flags = message.FlagAck
	}
	b.B = message.AppendEventHeader(b.B, flags, 0, ack, event)
	body := len(b.B)
	name := b.B[body-len(event):]
	if message.ReservedEvent(name) {
		return message.ErrorOfReserved(event)
	}
	if !message.ValidEvent(name) {
		return badEvent(event)
	}
	out, flags, err := appendData(b.B, data)
	if err != nil {
		return err
	}
	b.B = out
	b.B[0] |= byte(flags)
	c.logEvent(event, b.B[body:])
	return c.transmit(&outgoing{event, ack, b.B, body, how}, lim)
}

// transmit sends an EVENT, which it borrows, or parks a copy.
func (c *Client) transmit(m *outgoing, lim *limit) error {
	for {
		if l := c.current.Load(); l != nil && !l.behind.Load() {
			if err := l.tooLarge(m.event, len(m.b)-m.body); err != nil {
				return err
			}
			if m.how.lossy() && !l.t.room(nil, nil) {
				if c.holdBack(l, m) {
					return nil
				}
				continue
			}
			if m.how.state && c.parkedStates.Load() {
				c.supersede(m)
			}
			c.own(m.ack, l, m.b, m.body)
			switch err := l.sendEvent(m, lim); err {
			case nil:
				if c.noteSent(l); m.ack == 0 && m.event == authEvent {
					c.authenticated(l)
				}
				return nil
			case errClosed:
			default:
				return err
			}
			// The connection has ended and its reader is about to report it, unless
			// the reader waits for the handler that calls us.
			c.unblock(l)
			if !l.replaced.Load() { // its session may go on elsewhere, while it is still open
				if err := l.awaitEnd(lim); err != nil {
					return err
				}
			}
			if m.ack != 0 && !c.awaited(m.ack) {
				return errClosed // the question ended with the connection
			}
			if m.ack != 0 && c.handedOver(m.ack, l) {
				return nil
			}
		}
		if done, err := c.enqueue(m); done {
			return err
		}
	}
}

// noteSent counts an event that l took.
func (c *Client) noteSent(l *link) {
	if n := c.stats.sent.Add(1); n%noteEvery == 0 && !l.rate.Off() {
		c.pace.note(c.clock.Now(), n)
	}
}

func badEvent(event string) error {
	if len(event) > message.MaxEventName {
		event = event[:message.MaxEventName]
	}
	return &Error{
		Code:    message.CodeInvalidFormat,
		Message: "this event name is empty, too long or not text: use another",
		Event:   event,
	}
}

// EmitWithAck sends an event and waits for the server's answer, which the caller
// owns. It fails with ERR_ACK_001 after Options.AckTimeout, ERR_CONN_006 when the
// connection is lost, the context's error, or the error that the server answered.
//
// If the server keeps sessions a lost connection does not end the call. When the
// session is recovered the event is sent again, and the server handles it once. If
// the session is not recovered the call fails with ERR_CONN_006.
//
// The context and AckTimeout bound the whole call, sending included. An event that
// was not on its way by then is not sent. data is borrowed as by Emit. Handlers may
// call EmitWithAck.
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
	done := func(d Data, err error) { got <- answer{d, err} }
	id, err := c.emitAck(event, data, c.opts.AckTimeout, done, &lim)
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

// EmitAck is EmitWithAck without the wait. done runs exactly once, in turn with the
// handlers, with an answer that it owns or an error. timeout 0 means
// Options.AckTimeout. EmitAck waits to send as Emit does, but no longer than timeout.
// If EmitAck returns an error, done does not run.
func (c *Client) EmitAck(
	event string, data any, timeout time.Duration, done func(Data, error),
) error {
	if timeout <= 0 {
		timeout = c.opts.AckTimeout
	}
	lim := limit{wait: min(timeout, c.opts.SendTimeout), late: errSlow}
	_, err := c.emitAck(event, data, timeout, func(d Data, err error) {
		c.post(job{run: func() { done(d, err) }})
	}, &lim)
	return err
}
