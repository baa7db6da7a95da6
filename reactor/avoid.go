//go:build linux || darwin

package reactor

import (
	"sync"
	"syscall"
	"time"
)

// A loop that a Handler holds accepts nothing and answers nobody. Whoever notices that, see RunOn,
// may have it avoided: then new connections and listeners go to other loops, and who came to it
// already, or comes while all loops are avoided, is sent an answer and closed.

// RunOn runs f on a loop, from 0 to Loops()-1, soon. It never blocks. After Close f may not run.
func (r *Reactor) RunOn(loop int, f func()) { r.loops[loop].post(task{f: f}) }

// Avoid keeps new connections from a loop until Welcome. Listeners move to another one. Connections
// that wait for the loop are sent answer and closed. It returns how many these were.
func (r *Reactor) Avoid(loop int, answer []byte) (closed int) {
	l := r.loops[loop]
	l.avoided.Store(true)
	if to := r.pick(); !to.avoided.Load() {
		r.eachListener(func(ln *Listener) { ln.move(to) })
	}
	for _, c := range l.unopened() {
		if c.turnAway(answer) {
			closed++
		}
	}
	return closed
}

// Welcome ends Avoid. It may be called on any goroutine, also on the loop.
func (r *Reactor) Welcome(loop int) {
	to := r.loops[loop]
	to.avoided.Store(false)
	r.eachListener(func(ln *Listener) { ln.move(to) })
}

// Refuse sends answer to those whom it has accepted before, as soon as they have asked for
// something, and closes them. With all, which means that all loops are avoided, it accepts who is
// waiting. Call it again and again, on one goroutine, until it returns 0: how many are not gone
// yet.
func (r *Reactor) Refuse(answer []byte, all bool) (left int) {
	now := time.Since(r.start)
	if all {
		r.eachListener(func(ln *Listener) { r.lobby.fill(ln, now) })
	}
	return r.lobby.serve(answer, now)
}

// eachListener calls f with all listeners.
func (r *Reactor) eachListener(f func(*Listener)) {
	r.mu.Lock()
	listeners := make([]*Listener, 0, len(r.listeners))
	for ln := range r.listeners {
		listeners = append(listeners, ln)
	}
	r.mu.Unlock()
	for _, ln := range listeners {
		f(ln)
	}
}

// move makes another loop accept, if the one that does so now is avoided.
func (ln *Listener) move(to *loop) {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	if ln.fd < 0 || ln.op == nil || ln.loop == to || !ln.loop.avoided.Load() {
		return
	}
	ln.detach()
	ln.loop = to
	if err := ln.attach(); err != nil {
		ln.pause(syscall.ENOMEM)
	}
}

// take accepts one connection without the loop.
func (ln *Listener) take() (fd int, ok bool) {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	if ln.fd < 0 || ln.op == nil {
		return -1, false
	}
	fd, e := sysAccept(ln.fd)
	return fd, e == 0
}

// unopened lists the connections that wait for the loop. Those that it has begun with are not in
// it.
func (l *loop) unopened() (list []*Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.tasks {
		if l.tasks[i].kind == taskOpen {
			list = append(list, l.tasks[i].c)
		}
	}
	return list
}

// turnAway sends answer to a peer whose connection has not been opened, and closes it. What is left
// to do does the loop when it gets to it.
func (c *Conn) turnAway(answer []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != stateNew || c.fd < 0 {
		return false
	}
	how := syscall.SHUT_RDWR
	if !c.secure {
		_, _ = syscall.Write(int(c.fd), answer) // nothing was written before: there is room for it
		how = syscall.SHUT_WR
	}
	_ = syscall.Shutdown(int(c.fd), how)
	return c.mark(ErrAvoided, false)
}

// lobby has the connections that Refuse has accepted. Closing one before its request has come would
// reset it, and the answer be lost.
type lobby struct {
	mu   sync.Mutex
	list []guest // guarded by mu
	over bool    // guarded by mu: nobody is taken any more
}

type guest struct {
	fd    int
	since time.Duration
	told  bool
}

const (
	lobbyPatience = 2 * time.Second // for a request to come, and for the peer to close
	maxLobby      = 1024
)

// fill accepts who waits at a listener. TLS is closed at once, because it has no word that could be
// said without a handshake.
func (b *lobby) fill(ln *Listener, now time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range acceptBatch {
		fd, ok := ln.take()
		if !ok {
			return
		}
		if b.over || len(b.list) >= maxLobby || ln.secure.Load() {
			syscall.Close(fd)
			continue
		}
		b.list = append(b.list, guest{fd: fd, since: now})
	}
}

// serve answers those whose request has come, and closes those who have the answer or whose time is
// over.
func (b *lobby) serve(answer []byte, now time.Duration) (left int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var buf [4096]byte
	kept := b.list[:0]
	for _, g := range b.list {
		n, err := syscall.Read(g.fd, buf[:])
		if n > 0 && !g.told {
			_, _ = syscall.Write(g.fd, answer)
			_ = syscall.Shutdown(g.fd, syscall.SHUT_WR)
			g.told = true
		}
		gone := n == 0 && err == nil || err != nil && err != syscall.EAGAIN && err != syscall.EINTR
		if gone || now-g.since > lobbyPatience {
			syscall.Close(g.fd)
			continue
		}
		kept = append(kept, g)
	}
	b.list = kept
	return len(kept)
}

// close closes all of them.
func (b *lobby) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
	for _, g := range b.list {
		syscall.Close(g.fd)
	}
	b.list = nil
}
