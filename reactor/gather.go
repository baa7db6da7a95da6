//go:build linux || darwin

package reactor

import "github.com/smartsocket/smartsocket/pool"

// Gathering is corking for connections other than the one whose callback runs. Their writes stay in
// the outbox for a moment and leave in one write. Gathering begins with the second write to a
// connection within one callback of its loop, or with Gather. The first write leaves at once, so
// that a single one is not delayed. Gathering ends with the loop's next turn at the latest.

// gatherMax is the number of gathered bytes that leave without waiting for more.
const gatherMax = 64 << 10

// Gather keeps together what is written until Flush. It is for a caller that is about to write
// several times from its own goroutine. It never delays for long, because the loop flushes too, as
// soon as it gets to it.
func (c *Conn) Gather() {
	c.mu.Lock()
	c.gathering = c.state == stateOpen && !c.secure
	c.mu.Unlock()
}

// Flush ends Gather and sends what was gathered.
func (c *Conn) Flush() {
	c.mu.Lock()
	c.gathering = false
	c.flushLate()
	c.mu.Unlock()
}

// gathers reports whether a write to c should be gathered. mu is held.
func (c *Conn) gathers() bool {
	if c.gathering {
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
	if !c.hasRoom(len(head) + len(body)) {
		return Dropped
	}
	c.append(nil, head, body, s, 0)
	c.out.admit(len(head) + len(body))
	if !c.late {
		c.late = true
		c.loop.post(task{kind: taskLate, c: c})
	}
	if c.out.bytes < gatherMax {
		return Sent
	}
	c.flushLate()
	if c.out != nil {
		return Backpressured
	}
	return Sent
}

// flushLate sends what was gathered. mu is held.
func (c *Conn) flushLate() {
	if !c.late {
		return
	}
	c.late = false
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
