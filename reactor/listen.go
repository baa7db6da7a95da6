//go:build linux || darwin

package reactor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cloudwego/netpoll"
)

const (
	acceptBatch = 64 // connections accepted before others get their turn
	// acceptResume ends a pause, unless a connection closes earlier.
	acceptResume = 200 * time.Millisecond
)

// Listener accepts connections until it is closed.
type Listener struct {
	r          *Reactor
	loop       *loop // guarded by mu
	addr       net.Addr
	newHandler func(*Conn) Handler
	path       string // of a Unix socket that Close removes; "" for any other
	secure     atomic.Bool

	mu     sync.Mutex
	fd     int                 // guarded by mu; -1 once closed
	op     *netpoll.FDOperator // guarded by mu; nil while paused and once closed
	resume *time.Timer         // guarded by mu; set while paused
}

// Listen binds addr exclusively, without sharing it with another process by SO_REUSEPORT, and
// returns once it is bound. network is tcp, tcp4 or tcp6; see BindUnix for Unix sockets. newHandler
// is called on the accepting loop for each connection, before OnOpen. If it returns nil the
// connection is closed at once. It may keep c and write to it; those bytes leave after those of
// OnOpen.
func (r *Reactor) Listen(
	network, addr string, newHandler func(c *Conn) Handler,
) (*Listener, error) {
	if newHandler == nil {
		return nil, ErrNoHandler
	}
	fd, bound, err := r.bind(network, addr)
	if err != nil {
		return nil, err
	}
	ln := &Listener{r: r, loop: r.pick(), addr: bound, newHandler: newHandler, fd: fd}
	return r.watch(ln)
}

// ListenOn is Listen on a listener that is bound already, as one that was inherited from the
// system. It takes nl, which must be a *net.TCPListener or a *net.UnixListener; for any other it
// returns ErrNotSupported, and nl still belongs to the caller. It
// removes no file, see RemoveOnClose.
func (r *Reactor) ListenOn(nl net.Listener, newHandler func(c *Conn) Handler) (*Listener, error) {
	if newHandler == nil {
		return nil, ErrNoHandler
	}
	var sc syscall.Conn
	switch nl := nl.(type) {
	case *net.TCPListener:
		sc = nl
	case *net.UnixListener:
		nl.SetUnlinkOnClose(false)
		sc = nl
	default:
		return nil, ErrNotSupported
	}
	fd, err := dup(sc)
	if err != nil {
		return nil, err
	}
	_ = nl.Close()
	_ = syscall.SetNonblock(fd, true)
	setStream(fd, &r.opts)
	return r.watch(&Listener{r: r, loop: r.pick(), addr: nl.Addr(), newHandler: newHandler, fd: fd})
}

// watch begins to accept.
func (r *Reactor) watch(ln *Listener) (*Listener, error) {
	fd := ln.fd
	r.mu.Lock()
	if r.closing.Load() {
		r.mu.Unlock()
		syscall.Close(fd)
		return nil, ErrClosed
	}
	r.listeners[ln] = struct{}{}
	r.mu.Unlock()
	ln.mu.Lock()
	defer ln.mu.Unlock()
	if ln.fd < 0 { // Reactor.Close was here first
		return nil, ErrClosed
	}
	if err := ln.attach(); err != nil {
		syscall.Close(fd)
		ln.fd = -1
		return nil, fmt.Errorf("reactor: cannot watch the listener: %w", err)
	}
	return ln, nil
}

// bind makes package net resolve, bind and listen, with its REUSEADDR and the whole backlog of the
// system. It keeps a duplicate of the descriptor.
func (r *Reactor) bind(network, addr string) (int, net.Addr, error) {
	switch network {
	case "tcp", "tcp4", "tcp6":
	default:
		return -1, nil, net.UnknownNetworkError(network)
	}
	config := net.ListenConfig{Control: func(_, _ string, rc syscall.RawConn) error {
		return rc.Control(func(fd uintptr) { setStream(int(fd), &r.opts) })
	}}
	config.SetMultipathTCP(false) // its sockets lack TCP_USER_TIMEOUT and cost more per byte
	nl, err := config.Listen(context.Background(), network, addr)
	if err != nil {
		return -1, nil, err
	}
	defer nl.Close()
	fd, err := dup(nl.(*net.TCPListener))
	return fd, nl.Addr(), err
}

// BindUnix binds a Unix socket for ListenOn. The file of one that nobody listens on any more is
// replaced.
func BindUnix(path string) (*net.UnixListener, error) {
	addr := &net.UnixAddr{Name: path, Net: "unix"}
	nl, err := net.ListenUnix("unix", addr)
	if errors.Is(err, syscall.EADDRINUSE) && abandoned(path) {
		_ = os.Remove(path)
		nl, err = net.ListenUnix("unix", addr)
	}
	return nl, err
}

// abandoned reports whether path is a Unix socket that nobody listens on.
func abandoned(path string) bool {
	if fi, err := os.Lstat(path); err != nil || fi.Mode().Type() != os.ModeSocket {
		return false
	}
	nc, err := net.Dial("unix", path)
	if err == nil {
		nc.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

// dup duplicates a descriptor of package net. It stays non-blocking.
func dup(sc syscall.Conn) (int, error) {
	rc, err := sc.SyscallConn()
	if err != nil {
		return -1, err
	}
	fd, e := -1, syscall.Errno(0)
	err = rc.Control(func(old uintptr) {
		var n uintptr
		if n, _, e = syscall.Syscall(syscall.SYS_FCNTL, old, syscall.F_DUPFD_CLOEXEC, 0); e == 0 {
			fd = int(n)
		}
	})
	if err == nil && e != 0 {
		err = fmt.Errorf("reactor: cannot duplicate a descriptor (raise the limit, ulimit -n): %w",
			e)
	}
	return fd, err
}

// attach starts accepting. mu is held.
func (ln *Listener) attach() error {
	op := ln.loop.poll.Alloc()
	op.FD = ln.fd
	op.OnRead = ln.onRead
	if err := op.Control(netpoll.PollReadable); err != nil {
		return err
	}
	ln.op = op
	return nil
}

// detach stops accepting. mu is held.
func (ln *Listener) detach() {
	op := ln.op
	if op == nil {
		return
	}
	ln.op = nil
	_ = op.Control(netpoll.PollDetach)
	ln.loop.post(task{kind: taskFunc, f: op.Free}) // this may be op's own callback
}

// Addr returns the bound address, with the port that was chosen if port 0 was requested.
func (ln *Listener) Addr() net.Addr { return ln.addr }

// RemoveOnClose makes Close remove the file of a Unix socket. It is called before Close.
func (ln *Listener) RemoveOnClose(path string) {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	ln.path = path
}

// Close stops accepting. Connections stay open. When it returns, the address can be bound again. It
// may be called more than once.
func (ln *Listener) Close() error {
	ln.mu.Lock()
	if ln.fd >= 0 {
		ln.detach()
		ln.endPause()
		if ln.path != "" {
			_ = os.Remove(ln.path)
		}
		syscall.Close(ln.fd)
		ln.fd = -1
	}
	ln.mu.Unlock()
	ln.r.mu.Lock()
	delete(ln.r.listeners, ln)
	ln.r.mu.Unlock()
	return nil
}

func (ln *Listener) onRead(netpoll.Poll) error {
	for range acceptBatch {
		ln.mu.Lock()
		if ln.fd < 0 || ln.op == nil {
			ln.mu.Unlock()
			return nil
		}
		fd, e := sysAccept(ln.fd)
		switch e {
		case 0:
		case syscall.EAGAIN:
			ln.mu.Unlock()
			return nil
		case syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM:
			ln.pause(e)
			ln.mu.Unlock()
			return nil
		default: // that one connection is gone (ECONNABORTED, EPROTO, …), or EINTR
			ln.mu.Unlock()
			continue
		}
		ln.mu.Unlock()
		ln.accepted(fd)
	}
	return nil
}

func (ln *Listener) accepted(fd int) {
	r := ln.r
	setAccepted(fd, &r.opts)
	if !r.join() {
		syscall.Close(fd)
		return
	}
	r.accepted.Add(1)
	l := r.pick()
	c := newConn(l, fd, stateNew, nil)
	if c.handler = ln.callNew(c); c.handler == nil {
		c.mu.Lock()
		c.state, c.fd = stateClosed, -1
		c.dropOutbox()
		c.mu.Unlock()
		syscall.Close(fd)
		r.live.Done()
		return
	}
	l.post(task{kind: taskOpen, c: c})
}

func (ln *Listener) callNew(c *Conn) Handler {
	returned := false
	defer c.panicked(&returned)
	h := ln.newHandler(c)
	returned = true
	return h
}

// pause stops accepting while there are no descriptors. Otherwise the pending connections would
// wake the loop again and again. mu is held.
func (ln *Listener) pause(e syscall.Errno) {
	r := ln.r
	ln.detach()
	r.pauses.Add(1)
	r.paused.Add(1)
	ln.resume = time.AfterFunc(acceptResume, ln.unpause)
	now := int64(r.clock()) + int64(time.Second) // so that the first is past zero
	if last := r.pauseLogged.Load(); (last == 0 || now-last >= int64(time.Second)) &&
		r.pauseLogged.CompareAndSwap(last, now) {
		r.opts.Logger.Error("reactor: accepting is paused, no descriptors or memory are left; "+
			"raise the limit (ulimit -n)", "address", ln.addr, "error", e)
	}
}

// endPause ends a pause. mu is held.
func (ln *Listener) endPause() {
	if ln.resume != nil {
		ln.resume.Stop()
		ln.resume = nil
		ln.r.paused.Add(-1)
	}
}

func (ln *Listener) unpause() {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	if ln.resume == nil {
		return
	}
	ln.endPause()
	if ln.fd < 0 {
		return
	}
	if err := ln.attach(); err != nil {
		ln.pause(syscall.ENOMEM)
	}
}

// descriptorFreed lets paused listeners try again.
func (r *Reactor) descriptorFreed() {
	if r.paused.Load() == 0 {
		return
	}
	r.eachListener((*Listener).unpause)
}
