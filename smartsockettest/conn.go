//go:build linux || darwin

package smartsockettest

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// conn is the client's end of a connection. What it lets the client read is up to the test:
//
//	open     all that has come, as it comes
//	paused   nothing
//	lagging  what came, lag later
//	slow     so many bytes per second
//
// Time is the server's clock here. So in the last two states bytes move in Client.release alone,
// on the goroutine of the test.
type conn struct {
	*net.UnixConn

	mu       sync.Mutex
	mode     mode
	inKernel bool // Read waits in the system
	waits    bool // Read waits for bytes that may be read
	ready    []byte
	delayed  []chunk
	ended    bool // nothing comes behind ready
	closed   bool
	deadline time.Time
	change   chan struct{} // closed when something of this has changed

	lag    time.Duration
	rate   int           // bytes per second
	paid   time.Duration // until when the rate has been used
	surety int64         // what is left of that, in bytes × 1 s
}

type mode uint8

const (
	open mode = iota
	paused
	lagging
	slow
)

// chunk is what came at one time.
type chunk struct {
	due time.Duration
	b   []byte
	end bool
}

func newConn(nc *net.UnixConn) *conn {
	return &conn{UnixConn: nc, change: make(chan struct{})}
}

// changed wakes whoever waits for a change. mu is held.
func (c *conn) changed() {
	close(c.change)
	c.change = make(chan struct{})
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		switch {
		case len(c.ready) > 0:
			n := copy(p, c.ready)
			c.ready = c.ready[n:]
			return n, nil
		case c.closed:
			return 0, net.ErrClosed
		case c.ended:
			return 0, io.EOF
		case c.mode == open:
			n, err := c.readSystem(p)
			if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) || c.overdue() {
				return n, err
			}
			if c.mode == open { // it was interrupted, and is not any more
				c.UnixConn.SetReadDeadline(c.deadline)
			}
		case c.overdue():
			return 0, os.ErrDeadlineExceeded
		default:
			c.await()
		}
	}
}

// readSystem reads from the system. mu is held, and free meanwhile.
func (c *conn) readSystem(p []byte) (int, error) {
	c.inKernel = true
	c.mu.Unlock()
	n, err := c.UnixConn.Read(p)
	c.mu.Lock()
	c.inKernel = false
	c.changed()
	return n, err
}

// await waits for a change, or for the deadline. mu is held, and free meanwhile.
func (c *conn) await() {
	var late <-chan time.Time
	if !c.deadline.IsZero() {
		timer := time.NewTimer(time.Until(c.deadline))
		defer timer.Stop()
		late = timer.C
	}
	c.waits = true
	c.changed()
	change := c.change
	c.mu.Unlock()
	select {
	case <-change:
	case <-late:
	}
	c.mu.Lock()
	c.waits = false
}

func (c *conn) overdue() bool { return !c.deadline.IsZero() && !time.Now().Before(c.deadline) }

// SetReadDeadline implements net.Conn.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	c.changed()
	if c.mode != open {
		return nil
	}
	return c.UnixConn.SetReadDeadline(t)
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		c.changed()
	}
	c.mu.Unlock()
	return c.UnixConn.Close()
}

// set changes the mode. When it returns, Read is not in the system any more, unless the mode is
// open. Bytes that were held back may be read at once when the mode is open.
func (c *conn) set(m mode, lag time.Duration, rate int, now time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, held := range c.delayed {
		c.ready = append(c.ready, held.b...)
		c.ended = c.ended || held.end
	}
	c.delayed, c.mode, c.lag, c.rate = nil, m, lag, rate
	c.paid, c.surety = now, 0
	c.changed()
	if m == open {
		c.UnixConn.SetReadDeadline(c.deadline)
		return
	}
	c.UnixConn.SetReadDeadline(time.Unix(1, 0))
	for c.inKernel {
		change := c.change
		c.mu.Unlock()
		<-change
		c.mu.Lock()
	}
}

// collect takes what has come at now out of the system, for later. It reports when that is due, and
// whether there was something.
func (c *conn) collect(now time.Duration) (due time.Duration, some bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mode != lagging || c.closed {
		return 0, false
	}
	b, err := c.take(1 << 20)
	if len(b) == 0 && err == nil {
		return 0, false
	}
	due = now + c.lag
	c.delayed = append(c.delayed, chunk{due, b, err != nil})
	return due, true
}

// release lets the client read what is due at now.
func (c *conn) release(now time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch c.mode {
	case lagging:
		for len(c.delayed) > 0 && c.delayed[0].due <= now {
			first := c.delayed[0]
			c.delayed = c.delayed[1:]
			c.ready = append(c.ready, first.b...)
			c.ended = c.ended || first.end
		}
	case slow:
		c.surety += int64(now-c.paid) * int64(c.rate)
		c.paid = now
		n := c.surety / int64(time.Second)
		if n == 0 {
			break
		}
		b, err := c.take(int(n))
		c.ready = append(c.ready, b...)
		c.ended = err != nil
		c.surety %= int64(time.Second)
	}
	if len(c.ready) > 0 || c.ended {
		c.changed()
	}
}

// unread is how many bytes the server has not read yet.
func (c *conn) unread() (n int) {
	rc, err := c.UnixConn.SyscallConn()
	if err != nil {
		return 0
	}
	if rc.Control(func(fd uintptr) { n = unread(fd) }) != nil {
		return 0 // it is closed
	}
	return n
}

// take reads at most n bytes of those that have come. mu is held, and no Read is in the system.
func (c *conn) take(n int) (b []byte, err error) {
	rc, err := c.UnixConn.SyscallConn()
	if err != nil {
		return nil, err
	}
	part := make([]byte, min(n, 64<<10))
	closed := rc.Control(func(fd uintptr) {
		for len(b) < n {
			got, e := syscall.Read(int(fd), part[:min(n-len(b), len(part))])
			switch {
			case got > 0:
				b = append(b, part[:got]...)
			case e == syscall.EINTR:
			case e == nil:
				err = io.EOF
				return
			case e == syscall.EAGAIN:
				return
			default:
				err = e
				return
			}
		}
	})
	return b, errors.Join(err, closed)
}

// consumed waits until the client has read all that it may, or is gone.
func (c *conn) consumed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.closed && !c.ended && c.mode != open && (len(c.ready) > 0 || !c.waits) {
		change := c.change
		c.mu.Unlock()
		<-change
		c.mu.Lock()
	}
}
