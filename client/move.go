package client

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/smartsocket/smartsocket/message"
)

// A server that is about to stop says so in a GOAWAY with Move. Then the client opens its next
// connection before it leaves this one:
//
//	GOAWAY ──wait──► attempt ──CONNECT_ACK──► the new link is the open one ──► the old one is left
//	             ▲      │ failed
//	             └──────┘  staying, until the server closes the old one: then reconnect.go goes on
//
// From CONNECT_ACK on everything goes out on the new link. What was asked on the old one is
// answered there, and events that still come on it are delivered, until handover is over.

const (
	// maxOverlap is how long the old link is kept because no event has come on the new one. An
	// application that joins its rooms anew thereby misses nothing meanwhile.
	maxOverlap = time.Second
	// moveTime is how long the old link is kept if the server does not say.
	moveTime = 10 * time.Second
	// maxMoveTime bounds what the server may say.
	maxMoveTime = time.Minute
	// moveGrace is how long an attempt may go on when the old link has ended meanwhile.
	moveGrace = time.Second
)

// mover makes the connection that is to replace a link.
type mover struct {
	over   chan struct{} // closed when it has ended
	cancel context.CancelFunc
	within time.Duration // from GOAWAY until the server closes the old link
}

// handover is the time in which a link has replaced another that is still open.
type handover struct {
	from    *link
	ready   atomic.Bool   // the connected handlers have returned
	heard   atomic.Bool   // an event has come on the new link
	changed chan struct{} // has a value when there may be less to wait for
}

// note says that there may be less to wait for. h may be nil.
func (h *handover) note() {
	if h == nil {
		return
	}
	select {
	case h.changed <- struct{}{}:
	default:
	}
}

// hear notes an event on the new link of h, which may be nil.
func (h *handover) hear(l *link) {
	if h != nil && h.from != l && !h.heard.Swap(true) {
		h.note()
	}
}

// moves reports whether the client moves when the server asks for it.
func (c *Client) moves() bool {
	return c.opts.EnableMoves != Disabled && c.opts.MaxReconnectAttempts != Never
}

// goaway takes a GOAWAY of an open link. The reader calls it.
func (l *link) goaway(g *message.Goaway) {
	l.waitFor, l.window = time.Duration(min(g.ReconnectWindow, 1<<31))*time.Millisecond, true
	l.noteAddress(g.URL)
	if !g.Move || l.mover != nil || !l.c.moves() {
		return
	}
	within := moveTime
	if g.Deadline > 0 {
		within = min(time.Duration(min(g.Deadline, 1<<31))*time.Millisecond, maxMoveTime)
	}
	ctx, cancel := context.WithCancel(l.life)
	l.mover = &mover{over: make(chan struct{}), cancel: cancel, within: within}
	l.c.opts.Logger.Info("the server asks to move to another connection", "within", within)
	go l.c.move(ctx, l, l.c.moveDelay(l))
}

// noteAddress notes the address in a GOAWAY, unless it cannot be used or would give up
// encryption.
func (l *link) noteAddress(url []byte) {
	if len(url) == 0 {
		return
	}
	to, err := parseTarget(string(url))
	if err != nil || l.c.at.secure && !to.secure {
		l.c.opts.Logger.Warn("the server names an address to move to that cannot be used, " +
			"or is not as secure: staying")
		return
	}
	if l.c.namespace == "" {
		to = to.beside(l.c.at)
	}
	l.moved = to
}

// moveDelay is how long to wait before the first attempt: a part of the server's window. A server
// that sends away whoever has just come makes it wait longer each time.
func (c *Client) moveDelay(l *link) time.Duration {
	delay := min(l.waitFor, l.mover.within/2)
	delay = time.Duration(float64(delay) * c.random())
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.clock.Now().Sub(l.opened) >= healthy {
		c.quickMoves = 0
	}
	if c.quickMoves++; c.quickMoves > 2 {
		delay = max(delay, c.backoff(c.quickMoves-2))
	}
	return delay
}

// move makes a connection that replaces from. It ends when it has one, when from ends between two
// attempts, when the server refuses for good, or with ctx.
func (c *Client) move(ctx context.Context, from *link, delay time.Duration) {
	defer close(from.mover.over)
	defer from.mover.cancel()
	to := from.at
	if from.moved != nil {
		to = from.moved
	}
	route := c.route(to)
	for n := 0; ; n++ {
		if delay > 0 && !c.waitToMove(ctx, from, delay) {
			return
		}
		hint := time.Duration(0)
		for _, at := range route {
			code, err := c.attempt(ctx, &attempt{life: from.life, at: at, session: from.session,
				replaces: from})
			if err == nil || from.ended() || ctx.Err() != nil {
				return
			}
			e := asError(err, message.CodeConnectionLost)
			c.opts.Logger.Warn("the next connection could not be made, staying on this one",
				"url", at.shown(), "error", e)
			if final(e, code) {
				return
			}
			hint = time.Duration(min(e.RetryAfter, 1<<31)) * time.Millisecond
		}
		delay = max(c.backoff(n), min(hint, from.mover.within/4))
	}
}

// waitToMove waits for d. It reports false if from or ctx has ended meanwhile.
func (c *Client) waitToMove(ctx context.Context, from *link, d time.Duration) bool {
	after, stop := c.clock.After(d)
	defer stop()
	select {
	case <-after:
		return ctx.Err() == nil && !from.ended()
	case <-from.done:
	case <-ctx.Done():
	}
	return false
}

// ended reports whether the reader of l has ended.
func (l *link) ended() bool {
	select {
	case <-l.done:
		return true
	default:
		return false
	}
}

// awaitMover lets the attempt of a link that has ended go on for a moment. It reports whether that
// has made the connection.
func (c *Client) awaitMover(lost *link) bool {
	if lost.mover == nil {
		return false
	}
	after, stop := c.clock.After(moveGrace)
	defer stop()
	select {
	case <-lost.mover.over:
	case <-after:
		lost.mover.cancel()
		<-lost.mover.over
	}
	return lost.replaced.Load()
}

// supersede makes l's reader drop the events of a session that goes on on another link, where they
// come again. The other link's reader calls it, before it delivers any.
func (l *link) supersede() {
	l.c.queue.setOpen(false) // l's reader may wait for handlers; publish opens it again
	l.turn.Lock()
	l.superseded = true
	l.turn.Unlock()
}

// relieve makes l the successor of the open link that it replaces. c.mu is held. What it returns
// runs later, behind the connected handlers.
func (c *Client) relieve(l *link) (ready func()) {
	from := l.replaces
	h := &handover{from: from, changed: make(chan struct{}, 1)}
	if old := c.leaving; old != nil { // two at a time are enough
		old.t.close(message.CloseNormal, "")
	}
	c.leaving = from
	from.handover.Store(h)
	l.handover.Store(h)
	from.replaced.Store(true)
	go c.part(h, l)
	return func() {
		h.ready.Store(true)
		h.note()
	}
}

// part leaves the old link when nothing more is expected on it, or when its time is over.
func (c *Client) part(h *handover, to *link) {
	defer to.handover.CompareAndSwap(h, nil)
	late, stopLate := c.clock.After(h.from.mover.within)
	defer stopLate()
	overlap, stopOverlap := c.clock.After(maxOverlap)
	defer stopOverlap()
	for over := false; !over && !(h.ready.Load() && h.heard.Load() && !c.asksOn(h.from)); {
		select {
		case <-h.changed:
		case <-overlap:
			h.heard.Store(true)
			overlap = nil
		case <-late:
			over = true
		case <-h.from.life.Done():
			over = true
		case <-h.from.done:
			over = true
		}
	}
	h.from.t.close(message.CloseNormal, "")
}

// asksOn reports whether a question waits for its answer on l.
func (c *Client) asksOn(l *link) bool {
	c.ackMu.Lock()
	defer c.ackMu.Unlock()
	for _, q := range c.acks {
		if q.on == l {
			return true
		}
	}
	return false
}

// left notes the end of a link that was replaced before. Its questions will not be answered.
func (c *Client) left(l *link) {
	c.mu.Lock()
	if c.leaving == l {
		c.leaving = nil
	}
	c.mu.Unlock()
	c.abandonIf(func(q *question) bool { return q.on == l },
		"the connection ended before the answer came")
}

// successor returns the link on which the session of l goes on: l unless a move has taken it along.
func (c *Client) successor(l *link) *link {
	if l.replaced.Load() {
		if now := c.current.Load(); now != nil && now.session == l.session {
			return now
		}
	}
	return l
}

// unblock lets a reader that waits for handlers go on, because one of them calls us and l has
// ended. It does nothing if l was replaced, because then the reader of another link would not wait.
func (c *Client) unblock(l *link) {
	c.mu.Lock()
	if now := c.current.Load(); now == nil || now == l {
		c.queue.setOpen(false)
	}
	c.mu.Unlock()
}
