package netsim

import (
	"io"
	"math/rand/v2"
	"net"
	"time"

	"github.com/smartsocket/smartsocket/internal/testclock"
)

// linger is how long Close lets what was written travel on.
const linger = 5 * time.Second

// conn is a connection behind a Link.
type conn struct {
	net.Conn
	in, out *queue
	clock   *testclock.Clock
}

// Wrap returns nc as if l lay between its ends, and takes it. Two goroutines move the bytes until
// the connection is closed. seed decides which segments are lost and how long each takes. clock is
// nil outside tests. Deadlines are of the system's time.
func Wrap(nc net.Conn, l Link, seed uint64, clock *testclock.Clock) net.Conn {
	direction := func(n uint64) *queue {
		r := rand.New(rand.NewPCG(seed, n))
		return newQueue(line{Link: l, rand: r}, clock, time.Now())
	}
	c := &conn{nc, direction(1), direction(2), clock}
	go c.receive()
	go c.send()
	return c
}

// receive puts what nc brings onto the line.
func (c *conn) receive() {
	buffer := make([]byte, 4<<10)
	for {
		n, err := c.Conn.Read(buffer)
		if n > 0 {
			if _, e := c.in.put(buffer[:n]); e != nil {
				return
			}
		}
		if err != nil {
			c.in.end(err)
			return
		}
	}
}

// send gives nc what has arrived from Write. It closes nc when the line has ended.
func (c *conn) send() {
	buffer := make([]byte, 4<<10)
	for {
		n, err := c.out.take(buffer)
		if err == nil {
			_, err = c.Conn.Write(buffer[:n])
		}
		if err != nil {
			c.out.drop(net.ErrClosed)
			c.in.end(net.ErrClosed)
			_ = c.Conn.Close()
			return
		}
	}
}

// Read reads what has arrived.
func (c *conn) Read(p []byte) (int, error) { return c.in.take(p) }

// Write puts p onto the line. It waits only while too much is on its way.
func (c *conn) Write(p []byte) (int, error) { return c.out.put(p) }

// Close ends the connection. What was written before arrives, if that does not take too long.
func (c *conn) Close() error {
	c.in.drop(net.ErrClosed)
	c.out.end(io.EOF)
	c.clock.AfterFunc(linger, func() {
		c.out.drop(net.ErrClosed)
		_ = c.Conn.Close()
	})
	return nil
}

// SetDeadline sets both deadlines.
func (c *conn) SetDeadline(t time.Time) error {
	c.in.limit(taking, t)
	c.out.limit(putting, t)
	return nil
}

// SetReadDeadline sets that of Read.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.in.limit(taking, t)
	return nil
}

// SetWriteDeadline sets that of Write.
func (c *conn) SetWriteDeadline(t time.Time) error {
	c.out.limit(putting, t)
	return nil
}
