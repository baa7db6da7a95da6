//go:build linux || darwin

package reactor

import (
	"io"
	"os"
	"syscall"
)

// read takes what the socket of c holds and delivers it, all in one cork. It ends when a read does
// not fill the buffer, or after the given number of rounds, when the level-triggered poller will
// report the rest again. If rounds < 0 it ends at EOF, at an error, or when nothing is left.
func (c *Conn) read(rounds int) {
	l := c.loop
	buf := l.buf
	last := error(nil)
	began, deliver := false, false
	for i := 0; rounds < 0 || i < rounds; i++ {
		n, e := sysRead(c.fd, buf)
		if e != 0 {
			if e != syscall.EAGAIN {
				last = os.NewSyscallError("read", e)
			}
			break
		}
		if n == 0 {
			last = io.EOF
			break
		}
		l.reads.Add(1)
		l.bytesIn.Add(int64(n))
		if !began {
			began = true
			c.touch()
			deliver = c.begin() == stateOpen
		} else if deliver {
			deliver = c.isOpen()
		}
		if deliver {
			c.callData(buf[:n])
		}
		if n < len(buf) && rounds > 0 && !eofWithData {
			break
		}
	}
	if began {
		c.end()
	}
	if last != nil && c.fd >= 0 {
		c.lose(last, false)
	}
}

func (c *Conn) callData(p []byte) {
	returned := false
	defer c.panicked(&returned)
	c.handler.OnData(c, p)
	returned = true
}
