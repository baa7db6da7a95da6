package client

import (
	"time"

	"github.com/smartsocket/smartsocket/message"
)

// parked is a message that waits for a connection: an EVENT, or an answer that only
// its own session can take. It is neither compressed nor sealed yet.
type parked struct {
	session *session // of an answer; nil for an event
	asked   uint64   // the question that an answer is to
	event   string
	ack     uint64
	b       []byte
	body    int
	at      time.Time
}

// enqueue parks a copy of an EVENT or returns why it cannot. done is false when
// there is a connection by now, which the caller must use.
func (c *Client) enqueue(event string, ack uint64, b []byte, body int) (done bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.current.Load() != nil:
		return false, nil
	case c.state == idle:
		return true, &Error{
			Code:    message.CodeConnectionLost,
			Message: "not connected: call Connect first",
			Event:   event,
		}
	case c.opts.Offline == OfflineFail:
		return true, &Error{
			Code:    message.CodeConnectionLost,
			Message: "not connected at the moment: try again later, or use OfflineQueue",
			Event:   event,
		}
	case len(b)-body > c.opts.MaxMessageBytes:
		return true, &Error{
			Code:    message.CodeTooLarge,
			Message: "the payload is over Options.MaxMessageBytes: split it",
			Event:   event,
		}
	}
	c.own(ack, nil, nil, 0)
	c.park(parked{
		event: event,
		ack:   ack,
		b:     append([]byte(nil), b...),
		body:  body,
		at:    c.clock.Now(),
	})
	return true, nil
}

// park queues a message and drops the oldest one when there are too many. c.mu is held.
func (c *Client) park(p parked) {
	c.parked = append(c.parked, p)
	c.stats.queued.Add(1)
	if len(c.parked) > c.opts.QueueSize {
		c.drop(c.parked[0], "the offline queue is full: raise Options.QueueSize")
		c.parked[0] = parked{}
		c.parked = c.parked[1:]
	}
}

// parkAnswer parks a copy of an answer to a question that came on l, which has ended,
// until l's session is recovered. If it has been recovered by now, parkAnswer returns
// the new link instead. If the session cannot be recovered, the question ended with l.
func (c *Client) parkAnswer(l *link, id uint64, b []byte, body int) *link {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.current.Load(); now != nil {
		if now.session == l.session && now != l {
			return now
		}
		return nil
	}
	if c.state == reconnecting && l.resumable {
		c.park(parked{
			session: l.session,
			asked:   id,
			b:       append([]byte(nil), b...),
			body:    body,
			at:      c.clock.Now(),
		})
	}
	return nil
}

// drop counts a message that will never be sent.
func (c *Client) drop(p parked, why string) {
	c.stats.dropped.Add(1)
	if p.ack != 0 {
		if q := c.claim(p.ack); q != nil {
			q.done(Data{}, &Error{Code: message.CodeConnectionLost, Message: why, Event: p.event})
		}
	}
}

// release sends what is parked on the new link l, in order. c.mu is held, so nothing
// newer overtakes it. It does not wait for the peer, and returns the sizes of what it
// sent, for the log.
func (c *Client) release(l *link) (sizes []int) {
	list := c.parked
	c.parked = nil
	now := c.clock.Now()
	for i, p := range list {
		switch {
		case p.session != nil && p.session != l.session:
			c.stats.dropped.Add(1)
			continue // its session is over, so nobody waits for the answer
		case p.session != nil && !p.session.ledger.toSend(p.asked, p.b, p.body, l):
			continue // the question was repeated and answered already
		case p.ack != 0 && !c.awaited(p.ack):
			c.stats.dropped.Add(1)
			continue // the caller was told that it failed, so it must not happen any more
		case now.Sub(p.at) > c.opts.QueueAge:
			c.drop(p, "the message waited longer than Options.QueueAge")
			continue
		case l.tooLarge(p.event, len(p.b)-p.body) != nil:
			c.drop(p, "the message is over the server's maxMessageBytes")
			continue
		}
		c.own(p.ack, l, p.b, p.body)
		size, err := l.queueParked(&p)
		if err != nil { // gone again
			c.own(p.ack, nil, nil, 0)
			c.parked = list[i:]
			return sizes
		}
		sizes = append(sizes, size)
		if p.session == nil {
			c.stats.sent.Add(1)
		}
	}
	l.t.flushLater()
	return sizes
}

// releaseOn sends what is parked if l is still the open link.
func (c *Client) releaseOn(l *link) {
	var sizes []int
	c.mu.Lock()
	if c.current.Load() == l {
		sizes = c.release(l)
	}
	c.mu.Unlock()
	for _, n := range sizes {
		c.logSent(n)
	}
}

// queueParked queues a parked message and returns its size.
func (l *link) queueParked(p *parked) (size int, err error) {
	if p.session == nil {
		return l.queueEvent(p.ack, p.b, p.body)
	}
	out := l.pack(p.b, p.body)
	defer out.done()
	return len(out.b), l.queue(out.b)
}

// forget drops everything that is parked. c.mu is held.
func (c *Client) forget(why string) {
	for _, p := range c.parked {
		c.drop(p, why)
	}
	c.parked = nil
}
