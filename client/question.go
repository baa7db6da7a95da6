package client

import (
	"cmp"
	"slices"
	"time"

	"github.com/smartsocket/smartsocket/message"
)

// question is an EVENT of ours that waits for its answer. It is in Client.acks until
// somebody claims it.
type question struct {
	on    *link     // on which it was sent last; nil = not sent yet
	sent  sentEvent // the copy for a recovered session; b is nil if none is kept
	taken uint64    // its number in the session once a link took it; 0 = none did
	event string
	done  func(Data, error)
	stop  func() bool // the timer
}

// emitAck sends an event that asks for an ack, and returns the ack's id. Whoever
// claims the question calls done: with the answer, or with the error after timeout.
func (c *Client) emitAck(
	event string, data any, timeout time.Duration, done func(Data, error), lim *limit,
) (uint64, error) {
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
	q := &question{event: event, done: done}
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
	if err := c.emit(event, id, data, delivery{}, lim); err != nil {
		if c.claim(id) != nil {
			return 0, err
		}
	}
	return id, nil
}

// own notes the link on which a question goes out, nil for none, and keeps a copy of
// the question in case the session is recovered later.
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

// claim takes a question out of the table. The caller that gets it must settle it;
// all others get nil.
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
	if q.on != nil {
		q.on.handover.Load().note()
	}
	return q
}

// awaited reports whether the question with this id still waits.
func (c *Client) awaited(id uint64) bool {
	c.ackMu.Lock()
	defer c.ackMu.Unlock()
	return c.acks[id] != nil
}

// settle hands an answer, or the error e, to the question with this id.
func (c *Client) settle(id uint64, d Data, e *Error) {
	q := c.claim(id)
	switch {
	case q == nil:
		c.stats.unknownAcks.Add(1)
		c.opts.Logger.Debug("an answer came that nobody waits for", "ack", id)
	case e != nil:
		q.done(Data{}, e)
	default:
		if q.event == authEvent {
			c.authenticated(q.on)
		}
		q.done(d, nil)
	}
}

// abandon settles all questions with ERR_CONN_006.
func (c *Client) abandon(why string) {
	c.abandonIf(func(*question) bool { return true }, why)
}

// abandonIf settles the questions that cond picks with ERR_CONN_006. cond runs under ackMu.
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

// Bounds of the questions that are kept for a recovered session until their answers come.
const (
	maxKept      = 1024
	maxKeptBytes = 1 << 20
)

// keep copies the question b, which is sent on l, so that it can be sent again if the
// connection is lost and the session recovered. Beyond the bounds it keeps no copy.
// c.ackMu is held.
func (c *Client) keep(id uint64, q *question, l *link, b []byte, body int) {
	c.discard(q)
	if !l.resumable || c.kept >= maxKept || c.keptBytes+len(b) > maxKeptBytes {
		return
	}
	q.sent = sentEvent{id, append([]byte(nil), b...), body, nil}
	c.kept++
	c.keptBytes += len(b)
}

// discard drops the copy of q. c.ackMu is held.
func (c *Client) discard(q *question) {
	if q.sent.b != nil {
		c.kept--
		c.keptBytes -= len(q.sent.b)
		q.sent = sentEvent{}
	}
}

// handedOver reports whether a question that could not be written to l, which has
// ended, is left to the next link: it was sent there already, or a copy waits for it.
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

// resend deals with events that were sent on the previous link and did not arrive, or
// have no answer yet.
//
// If l recovers the session, they are sent again. First come the questions that the
// server got, under their old ids, because the server answers them without handling
// them twice. Then come the events that it did not get, in order. If l begins a new
// session, the questions fail.
//
// c.mu is held, so nothing newer overtakes them. resend does not wait for the peer,
// and returns the sizes of what it sent. If l moves, the link before is still open, and what was
// asked there may still be answered there.
func (c *Client) resend(l *link, moves bool) (sizes []int) {
	why := "the session was lost before the answer came"
	if !l.recovered {
		l.session.sent.begin(l, 0)
		if !moves {
			c.abandonSent(l, why)
		}
		return nil
	}
	again, missing := l.session.sent.begin(l, l.arrived)
	list, kept := c.outstanding(l, again)
	l.missing = missing > kept
	if !moves {
		c.abandonSent(l, why)
	}
	for i, m := range list {
		n, err := l.queueEvent(m.ack, m.b, m.body, m.how)
		if err != nil { // lost again: the next link sends them
			l.session.sent.put(list[i:])
			break
		}
		sizes = append(sizes, n)
		c.stats.resent.Add(1)
	}
	return sizes
}

// outstanding returns the events that resend sends. again are the events that did
// certainly not arrive. Questions that no link took come last, because everything in
// again was emitted before them. kept is the number of questions that did not arrive
// either and are not in again.
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
	for _, m := range c.worthResending(again) {
		// A question whose wait has ended must not happen any more.
		if q := c.acks[m.ack]; m.ack == 0 || q != nil && q.on == l {
			got = append(got, m)
		}
	}
	return append(got, untaken...), kept
}

// worthResending returns the events of list, which did not arrive, without those that may be lost:
// volatile ones, late ones, and states of which there is a newer one. c.mu is held.
func (c *Client) worthResending(list []sentEvent) []sentEvent {
	if !slices.ContainsFunc(list, func(m sentEvent) bool { return m.how != nil }) {
		return list
	}
	now, newer := c.clock.Now(), make(map[string]bool)
	var keep []sentEvent
	for _, m := range slices.Backward(list) {
		key := m.how.stateKey()
		switch {
		case m.how != nil && m.how.volatile:
			c.lose(&c.losses.volatile)
		case m.how.late(now):
			c.lose(&c.losses.late)
		case key != "" && (newer[key] || c.states[key] != nil):
			c.losses.replaced++
			c.stats.replaced.Add(1)
		default:
			newer[key] = key != ""
			keep = append(keep, m)
		}
	}
	slices.Reverse(keep)
	return keep
}

// taken notes that a link took the question with this id as the nth event of the session.
func (c *Client) taken(id, nth uint64) {
	c.ackMu.Lock()
	defer c.ackMu.Unlock()
	if q := c.acks[id]; q != nil {
		q.taken = nth
	}
}

// abandonSent fails the questions that were sent on other links than l.
func (c *Client) abandonSent(l *link, why string) {
	c.abandonIf(func(q *question) bool { return q.on != nil && q.on != l }, why)
}
