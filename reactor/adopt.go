//go:build linux || darwin

package reactor

import (
	"net"
	"syscall"
)

// Adopt takes over an established connection: it duplicates the descriptor and closes nc. early
// holds bytes already read, which are delivered first; the reactor takes early. nc must have a
// descriptor, as a *net.TCPConn or *net.UnixConn has, otherwise Adopt returns ErrNotSupported.
// After an error nc still belongs to the caller. The Handler's methods run on a loop, and OnOpen
// may run before Adopt returns.
func (r *Reactor) Adopt(nc net.Conn, early []byte, h Handler) error {
	if h == nil {
		return ErrNoHandler
	}
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return ErrNotSupported
	}
	if !r.join() {
		return ErrClosed
	}
	fd, err := dup(sc)
	if err != nil {
		r.live.Done()
		return err
	}
	_ = nc.Close()
	_ = syscall.SetNonblock(fd, true)
	setStream(fd, &r.opts)
	c := newConn(r.pick(), fd, stateNew, h)
	var first func()
	if len(early) > 0 {
		first = func() { c.handler.OnData(c, early) }
	}
	c.loop.post(task{kind: taskOpen, c: c, f: first})
	return nil
}
