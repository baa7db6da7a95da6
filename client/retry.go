package client

import (
	"slices"

	"github.com/smartsocket/smartsocket/pool"
)

// Bounds of the events that are kept for a recovered session while they wait for their answers.
const (
	maxKept      = 1024
	maxKeptBytes = 1 << 20
)

// sentMessage is an event that waits for its answer, not compressed or sealed.
type sentMessage struct {
	b    []byte // owned; nil = not kept
	body int
}

// keep copies what is sent on s, to be sent again if the connection is lost and
// the session recovered; beyond the bounds it does not. c.ackMu is held.
func (c *Client) keep(w *waiting, s *session, b []byte, body int) {
	c.drain(w)
	if !s.resumable || c.kept >= maxKept || c.keptBytes+len(b) > maxKeptBytes {
		return
	}
	w.sent = sentMessage{append([]byte(nil), b...), body}
	c.kept++
	c.keptBytes += len(b)
}

// drain gives up what is kept of w. c.ackMu is held.
func (c *Client) drain(w *waiting) {
	if w.sent.b != nil {
		c.kept--
		c.keptBytes -= len(w.sent.b)
		w.sent = sentMessage{}
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

// resend deals with the events that were sent on earlier connections and have no
// answer yet: if s goes on where the last one ended they are sent again with
// their ids, which lets the server tell them from new ones, else they fail. c.mu
// is held, so nothing new overtakes them. It does not wait for the peer, and
// returns the sizes of what it sent.
func (c *Client) resend(s *session) (sizes []int) {
	if !s.recovered {
		c.abandonSent(s, "the session was lost before the answer came")
		return nil
	}
	c.ackMu.Lock()
	var ids []uint64
	for id, w := range c.acks {
		if w.s != nil && w.s != s && w.s.stream == s.stream && w.sent.b != nil {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	list := make([]sentMessage, len(ids))
	for i, id := range ids {
		c.acks[id].s = s
		list[i] = c.acks[id].sent
	}
	c.ackMu.Unlock()
	c.abandonSent(s, "the session was lost before the answer came")
	for _, m := range list {
		out, d := s.pack(m.b, m.body)
		err := s.queue(out)
		if d != nil {
			pool.Put(d)
		}
		if err != nil {
			break // gone again: the next session sends them
		}
		sizes = append(sizes, len(out))
		c.stats.resent.Add(1)
	}
	return sizes
}

// abandonSent fails what was sent on other sessions than s.
func (c *Client) abandonSent(s *session, why string) {
	c.abandonIf(func(w *waiting) bool { return w.s != nil && w.s != s }, why)
}
