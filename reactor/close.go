//go:build linux || darwin

package reactor

import (
	"syscall"
	"time"

	"github.com/cloudwego/netpoll"
)

// closeTimeout limits how long a close may flush and linger without progress.
const closeTimeout = 5 * time.Second

// Close closes the connection after what is queued has been flushed, or after 5 s without progress.
// err is passed to OnClose. Writes after Close are Dropped. Close may be called more than once; the
// first error wins.
//
// When the outbox is empty a FIN is sent. Input is then discarded until the peer's FIN, within the
// same limit, so that no RST overtakes the last bytes.
func (c *Conn) Close(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state >= stateFlushing {
		return
	}
	if c.err == nil {
		c.err = err
	}
	if c.state < stateOpen {
		c.doomLocked(nil, false)
		return
	}
	c.state = stateFlushing
	if !c.corked { // otherwise end will see it
		c.loop.post(task{kind: taskSettle, c: c})
	}
}

// Abort closes at once with a RST (SO_LINGER 0) and discards the outbox. Like Close it may be
// called more than once and the first error wins. It also cuts a Close short.
func (c *Conn) Abort(err error) { c.doom(err, true) }

func (c *Conn) doom(err error, reset bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.doomLocked(err, reset)
}

// doomLocked makes the loop close c as soon as it can. mu is held.
func (c *Conn) doomLocked(err error, reset bool) {
	registered := c.op != nil
	// If c is corked, end will see it. If c is not registered, its first task will.
	if c.mark(err, reset) && registered && !c.corked {
		c.loop.post(task{kind: taskSettle, c: c})
	}
}

// mark enters stateDoomed, unless c is already there or past it. mu is held.
func (c *Conn) mark(err error, reset bool) bool {
	if c.state >= stateDoomed {
		return false
	}
	if c.err == nil && c.state < stateFlushing {
		c.err = err
	}
	c.state = stateDoomed
	c.reset = reset
	c.dropAll()
	return true
}

// lose closes c now. err is the reason unless there already is one. On the loop, not corked.
func (c *Conn) lose(err error, reset bool) {
	c.mu.Lock()
	c.mark(err, reset)
	c.mu.Unlock()
	c.teardown()
}

// settle continues a close as far as possible. On the loop, not corked.
func (c *Conn) settle() {
	c.mu.Lock()
	s := c.state
	if s == stateFlushing {
		c.flushLate()
	}
	if s == stateFlushing && c.secure {
		c.handler.(*tlsConn).closeNotify()
	}
	if s == stateFlushing && c.out == nil && !c.broken {
		s = stateLingering
		if c.loop.r.closing.Load() || syscall.Shutdown(int(c.fd), syscall.SHUT_WR) != nil {
			s = stateDoomed
		}
		c.state = s
	}
	if s == stateLingering && c.loop.r.closing.Load() {
		s = stateDoomed
		c.state = s
	}
	c.mu.Unlock()
	switch s {
	case stateDoomed:
		c.teardown()
	case stateFlushing, stateLingering:
		if !c.closing {
			c.SetTimer(closeTimeout)
			c.closing = true
		}
	}
}

// mayLinger gives a close more time while the peer takes what is on its way. The first time it
// gives the benefit of the doubt. On the loop.
func (c *Conn) mayLinger() bool {
	c.mu.Lock()
	again := c.marks&waited != 0
	moved, waiting := c.progress()
	c.mu.Unlock()
	if c.loop.r.closing.Load() || !waiting || !moved && again {
		return false
	}
	c.closing = false
	c.SetTimer(closeTimeout)
	c.closing = true
	return true
}

// teardown detaches and closes c and runs OnClose. On the loop, in stateDoomed.
func (c *Conn) teardown() {
	l := c.loop
	c.mu.Lock()
	if c.state == stateClosed {
		c.mu.Unlock()
		return
	}
	c.state = stateClosed
	op, err, reset := c.op, c.err, c.reset
	c.op = nil
	c.dropAll()
	if op != nil {
		_ = op.Control(netpoll.PollDetach) // there is nothing to do if netpoll was first
	}
	c.mu.Unlock()
	l.wheel.cancel(c)
	c.closing = true
	if op != nil {
		l.unlink(c)
		l.retire(op)
	}
	if c.counted {
		l.r.open.Add(-1)
		l.r.closed.Add(1)
	}
	defer c.release(reset) // also when OnClose ends the goroutine
	c.callClose(err)
}

// release gives the descriptor back.
func (c *Conn) release(reset bool) {
	l := c.loop
	c.mu.Lock()
	fd := int(c.fd)
	c.fd = -1
	c.mu.Unlock()
	if reset {
		setReset(fd)
	}
	syscall.Close(fd)
	l.r.descriptorFreed()
	l.r.live.Done()
}

func (c *Conn) callClose(err error) {
	returned := false
	defer c.panicked(&returned)
	c.handler.OnClose(c, err)
	returned = true
}
