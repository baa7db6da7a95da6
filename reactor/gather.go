//go:build linux || darwin

package reactor

import (
	"math"
	"time"

	"github.com/smartsocket/smartsocket/pool"
)

// Gathering is corking for connections other than the one whose callback runs. Their writes stay in
// the outbox for a moment and leave in one write.
//
// Within one callback of a loop gathering begins with the second write to a connection. The first
// write leaves at once, so that a single one is not delayed. Gathering ends with the loop's next
// turn.
//
// With Gather it begins with the first write and ends with Flush. A caller that takes longer than
// holdTick is not waited for: the loop's holder sends what there is after one to two ticks.

const (
	// gatherMax is the number of gathered bytes that leave without waiting for more.
	gatherMax = 64 << 10
	// holdTick is how often a loop looks after what Gather holds back. It looks only while there
	// is something, so that a process without traffic sleeps. A look costs two switches of threads,
	// so it should serve many callers.
	holdTick = 4 * time.Millisecond
)

// Gather keeps together what is written until Flush. It is for a caller that is about to write from
// its own goroutine, possibly several times. It delays nothing for long: after four to eight
// milliseconds what was written leaves, and further writes are not gathered.
func (c *Conn) Gather() {
	c.mu.Lock()
	if c.state == stateOpen && c.gathering < math.MaxUint8 {
		c.gathering++
	}
	c.mu.Unlock()
}

// Flush ends a Gather and sends what was gathered. If several callers gather, it is gathered on
// until the last of them has called Flush.
func (c *Conn) Flush() {
	c.mu.Lock()
	if c.gathering > 0 {
		c.gathering--
	}
	c.flushLate()
	c.mu.Unlock()
}

// Push sends what was gathered so far, and ends nobody's Gather.
func (c *Conn) Push() {
	c.mu.Lock()
	c.flushLate()
	c.mu.Unlock()
}

// gathers reports whether a write to c should be gathered. mu is held.
func (c *Conn) gathers() bool {
	if c.gathering > 0 {
		return true
	}
	turn := c.loop.turn.Load()
	if turn&1 == 1 && c.turn == turn {
		return true
	}
	c.turn = turn
	return false
}

// gather queues head and body without asking for writability. mu is held.
func (c *Conn) gather(head, body []byte, s *pool.Shared) Status {
	n := len(head) + len(body)
	if c.gathering > 0 && !c.late && s == nil && n >= corkMaxWrite {
		return c.push(nil, head, body, s) // copying it would cost more than a call saves
	}
	if !c.hasRoom(n) {
		return Dropped
	}
	c.append(nil, head, body, s, 0)
	c.out.admit(len(head) + len(body))
	c.delay()
	if c.out.bytes < gatherMax {
		return Sent
	}
	c.flushLate()
	if c.out != nil {
		return Backpressured
	}
	return Sent
}

// delay makes sure that somebody calls flushLate for what was gathered. mu is held.
func (c *Conn) delay() {
	c.urgent = c.urgent || c.corked
	switch {
	case c.late:
	case c.gathering > 0:
		c.loop.hold(c)
	default:
		c.loop.post(task{kind: taskLate, c: c})
	}
	c.late = true
}

// flushLate sends what was gathered. mu is held.
func (c *Conn) flushLate() {
	if !c.late {
		return
	}
	if c.secure {
		c.handler.(*tlsConn).flushLate()
		return
	}
	c.late, c.urgent = false, false
	if c.out == nil || c.broken {
		return
	}
	// Send all of it: bytes that merely did not fit into one write must not look like a peer that
	// is behind.
	for c.flush() && c.out != nil {
	}
	if c.out != nil {
		c.await()
	}
}

// sendLate is the loop's part of gathering.
func (c *Conn) sendLate() {
	c.mu.Lock()
	c.flushLate()
	s := c.state
	c.mu.Unlock()
	if s > stateOpen {
		c.settle()
	}
}

// hold makes sure that what Gather keeps of c leaves soon, whatever the caller does. It does not
// wake the loop, which would cost as much as the write that is saved. The mu of c is held.
func (l *loop) hold(c *Conn) {
	l.holdMu.Lock()
	defer l.holdMu.Unlock()
	again := c.heldAt != 0
	c.heldAt = max(l.holdTicks, 1)
	if again {
		return
	}
	l.held = append(l.held, c)
	if len(l.held) == 1 {
		l.holder.Reset(holdTick)
	}
}

// onHolder sends what has been held for a whole tick. It runs on a goroutine of the runtime.
func (l *loop) onHolder() {
	l.holdMu.Lock()
	l.holdTicks = max(l.holdTicks+1, 1)
	tick, batch := l.holdTicks, l.held
	l.held = nil
	l.holdMu.Unlock()
	kept := batch[:0]
	for _, c := range batch {
		if c.overdue(tick) {
			kept = append(kept, c)
		}
	}
	clear(batch[len(kept):])
	l.holdMu.Lock()
	defer l.holdMu.Unlock()
	if l.held = append(kept, l.held...); len(l.held) > 0 {
		l.holder.Reset(holdTick)
	}
}

// overdue sends what is held of c, if that is older than a tick, and reports whether c has to be
// looked at again.
func (c *Conn) overdue(tick uint8) (again bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.late && tick-c.heldAt < 2 {
		return true
	}
	c.heldAt = 0
	if c.late {
		c.gathering = 0 // its callers take long
		c.flushLate()
	}
	return false
}
