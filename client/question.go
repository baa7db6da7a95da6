package client

import (
	"cmp"
	"slices"
)

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
