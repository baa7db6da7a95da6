//go:build linux || darwin

package reactor

// captive is the Handler of a connection that has no peer.
type captive struct {
	Handler // nil: no loop calls it
	take    func(p []byte)
}

// Captive returns an open connection without a peer, a descriptor and a loop, for tests of what
// writes to connections. Whatever is written goes to take at once, a unit a call, and is borrowed
// until take returns. take runs under the connection's lock. Posted functions do not run, timers
// do not fire, and nothing but its memory is to be given back.
func Captive(take func(p []byte)) *Conn {
	c := newConn(&loop{r: new(Reactor), stopped: true}, -1, stateOpen, &captive{take: take})
	c.secure = true // the way of what is not simply written to a descriptor
	return c
}

// write gives take one unit.
func (x *captive) write(head, body []byte) Status {
	if len(head) > 0 {
		body = append(head[:len(head):len(head)], body...)
	}
	x.take(body)
	return Sent
}
