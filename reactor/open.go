//go:build linux || darwin

package reactor

import (
	"io"

	"github.com/cloudwego/netpoll"
)

// attach gives c an operator of its loop's poller that waits for ev.
func (c *Conn) attach(ev netpoll.PollEvent) error {
	op := c.loop.poll.Alloc()
	op.FD = int(c.fd)
	op.OnRead, op.OnWrite, op.OnHup = c.onRead, c.onWrite, c.onHup
	c.mu.Lock()
	c.op = op
	c.mu.Unlock()
	c.loop.link(c)
	return op.Control(ev)
}

// register opens an accepted or adopted connection. first, if not nil, runs after OnOpen in the
// same cork.
func (c *Conn) register(first func()) {
	err := c.attach(netpoll.PollReadable)
	c.opened()
	if err != nil {
		c.Abort(err)
	} else if first != nil && c.isOpen() {
		c.call(first)
	}
	c.end()
	if c.loop.r.closing.Load() {
		c.Close(ErrClosed)
	}
}

// opened enters stateOpen, corked, and runs OnOpen.
func (c *Conn) opened() {
	r := c.loop.r
	c.counted = true
	r.countOpen()
	c.touch()
	c.mu.Lock()
	if c.state < stateOpen {
		c.state = stateOpen
	}
	c.corked = c.state == stateOpen
	if c.out != nil { // something was written before it got here
		c.arm()
	}
	c.mu.Unlock()
	c.callOpen()
}

func (c *Conn) isOpen() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state == stateOpen
}

func (c *Conn) callOpen() {
	returned := false
	defer c.panicked(&returned)
	c.handler.OnOpen(c)
	returned = true
}

// touch records the time of a read. While the loop ticks, its clock is fresh enough.
func (c *Conn) touch() {
	l := c.loop
	if !l.ticking {
		l.now.Store(l.time())
	}
	c.lastRead = l.now.Load()
}

// onRead is called by the poller if c is readable. c may have an error or a hang-up as well.
func (c *Conn) onRead(netpoll.Poll) error {
	if c.fd >= 0 {
		c.loop.op = c.op
		c.read(maxReadRounds)
	}
	return nil
}

// onHup is called by netpoll after it has detached the operator, on its own goroutine.
func (c *Conn) onHup(netpoll.Poll) error {
	c.loop.post(task{kind: taskHup, c: c})
	return nil
}

// drain takes what a peer that is gone had sent, and closes.
func (c *Conn) drain() {
	if c.fd < 0 {
		return
	}
	c.mu.Lock()
	s := c.state
	c.mu.Unlock()
	if s == stateDialing { // the peer may have accepted, sent and closed
		if c.connected(); c.fd < 0 {
			return
		}
	}
	c.read(-1)
	if c.fd < 0 {
		return
	}
	// There is no EOF and no error, so ask the socket what is wrong with the connection.
	if e := socketError(int(c.fd)); e != 0 {
		c.lose(e, false)
	} else {
		c.lose(io.EOF, false)
	}
}
