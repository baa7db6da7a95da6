package client

import (
	"slices"
	"time"

	"github.com/smartsocket/smartsocket/message"
)

// parked is a message that waits until it can be sent: an EVENT, or an answer that only its own
// session can take. It is neither compressed nor sealed yet. Client.mu guards it.
type parked struct {
	session *session // of an answer; nil for an event
	asked   uint64   // the question that an answer is to
	event   string
	ack     uint64
	b       []byte
	body    int
	at      time.Time
	how     *losable
	held    bool // it waits for room alone, so what is emitted later need not wait for it
}

// losses counts what was lost or replaced while it waited, since the last warning. Client.mu guards
// it.
type losses struct {
	volatile, late, full, other, replaced int
}

// outgoing is an EVENT on its way: the message, where its payload begins, and what it may lose.
type outgoing struct {
	event string
	ack   uint64
	b     []byte
	body  int
	how   delivery
}

// enqueue parks a copy of an EVENT or returns why it cannot. done is false when it can be sent now,
// which the caller must do.
func (c *Client) enqueue(m *outgoing) (done bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.current.Load()
	switch {
	case l != nil && !l.behind.Load():
		return false, nil
	case c.state == idle:
		return true, &Error{
			Code:    message.CodeConnectionLost,
			Message: "not connected: call Connect first",
			Event:   m.event,
		}
	case m.how.volatile:
		c.lose(&c.losses.volatile)
		return true, nil
	case l == nil && c.opts.Offline == OfflineFail:
		return true, &Error{
			Code:    message.CodeConnectionLost,
			Message: "not connected at the moment: try again later, or use OfflineQueue",
			Event:   m.event,
		}
	case len(m.b)-m.body > c.opts.MaxMessageBytes:
		return true, &Error{
			Code:    message.CodeTooLarge,
			Message: "the payload is over Options.MaxMessageBytes: split it",
			Event:   m.event,
		}
	}
	c.own(m.ack, nil, nil, 0)
	c.parkEvent(m, false)
	return true, nil
}

// holdBack deals with an EVENT that may be lost while too much is unsent on l: it drops the event,
// or parks a copy until there is room. It reports false if l is not the open link any more.
func (c *Client) holdBack(l *link, m *outgoing) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current.Load() != l {
		return false
	}
	if m.how.volatile {
		c.lose(&c.losses.volatile)
		return true
	}
	c.parkEvent(m, true)
	if l.t.room(nil, nil) { // by now, and nobody will tell us
		go c.releaseOn(l)
	}
	return true
}

// parkEvent parks a copy of m, in the place of the state that it replaces if there is one. c.mu is
// held.
func (c *Client) parkEvent(m *outgoing, held bool) {
	p := &parked{
		event: m.event,
		ack:   m.ack,
		b:     append([]byte(nil), m.b...),
		body:  m.body,
		at:    c.clock.Now(),
		how:   m.how.losable(m.event, c.clock),
		held:  held,
	}
	key := p.how.stateKey()
	if old := c.states[key]; key != "" && old != nil {
		p.held = old.held
		*old = *p
		c.losses.replaced++
		c.stats.replaced.Add(1)
		return
	}
	if key != "" {
		if c.states == nil {
			c.states = make(map[string]*parked)
		}
		c.states[key] = p
		c.parkedStates.Store(true)
	}
	c.park(p)
}

// supersede drops the parked state that m, which is about to be sent, replaces: behind m it would
// undo it.
func (c *Client) supersede(m *outgoing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.states[m.how.losable(m.event, c.clock).stateKey()]
	if old == nil {
		return
	}
	c.parked = slices.DeleteFunc(c.parked, func(p *parked) bool { return p == old })
	c.unstate(old)
	c.losses.replaced++
	c.stats.replaced.Add(1)
}

// park queues a message and drops the oldest one when there are too many. c.mu is held.
func (c *Client) park(p *parked) {
	c.parked = append(c.parked, p)
	c.stats.queued.Add(1)
	if len(c.parked) > c.opts.QueueSize {
		old := c.parked[0]
		c.parked[0] = nil
		c.parked = c.parked[1:]
		c.unstate(old)
		c.drop(old, &c.losses.full, "the offline queue is full: raise Options.QueueSize")
	}
}

// unstate notes that p is not parked any more. c.mu is held.
func (c *Client) unstate(p *parked) {
	if key := p.how.stateKey(); key != "" && c.states[key] == p {
		delete(c.states, key)
		c.parkedStates.Store(len(c.states) > 0)
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
		c.park(&parked{
			session: l.session,
			asked:   id,
			b:       append([]byte(nil), b...),
			body:    body,
			at:      c.clock.Now(),
		})
	}
	return nil
}

// drop counts a message that will never be sent, in count too. c.mu is held.
func (c *Client) drop(p *parked, count *int, why string) {
	c.lose(count)
	if p.ack != 0 {
		if q := c.claim(p.ack); q != nil {
			q.done(Data{}, &Error{Code: message.CodeConnectionLost, Message: why, Event: p.event})
		}
	}
}

// lose counts a message that will never be sent. c.mu is held.
func (c *Client) lose(count *int) {
	*count++
	c.stats.dropped.Add(1)
}

// release sends what is parked on the new link l, in order, as far as the server's rate limit and
// its reading allow. What is left follows later, and what is emitted meanwhile waits behind it.
// Answers do not count for the limit and do not wait for it. c.mu is held, so nothing newer
// overtakes it. It does not wait for the peer, and returns the sizes of what it sent, for the log.
func (c *Client) release(l *link) (sizes []int) {
	list := c.parked
	if len(list) > 0 {
		l.behind.Store(true) // who emits meanwhile waits for c.mu, and then looks again
	}
	rest, limited := list[:0], false
	now := c.clock.Now()
	for i, p := range list {
		if p.session == nil && limited {
			rest = append(rest, p)
			continue
		}
		if !l.t.room(nil, nil) {
			rest = append(rest, list[i:]...)
			break
		}
		if !c.worthSending(p, l, now) {
			c.unstate(p)
			continue
		}
		if p.session == nil {
			if ok, wait := c.pace.next(now, c.stats.sent.Load()); !ok {
				c.releaseAfter(l, wait)
				rest, limited = append(rest, p), true
				continue
			}
		}
		c.own(p.ack, l, p.b, p.body)
		size, err := l.queueParked(p)
		if err != nil { // gone again
			c.own(p.ack, nil, nil, 0)
			rest = append(rest, list[i:]...)
			break
		}
		c.unstate(p)
		sizes = append(sizes, size)
		if p.session == nil {
			c.stats.sent.Add(1)
		}
	}
	clear(list[len(rest):])
	if c.parked = rest; len(rest) == 0 {
		c.parked = nil
		c.warnOfLosses()
	}
	l.behind.Store(slices.ContainsFunc(rest, func(p *parked) bool { return !p.held }))
	l.t.flushLater()
	return sizes
}

// worthSending reports whether a parked message is to be sent on l. Otherwise it has dropped it.
// c.mu is held.
func (c *Client) worthSending(p *parked, l *link, now time.Time) bool {
	switch {
	case p.session != nil && p.session != l.session:
		c.lose(&c.losses.other) // its session is over, so nobody waits for the answer
	case p.session != nil && !p.session.ledger.toSend(p.asked, p.b, p.body, l):
		// the question was repeated and answered already
	case p.ack != 0 && !c.awaited(p.ack):
		c.lose(&c.losses.late) // the caller was told that it failed, so it must not happen any more
	case p.how.late(now):
		c.drop(p, &c.losses.late, "the message waited longer than its Deadline")
	case now.Sub(p.at) > c.opts.QueueAge:
		c.drop(p, &c.losses.late, "the message waited longer than Options.QueueAge")
	case l.tooLarge(p.event, len(p.b)-p.body) != nil:
		c.drop(p, &c.losses.other, "the message is over the server's maxMessageBytes")
	default:
		return true
	}
	return false
}

// releaseAfter goes on with the release after d. c.mu is held.
func (c *Client) releaseAfter(l *link, d time.Duration) {
	if c.stopRelease != nil {
		c.stopRelease()
	}
	c.stopRelease = c.clock.AfterFunc(d, func() { c.releaseOn(l) })
}

// authEvent is the event by which a socket authenticates. Its data is never logged.
const authEvent = "auth"

// authenticated sends what has waited for the event auth on l.
func (c *Client) authenticated(l *link) {
	if l != nil && l.asksAuth && !l.authed.Swap(true) {
		c.post(job{run: func() { c.releaseOn(l) }}) // behind the connected handlers
	}
}

// parkedAuth reports whether an event auth is parked, and moves it in front of all others. c.mu is
// held.
func (c *Client) parkedAuth() bool {
	for i, p := range c.parked {
		if p.session == nil && p.event == authEvent {
			copy(c.parked[1:i+1], c.parked[:i])
			c.parked[0] = p
			return true
		}
	}
	return false
}

// releaseOn sends what is parked if l is still the open link and lets events pass.
func (c *Client) releaseOn(l *link) {
	var sizes []int
	c.mu.Lock()
	if c.current.Load() == l && (!l.asksAuth || l.recovered || l.authed.Load()) {
		sizes = c.release(l)
	}
	c.mu.Unlock()
	for _, n := range sizes {
		c.logSent(n)
	}
}

// drained runs when l, on which too much was unsent, has sent most of it.
func (c *Client) drained(l *link) {
	c.releaseOn(l)
	if c.current.Load() == l {
		c.fire(EventDrain, Data{})
	}
}

// queueParked queues a parked message and returns its size.
func (l *link) queueParked(p *parked) (size int, err error) {
	if p.session == nil {
		return l.queueEvent(p.ack, p.b, p.body, p.how)
	}
	out := l.pack(p.b, p.body)
	defer out.done()
	return len(out.b), l.queue(out.b)
}

// forget drops everything that is parked. c.mu is held.
func (c *Client) forget(why string) {
	for _, p := range c.parked {
		c.drop(p, &c.losses.other, why)
	}
	c.parked, c.states = nil, nil
	c.parkedStates.Store(false)
	if c.stopRelease != nil {
		c.stopRelease()
		c.stopRelease = nil
	}
	c.warnOfLosses()
}

// warnOfLosses logs, in one line, what was dropped since the last such line. c.mu is held, so the
// dispatcher logs it.
func (c *Client) warnOfLosses() {
	n := c.losses
	if c.losses = (losses{}); n.volatile+n.late+n.full+n.other == 0 {
		return
	}
	c.post(job{run: func() {
		c.opts.Logger.Warn("messages that could not be sent at once were dropped",
			"volatile", n.volatile, "late", n.late, "queueFull", n.full, "other", n.other,
			"replacedStates", n.replaced)
	}})
}
