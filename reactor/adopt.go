//go:build linux || darwin

package reactor

import (
	"net"
	"syscall"
)

// Adopt takes over an established connection (its descriptor is duplicated and nc closed).
// early holds bytes already read, delivered first. Ownership of early passes to the reactor.
// nc must have a descriptor, as a *net.TCPConn or *net.UnixConn has, else it
// returns ErrNotSupported; after an error nc is still the caller's.
// The Handler's methods run on a loop, OnOpen perhaps before Adopt returns.
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
