package load

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"
	"unsafe"

	"github.com/smartsocket/smartsocket/message"
)

// stallAfter is how long a run may go without any reply before it fails.
const stallAfter = 20 * time.Second

// generator is the state of one run. Everything runs on one thread.
type generator struct {
	p      Params
	ep     int
	conns  []conn
	byFD   []*conn
	step   batch
	ackID  byte
	done   int64 // number of replies so far
	each   int   // the value of a connection's left at the start of a step
	unit   int   // what one reply takes off left
	buf    []byte
	ring   []syscall.EpollEvent
	single bool  // a connection whose step is over sends nothing more
	round  int64 // broadcast: deliveries of the current round that are still to come
}

// Run opens the connections, warms up, measures, and closes the connections again.
func Run(p Params) (Result, error) {
	var r Result
	if p.Protocol == Sealed || p.Protocol == Secure {
		return runClients(p)
	}
	addr, err := netip.ParseAddrPort(p.Addr)
	if err != nil {
		return r, fmt.Errorf("address: %w", err)
	}
	// A garbage collection would have to wait until the thread returns from its raw epoll_wait.
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	g, err := newGenerator(p)
	if err != nil {
		return r, err
	}
	defer g.close()
	if r.RSSBefore, err = settledRSS(p.PID); err != nil {
		return r, err
	}
	start := time.Now()
	for i := range g.conns {
		if g.conns[i].fd, err = dial(&g.p, addr, i); err != nil {
			return r, fmt.Errorf("connection %d of %d: %w", i, p.Conns, err)
		}
	}
	r.Connect = time.Since(start)
	work := g.drive
	if p.Idle {
		work = g.exchange
	}
	if err := work(&r); err != nil {
		return r, err
	}
	r.RSSAfter, err = settledRSS(p.PID)
	return r, err
}

// exchange lets each connection send one step and receive the replies, one connection after the
// other. The memory of a burst is therefore not counted as that of idle connections.
func (g *generator) exchange(*Result) error {
	if err := g.register(); err != nil {
		return err
	}
	g.single = true
	for i := range g.conns {
		if err := g.send(&g.conns[i]); err != nil {
			return err
		}
		if err := g.loop(1, 0, 0); err != nil {
			return err
		}
	}
	if g.p.Profile {
		g.signalProfile()
		g.signalProfile()
	}
	return nil
}

// signalProfile tells the server to start or to end its CPU profile, and gives it time to handle
// the signal.
func (g *generator) signalProfile() {
	_ = syscall.Kill(g.p.PID, syscall.SIGUSR2)
	time.Sleep(50 * time.Millisecond)
}

func newGenerator(p Params) (*generator, error) {
	if p.Conns < 1 || p.Window < 1 {
		return nil, errors.New("conns and window must be at least 1")
	}
	ep, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	g := &generator{
		p: p, ep: ep, conns: make([]conn, p.Conns), step: messages(&p),
		buf: make([]byte, 256<<10), ring: make([]syscall.EpollEvent, 512),
	}
	for i := range g.conns {
		g.conns[i].fd = -1
	}
	g.unit = reply(&p)
	if p.Protocol == Session {
		g.unit = 1
	}
	g.each = g.unit * p.Window
	return g, nil
}

func (g *generator) close() {
	for i := range g.conns {
		if g.conns[i].fd >= 0 {
			// A RST leaves no port in TIME_WAIT.
			_ = syscall.SetsockoptLinger(g.conns[i].fd, syscall.SOL_SOCKET, syscall.SO_LINGER,
				&syscall.Linger{Onoff: 1})
			_ = syscall.Close(g.conns[i].fd)
		}
	}
	_ = syscall.Close(g.ep)
}

// drive runs the closed loop, first to warm up and then to measure.
func (g *generator) drive(r *Result) error {
	if err := g.register(); err != nil {
		return err
	}
	if err := g.begin(); err != nil {
		return err
	}
	enough := int64(2 * g.p.Conns * g.p.Window)
	if err := g.loop(enough, g.p.Warm, 0); err != nil {
		return err
	}
	if g.p.Profile {
		g.signalProfile()
		defer g.signalProfile()
	}
	server, err := cpuTime(g.p.PID)
	if err != nil {
		return err
	}
	own, err := cpuTime(os.Getpid())
	if err != nil {
		return err
	}
	before, start := g.done, time.Now()
	if err := g.loop(1, g.p.Measure, g.p.Messages); err != nil {
		return err
	}
	r.Elapsed = time.Since(start)
	serverEnd, err := cpuTime(g.p.PID)
	if err != nil {
		return err
	}
	ownEnd, err := cpuTime(os.Getpid())
	r.Messages, r.ServerCPU, r.OwnCPU = g.done-before, serverEnd-server, ownEnd-own
	return err
}

func (g *generator) register() error {
	for i := range g.conns {
		c := &g.conns[i]
		for len(g.byFD) <= c.fd {
			g.byFD = append(g.byFD, nil)
		}
		g.byFD[c.fd] = c
		ev := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(c.fd)}
		if err := syscall.EpollCtl(g.ep, syscall.EPOLL_CTL_ADD, c.fd, &ev); err != nil {
			return fmt.Errorf("epoll_ctl: %w", err)
		}
	}
	return nil
}

func (g *generator) begin() error {
	if g.p.Broadcast {
		return g.trigger()
	}
	for i := range g.conns {
		if err := g.send(&g.conns[i]); err != nil {
			return err
		}
	}
	return nil
}

// loop runs until at least enough replies have come and d has passed or, with a limit, until limit
// replies have come. A broadcast run ends between two rounds.
func (g *generator) loop(enough int64, d time.Duration, limit int64) error {
	from, start := g.done, time.Now()
	last := start
	for turn := 0; ; turn++ {
		n, err := g.wait()
		if err != nil {
			return err
		}
		before, rounds := g.done, false
		for i := range n {
			over, err := g.event(&g.ring[i])
			if err != nil {
				return err
			}
			rounds = rounds || over
		}
		if n > 0 && turn%16 != 0 && !rounds && !g.single {
			continue
		}
		now := time.Now()
		if g.done != before {
			last = now
		}
		if now.Sub(last) > stallAfter {
			return fmt.Errorf("no reply for %v, after %d of them", stallAfter, g.done)
		}
		got := g.done - from
		if g.p.Broadcast && !rounds {
			continue
		}
		if limit > 0 && got >= limit || limit == 0 && got >= enough && now.Sub(start) >= d {
			return nil
		}
	}
}

// event handles one readiness event. over reports the end of a broadcast round.
func (g *generator) event(ev *syscall.EpollEvent) (over bool, err error) {
	c := g.byFD[ev.Fd]
	if ev.Events&syscall.EPOLLOUT != 0 {
		if err := g.flush(c); err != nil {
			return false, err
		}
	}
	if ev.Events&^syscall.EPOLLOUT == 0 {
		return false, nil
	}
	n, e := rawRead(c.fd, g.buf)
	switch {
	case e == syscall.EAGAIN:
		return false, nil
	case e != 0:
		return false, fmt.Errorf("read: %w", e)
	case n == 0:
		return false, errors.New("the server closed a connection")
	}
	got := n
	if g.p.Protocol == Session {
		want := message.KindAck
		if g.p.Broadcast {
			want = message.KindEvent
		}
		got = c.scan.count(g.buf[:n], want)
		if c.scan.failed {
			return false, errors.New("the server sent ERROR, GOAWAY or a close frame")
		}
	}
	return g.account(c, got)
}

// account subtracts got bytes or acks from what c waits for.
func (g *generator) account(c *conn, got int) (over bool, err error) {
	c.left -= got
	if c.left < 0 {
		return false, fmt.Errorf("the server sent %d more than was asked for", -c.left)
	}
	if c.left > 0 || got == 0 {
		return false, nil
	}
	g.done += int64(g.p.Window)
	switch {
	case g.single:
		return false, nil
	case !g.p.Broadcast:
		return false, g.send(c)
	}
	if g.round--; g.round > 0 {
		return false, nil
	}
	return true, g.trigger()
}

// trigger begins a broadcast round: the first connection sends, all receive.
func (g *generator) trigger() error {
	g.round = int64(len(g.conns))
	for i := range g.conns {
		g.conns[i].left = g.each
	}
	return g.write(&g.conns[0], g.step.bytes)
}

func (g *generator) send(c *conn) error {
	c.left = g.each
	if len(g.step.acks) > 0 {
		g.ackID = g.step.stamp(g.ackID)
	}
	return g.write(c, g.step.bytes)
}

// write sends b. What the socket does not take is copied and waits for EPOLLOUT.
func (g *generator) write(c *conn, b []byte) error {
	n, e := rawWrite(c.fd, b)
	if e == syscall.EAGAIN {
		n, e = 0, 0
	}
	if e != 0 {
		return fmt.Errorf("write: %w", e)
	}
	if n == len(b) {
		return nil
	}
	c.unsent = append(c.unsent[:0], b[n:]...)
	return g.watch(c, syscall.EPOLLIN|syscall.EPOLLOUT)
}

func (g *generator) flush(c *conn) error {
	n, e := rawWrite(c.fd, c.unsent)
	if e == syscall.EAGAIN {
		return nil
	}
	if e != 0 {
		return fmt.Errorf("write: %w", e)
	}
	if c.unsent = c.unsent[n:]; len(c.unsent) > 0 {
		return nil
	}
	return g.watch(c, syscall.EPOLLIN)
}

func (g *generator) watch(c *conn, events uint32) error {
	ev := syscall.EpollEvent{Events: events, Fd: int32(c.fd)}
	if err := syscall.EpollCtl(g.ep, syscall.EPOLL_CTL_MOD, c.fd, &ev); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	return nil
}

// wait calls epoll_wait for at most a second, without the scheduler's bookkeeping.
func (g *generator) wait() (int, error) {
	n, _, e := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(g.ep),
		uintptr(unsafe.Pointer(&g.ring[0])), uintptr(len(g.ring)), 1000, 0, 0)
	if e == syscall.EINTR {
		return 0, nil
	}
	if e != 0 {
		return 0, fmt.Errorf("epoll_wait: %w", e)
	}
	return int(n), nil
}

func rawRead(fd int, b []byte) (int, syscall.Errno) {
	n, _, e := syscall.RawSyscall(syscall.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&b[0])),
		uintptr(len(b)))
	return int(n), e
}

func rawWrite(fd int, b []byte) (int, syscall.Errno) {
	n, _, e := syscall.RawSyscall(syscall.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&b[0])),
		uintptr(len(b)))
	return int(n), e
}
