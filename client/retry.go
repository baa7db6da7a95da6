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
func (c *Client) keep(id uint64, w *waiting, s *session, b []byte, body int) {
	c.drain(w)
	if !s.resumable || c.kept >= maxKept || c.keptBytes+len(b) > maxKeptBytes {
		return
	}
	w.sent = sentEvent{id, append([]byte(nil), b...), body}
	c.kept++
	c.keptBytes += len(b)
}

// drain gives up what is kept of w. c.ackMu is held.
func (c *Client) drain(w *waiting) {
	if w.sent.b != nil {
		c.kept--
		c.keptBytes -= len(w.sent.b)
		w.sent = sentEvent{}
	}
}

// handedOver reports whether a message that could not be written to s, which
// has ended, is left to the next session: it was sent there already, or is kept
// until there is one.
func (c *Client) handedOver(id uint64, s *session) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ackMu.Lock()
	defer c.ackMu.Unlock()
	w := c.acks[id]
	if w == nil || w.s != s {
		return true
	}
	return w.sent.b != nil && c.state == reconnecting
}

// resend deals with what was sent on the connection before and did not arrive,
// or has no answer yet. If s goes on where that one ended it is sent again:
// first, with their ids, the questions that the server got, which answers them
// without handling them again; then the events that it did not get, in order.
// Else the questions fail. c.mu is held, so nothing new overtakes them. It does
// not wait for the peer, and returns the sizes of what it sent.
func (c *Client) resend(s *session) (sizes []int) {
	if !s.recovered {
		s.stream.sent.begin(s, 0)
		c.abandonSent(s, "the session was lost before the answer came")
		return nil
	}
	again, missing := s.stream.sent.begin(s, s.arrived)
	list, kept := c.outstanding(s, again)
	s.missing = missing > kept
	c.abandonSent(s, "the session was lost before the answer came")
	for i, m := range list {
		n, err := s.queueEvent(m.ack, m.b, m.body)
		if err != nil { // gone again: the next session sends them
			s.stream.sent.put(list[i:])
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
func (c *Client) outstanding(s *session, again []sentEvent) (list []sentEvent, kept uint64) {
	lost := make(map[uint64]bool)
	for _, m := range again {
		lost[m.ack] = true
	}
	var got, untaken []sentEvent
	c.ackMu.Lock()
	defer c.ackMu.Unlock()
	for id, w := range c.acks {
		if w.s == nil || w.s == s || w.s.stream != s.stream || w.sent.b == nil {
			continue
		}
		w.s = s
		switch {
		case lost[id]:
		case w.taken > 0:
			got = append(got, w.sent)
			if w.taken >= s.arrived {
				kept++
			}
		default:
			untaken = append(untaken, w.sent)
		}
	}
	byID := func(a, b sentEvent) int { return cmp.Compare(a.ack, b.ack) }
	slices.SortFunc(got, byID)
	slices.SortFunc(untaken, byID)
	for _, m := range again {
		if w := c.acks[m.ack]; m.ack == 0 || w != nil && w.s == s { // else its wait has ended: it must not happen any more
			got = append(got, m)
		}
	}
	return append(got, untaken...), kept
}

// taken notes that a connection took the question with this id as the stream's nth event.
func (c *Client) taken(id, nth uint64) {
	c.ackMu.Lock()
	defer c.ackMu.Unlock()
	if w := c.acks[id]; w != nil {
		w.taken = nth
	}
}

// abandonSent fails what was sent on other sessions than s.
func (c *Client) abandonSent(s *session, why string) {
	c.abandonIf(func(w *waiting) bool { return w.s != nil && w.s != s }, why)
}
