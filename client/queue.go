package client

import (
	"time"

	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

// parked is one whole EVENT message that waits for a session, not yet compressed or sealed.
type parked struct {
	event string
	ack   uint64
	b     []byte
	body  int
	at    time.Time
}

// enqueue parks a message, or says why not. done is false when a session is
// there by now, which the caller must use.
func (c *Client) enqueue(event string, ack uint64, b []byte, body int) (done bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.current.Load() != nil:
		return false, nil
	case c.state == idle:
		return true, &Error{Code: message.CodeConnectionLost, Message: "not connected: call Connect first", Event: event}
	case c.opts.Offline == OfflineFail:
		return true, &Error{Code: message.CodeConnectionLost, Message: "not connected at the moment: try again later, or use OfflineQueue", Event: event}
	case len(b)-body > c.opts.MaxMessageBytes:
		return true, &Error{Code: message.CodeTooLarge, Message: "the payload is over Options.MaxMessageBytes: split it", Event: event}
	}
	c.own(ack, nil)
	c.parked = append(c.parked, parked{event, ack, append([]byte(nil), b...), body, c.clock.Now()})
	c.stats.queued.Add(1)
	if len(c.parked) > c.opts.QueueSize {
		c.drop(c.parked[0], "the offline queue is full: raise Options.QueueSize")
		c.parked[0] = parked{}
		c.parked = c.parked[1:]
	}
	return true, nil
}

// drop counts a message that will never be sent.
func (c *Client) drop(p parked, why string) {
	c.stats.dropped.Add(1)
	if p.ack != 0 {
		if w := c.claim(p.ack); w != nil {
			w.done(Data{}, &Error{Code: message.CodeConnectionLost, Message: why, Event: p.event})
		}
	}
}

// release sends what is parked on a fresh session, in order; c.mu is held, so
// nothing new overtakes it. It does not wait for the peer.
func (c *Client) release(s *session) {
	list := c.parked
	c.parked = nil
	now := c.clock.Now()
	for i, p := range list {
		switch {
		case p.ack != 0 && !c.awaited(p.ack):
			c.stats.dropped.Add(1)
			continue // its wait has ended: it must not happen any more
		case now.Sub(p.at) > c.opts.QueueAge:
			c.drop(p, "the message waited longer than Options.QueueAge")
			continue
		case s.tooLarge(p.event, len(p.b)-p.body) != nil:
			c.drop(p, "the message is over the server's maxMessageBytes")
			continue
		}
		c.own(p.ack, s)
		out, d := s.pack(p.b, p.body)
		err := s.queue(out)
		if d != nil {
			pool.Put(d)
		}
		if err != nil { // gone again
			c.own(p.ack, nil)
			c.parked = list[i:]
			return
		}
		c.stats.sent.Add(1)
	}
	s.t.flushLater()
}

// forget drops everything that is parked; c.mu is held.
func (c *Client) forget(why string) {
	for _, p := range c.parked {
		c.drop(p, why)
	}
	c.parked = nil
}
