package client

import (
	"cmp"
	"slices"
	"time"

	"github.com/smartsocket/smartsocket/message"
)

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
		return 0, &Error{
			Code:    message.CodeAckInvalid,
			Message: "acknowledgements are off: see Options.EnableAcknowledgments",
			Event:   event,
		}
	}
	c.ackMu.Lock()
	c.lastAck++
	id := c.lastAck
	q := &question{done: done}
	c.acks[id] = q
	q.stop = c.clock.AfterFunc(timeout, func() {
		if q := c.claim(id); q != nil {
			q.done(Data{}, &Error{
				Code:    message.CodeAckTimeout,
				Message: message.ErrAckTimeout.Message,
				Event:   event,
			})
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

// Bounds of the events that are kept for a recovered session while they wait for their answers.
const (
	maxKept      = 1024
	maxKeptBytes = 1 << 20
)

// keep copies what is sent on s, to be sent again if the connection is lost and
// the session recovered; beyond the bounds it does not. c.ackMu is held.
func (c *Client) keep(id uint64, q *question, l *link, b []byte, body int) {
	c.discard(q)
	if !l.resumable || c.kept >= maxKept || c.keptBytes+len(b) > maxKeptBytes {
		return
	}
	q.sent = sentEvent{id, append([]byte(nil), b...), body}
	c.kept++
	c.keptBytes += len(b)
}

// drain gives up what is kept of w. c.ackMu is held.
func (c *Client) discard(q *question) {
	if q.sent.b != nil {
		c.kept--
		c.keptBytes -= len(q.sent.b)
		q.sent = sentEvent{}
	}
}

// handedOver reports whether a message that could not be written to s, which
// has ended, is left to the next session: it was sent there already, or is kept
// until there is one.
func (c *Client) handedOver(id uint64, l *link) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ackMu.Lock()
	defer c.ackMu.Unlock()
	q := c.acks[id]
	if q == nil || q.on != l {
		return true
	}
	return q.sent.b != nil && c.state == reconnecting
}

// resend deals with what was sent on the connection before and did not arrive,
// or has no answer yet. If s goes on where that one ended it is sent again:
// first, with their ids, the questions that the server got, which answers them
// without handling them again; then the events that it did not get, in order.
// Else the questions fail. c.mu is held, so nothing new overtakes them. It does
// not wait for the peer, and returns the sizes of what it sent.
func (c *Client) resend(l *link) (sizes []int) {
	if !l.recovered {
		l.session.sent.begin(l, 0)
		c.abandonSent(l, "the session was lost before the answer came")
		return nil
	}
	again, missing := l.session.sent.begin(l, l.arrived)
	list, kept := c.outstanding(l, again)
	l.missing = missing > kept
	c.abandonSent(l, "the session was lost before the answer came")
	for i, m := range list {
		n, err := l.queueEvent(m.ack, m.b, m.body)
		if err != nil { // gone again: the next session sends them
			l.session.sent.put(list[i:])
			break
		}
		sizes = append(sizes, n)
		c.stats.resent.Add(1)
	}
	return sizes
}

// outstanding is what resend sends; again is what is known not to have arrived.
// Questions that no connection took come last, for what is in again was emitted before them.
// kept counts those that did not arrive either and are not in again.
func (c *Client) outstanding(l *link, again []sentEvent) (list []sentEvent, kept uint64) {
	lost := make(map[uint64]bool)
	for _, m := range again {
		lost[m.ack] = true
	}
	var got, untaken []sentEvent
	c.ackMu.Lock()
	defer c.ackMu.Unlock()
	for id, q := range c.acks {
		if q.on == nil || q.on == l || q.on.session != l.session || q.sent.b == nil {
			continue
		}
		q.on = l
		switch {
		case lost[id]:
		case q.taken > 0:
			got = append(got, q.sent)
			if q.taken >= l.arrived {
				kept++
			}
		default:
			untaken = append(untaken, q.sent)
		}
	}
	byID := func(a, b sentEvent) int { return cmp.Compare(a.ack, b.ack) }
	slices.SortFunc(got, byID)
	slices.SortFunc(untaken, byID)
	for _, m := range again {
		if q := c.acks[m.ack]; m.ack == 0 || q != nil && q.on == l { // else its wait has ended: it must not happen any more
			got = append(got, m)
		}
	}
	return append(got, untaken...), kept
}

// taken notes that a connection took the question with this id as the stream's nth event.
func (c *Client) taken(id, nth uint64) {
	c.ackMu.Lock()
	defer c.ackMu.Unlock()
	if q := c.acks[id]; q != nil {
		q.taken = nth
	}
}

// abandonSent fails what was sent on other sessions than s.
func (c *Client) abandonSent(l *link, why string) {
	c.abandonIf(func(q *question) bool { return q.on != nil && q.on != l }, why)
}
