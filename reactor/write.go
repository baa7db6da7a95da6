//go:build linux || darwin

package reactor

import (
	"os"
	"syscall"
	"unsafe"

	"github.com/cloudwego/netpoll"

	"github.com/smartsocket/smartsocket/pool"
)

// corkMaxWrite is the size in bytes from which a write leaves at once, together with what is
// corked. Copying it would cost more than the system call that this saves.
const corkMaxWrite = 16 << 10

// send writes head and body as one unit. body is the bytes of s if s is not nil.
func (c *Conn) send(head, body []byte, s *pool.Shared) Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sendLocked(head, body, s)
}

// sendLocked is send. mu is held.
func (c *Conn) sendLocked(head, body []byte, s *pool.Shared) Status {
	n := len(head) + len(body)
	if c.broken || (c.state != stateOpen && c.state != stateNew) {
		return Dropped
	}
	var status Status
	switch {
	case n == 0:
	case c.secure:
		status = c.sendSecure(head, body)
	case c.late:
		status = c.gather(head, body, s)
	case c.out != nil || c.state == stateNew:
		status = c.queue(nil, head, body, s, 0)
	case !c.corked && c.gathers():
		status = c.gather(head, body, s)
	case !c.corked:
		status = c.push(nil, head, body, s)
	default:
		l := c.loop
		if n < corkMaxWrite && len(l.cork)+n <= cap(l.cork) {
			l.cork = append(append(l.cork, head...), body...)
			return Sent
		}
		status = c.push(l.cork, head, body, s)
		l.cork = l.cork[:0]
	}
	if status == Backpressured {
		c.pressured = true
	}
	return status
}

// push writes cork, head and body now and queues what the kernel does not take. The outbox is
// empty; mu is held.
func (c *Conn) push(cork, head, body []byte, s *pool.Shared) Status {
	total := len(cork) + len(head) + len(body)
	n, e := c.writeParts(cork, head, body, total)
	switch {
	case e == syscall.EAGAIN:
		n = 0
	case e != 0:
		c.breakDown(e)
		return Dropped
	default:
		c.wrote(n)
	}
	if n == total {
		return Sent
	}
	return c.queue(cork, head, body, s, n)
}

// wrote counts what the kernel has taken.
func (c *Conn) wrote(n int) {
	c.sent += uint32(n)
	c.loop.writes.Add(1)
	c.loop.bytesOut.Add(int64(n))
}

func (c *Conn) writeParts(cork, head, body []byte, total int) (int, syscall.Errno) {
	switch total {
	case len(cork):
		return sysWrite(c.fd, cork)
	case len(head):
		return sysWrite(c.fd, head)
	case len(body):
		return sysWrite(c.fd, body)
	}
	var vectors [3]syscall.Iovec
	v := vectors[:0]
	for _, p := range [...][]byte{cork, head, body} {
		if len(p) > 0 {
			v = append(v, vector(p))
		}
	}
	return sysWritev(c.fd, v, total)
}

func vector(p []byte) syscall.Iovec {
	v := syscall.Iovec{Base: unsafe.SliceData(p)}
	v.SetLen(len(p))
	return v
}

// queue appends the three parts, without their first skip bytes, to the outbox. mu is held.
func (c *Conn) queue(cork, head, body []byte, s *pool.Shared, skip int) Status {
	if !c.hasRoom(len(cork) + len(head) + len(body) - skip) {
		return Dropped
	}
	c.enqueue(cork, head, body, s, skip)
	c.out.admit(len(cork) + len(head) + len(body) - skip)
	return Backpressured
}

// controlRoom is how far control frames may exceed MaxOutboxBytes.
const controlRoom = 4 << 10

// hasRoom reports whether n more bytes may be queued. If not, c is doomed. mu is held.
//
// The message that is being sent does not count, and neither does the one behind it. A single
// message may therefore be larger than the limit, because it does not show that the peer is slow,
// and what follows it is not punished for its size.
func (c *Conn) hasRoom(n int) bool {
	limit := c.loop.r.opts.MaxOutboxBytes
	if c.marks&control != 0 {
		limit += controlRoom
	}
	if o := c.out; o != nil && o.next+o.waiting() > 0 && o.waiting()+n > limit {
		c.slow(ErrSlowConsumer)
		return false
	}
	if !c.loop.r.budget.admits(c, n) {
		c.slow(ErrOutboxBudget)
		return false
	}
	return true
}

// enqueue is queue without the limit. mu is held.
func (c *Conn) enqueue(cork, head, body []byte, s *pool.Shared, skip int) {
	c.append(cork, head, body, s, skip)
	c.await()
}

// append puts the three parts into the outbox. mu is held.
func (c *Conn) append(cork, head, body []byte, s *pool.Shared, skip int) {
	if c.out == nil {
		c.out = newOutbox(c.loop)
	}
	for i, p := range [...][]byte{cork, head, body} {
		if skip >= len(p) {
			skip -= len(p)
			continue
		}
		if i == 2 && s != nil {
			c.out.appendShared(s, skip)
		} else {
			c.out.appendCopy(p[skip:])
		}
		skip = 0
	}
}

// await makes the loop send the outbox when the kernel takes it, and watch its age. mu is held.
func (c *Conn) await() {
	c.arm()
	if !c.watched {
		c.watched = true
		c.loop.post(task{kind: taskWatch, c: c})
		c.loop.r.budget.join(c)
	}
	c.loop.r.budget.check()
}

// arm asks the poller for writability. mu is held, so that the descriptor is not detached meanwhile
// and its number not used again.
func (c *Conn) arm() {
	if !c.armed && c.op != nil {
		c.armed = true
		// This fails only if netpoll has detached a hung-up operator, whose OnHup will follow.
		_ = c.op.Control(netpoll.PollR2RW)
	}
}

// breakDown remembers that a write failed. The last bytes of the peer may not have been read yet,
// so the loop drains the socket before it closes. mu is held.
func (c *Conn) breakDown(e syscall.Errno) {
	c.broken = true
	if c.err == nil && c.state < stateFlushing {
		c.err = os.NewSyscallError("write", e)
	}
	c.dropAll()
	c.loop.post(task{kind: taskHup, c: c})
}

// slow dooms a connection that does not read what it is sent. mu is held.
func (c *Conn) slow(err error) {
	if c.state >= stateDoomed {
		return
	}
	c.loop.r.slow.Add(1)
	if err == ErrOutboxBudget {
		c.loop.r.overBudget.Add(1)
		c.loop.r.budget.start()
	}
	c.doomLocked(&SlowError{Queued: c.queued(), Cause: err}, true)
}

// onWrite is called by the poller if c is writable and we asked for that, or if its connect has
// finished.
func (c *Conn) onWrite(netpoll.Poll) error {
	c.mu.Lock()
	if c.op != nil {
		c.loop.op = c.op
	}
	switch {
	case c.fd < 0 || c.state > stateLingering:
		c.mu.Unlock()
		return nil
	case c.state == stateDialing:
		c.mu.Unlock()
		// Some systems cannot change the poller's interest in its own callback.
		c.loop.post(task{kind: taskConnected, c: c})
		return nil
	}
	if c.out != nil && !c.broken {
		c.flush()
	}
	if c.out == nil && c.armed && c.op != nil {
		c.armed = false
		_ = c.op.Control(netpoll.PollRW2R)
	}
	s := c.state
	writable := c.pressured && s == stateOpen && !c.broken &&
		(c.out == nil || c.out.bytes <= c.loop.r.opts.LowWaterBytes)
	if writable {
		c.pressured = false
	}
	c.mu.Unlock()
	if s > stateOpen {
		c.settle()
	} else if writable && c.begin() == stateOpen {
		c.callWritable()
		c.end()
	}
	return nil
}

func (c *Conn) callWritable() {
	returned := false
	defer c.panicked(&returned)
	c.handler.OnWritable(c)
	returned = true
}

// flush makes one write of the first segments of the outbox. It reports whether the kernel took all
// of them, because then it may take more. mu is held.
func (c *Conn) flush() (whole bool) {
	var vectors [maxVectors]syscall.Iovec
	v, bytes := c.out.vectors(vectors[:0])
	n, e := sysWritev(c.fd, v, bytes)
	switch {
	case e == syscall.EAGAIN:
		return false
	case e != 0:
		c.breakDown(e)
		return false
	}
	c.wrote(n)
	c.out.advance(n)
	c.out.moved, c.out.looked = c.loop.time(), 0
	if c.out.bytes == 0 {
		c.dropOutbox()
	}
	return n == bytes
}
