//go:build linux || darwin

package reactor

import (
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/cloudwego/netpoll"

	"github.com/smartsocket/smartsocket/pool"
)

type state uint8

// The states of a connection, in the order in which it can pass through them.
const (
	stateNew       state = iota // accepted or adopted, on its way to its loop
	stateDialing                // connect has not finished
	stateOpen                   // the only state in which the Handler gets data
	stateFlushing               // Close was called; the outbox drains
	stateLingering              // FIN sent; we wait for the peer's
	stateDoomed                 // the loop closes it as soon as it gets to it
	stateClosed                 // descriptor gone; OnClose has run or is running
)

// Conn is one TCP connection. Its methods may be called from any goroutine and never block, unless
// their comment says otherwise.
type Conn struct {
	// What a message touches comes first, within 64 bytes.
	loop     *loop
	handler  Handler // belongs to the loop
	lastRead int64   // loop.now at the last read; belongs to the loop
	mu       sync.Mutex
	out      *outbox // guarded by mu; nil when nothing is queued
	fd       int32   // written by the loop under mu; -1 once closed
	state    state   // guarded by mu
	corked   bool    // guarded by mu: the loop's cork buffer is this connection's
	broken   bool    // guarded by mu: a write failed; the loop takes the last input and closes

	armed     bool   // guarded by mu: we have asked for writability
	pressured bool   // guarded by mu: Backpressured was returned, so OnWritable is owed
	watched   bool   // guarded by mu: on the loop's list of outboxes
	reset     bool   // guarded by mu: close with a RST
	closing   bool   // SetTimer has no effect any more; belongs to the loop
	counted   bool   // counted in Stats.Open; belongs to the loop
	late      bool   // guarded by mu: the outbox waits for flushLate and not for writability
	gathering uint8  // guarded by mu: how many have called Gather, and not Flush yet
	turn      uint32 // guarded by mu: the loop's turn at the last direct write
	secure    bool   // handler is a *tlsConn; set before any other goroutine knows the connection
	marks     marks  // guarded by mu
	urgent    bool   // guarded by mu: the loop's callback has added to what was gathered
	heldAt    uint8  // guarded by mu: holdTicks at the first write of a Gather; 0 = not on the list
	sent      uint32 // guarded by mu: the number of bytes that the kernel has taken, modulo 2³²
	acked     uint32 // guarded by mu: how many of them had left it at the last Progress

	op         *netpoll.FDOperator // guarded by mu; nil before registration and after detachment
	err        error               // guarded by mu; for OnClose
	timer      timer               // belongs to the loop
	prev, next *Conn               // the loop's list
}

// marks are two booleans in a byte, which keeps Conn in its size class.
type marks uint8

const (
	control marks = 1 << iota // a control frame is being written
	waited                    // something was on its way when acked was set
)

func newConn(l *loop, fd int, s state, h Handler) *Conn {
	return &Conn{loop: l, handler: h, fd: int32(fd), state: s}
}

// Write sends a copy of p, which is borrowed until return.
func (c *Conn) Write(p []byte) Status { return c.send(p, nil, nil) }

// Write2 sends head and then body as one unit, like Write, for example a frame header and its
// payload. Both are borrowed until return.
func (c *Conn) Write2(head, body []byte) Status { return c.send(head, body, nil) }

// WriteShared sends s without copying it if it has to be queued. The caller keeps its own
// reference. Up to 256 bytes are copied all the same, because that costs less than the reference.
func (c *Conn) WriteShared(s *pool.Shared) Status { return c.send(nil, s.Bytes(), s) }

// WriteLast is Write2 for what is likely the last write before Flush: while Gather keeps nothing,
// it leaves at once, because queueing it would cost more than it saves.
func (c *Conn) WriteLast(head, body []byte) Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	gathering := c.gathering
	if !c.late {
		c.gathering = 0
	}
	status := c.sendLocked(head, body, nil)
	if c.gathering = gathering; c.state != stateOpen {
		c.gathering = 0
	}
	return status
}

// WriteControl is Write2 for a small frame that a protocol must send to be alive, such as a ping or
// the answer to one. It may exceed MaxOutboxBytes by a little.
func (c *Conn) WriteControl(head, body []byte) Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.marks |= control
	status := c.sendLocked(head, body, nil)
	c.marks &^= control
	return status
}

// Queued returns the number of bytes waiting in the outbox.
func (c *Conn) Queued() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.queued()
}

// queued is Queued. mu is held.
func (c *Conn) queued() (n int) {
	if c.out != nil {
		n = c.out.bytes
	}
	if c.secure {
		if t, ok := c.handler.(*tlsConn); ok {
			n += t.gathered()
		}
	}
	return n
}

// Behind reports whether the peer has not yet taken what the kernel was given for it: something is
// queued because the kernel had no room. What is only gathered or corked does not count. If Behind
// is true, OnWritable follows once the outbox is below its low-water mark, unless the connection
// closes first.
func (c *Conn) Behind() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out != nil && c.armed {
		c.pressured = true
	}
	return c.pressured
}

// SetTimer arms the connection's one timer to run OnTimer after d. It replaces an earlier setting;
// 0 disarms the timer. OnTimer runs between d and d plus two ticks later, on the coarse clock (see
// Now). SetTimer allocates nothing
// and costs the same for every d. It has no effect once the connection is closing. It may be called
// on the connection's loop only.
func (c *Conn) SetTimer(d time.Duration) {
	l := c.loop
	switch {
	case c.closing:
	case d <= 0:
		l.wheel.cancel(c)
	default:
		l.startTicking()
		l.wheel.set(c, l.due(d))
	}
}

// Hasten makes sure that OnTimer runs after d at the latest: it is SetTimer, unless the timer is
// armed for an earlier time. d is more than 0.
func (c *Conn) Hasten(d time.Duration) {
	if due := c.timer.due; due == 0 || c.loop.due(d) < due {
		c.SetTimer(d)
	}
}

// due is the tick in which a timer is due that is set for d from now.
func (l *loop) due(d time.Duration) int64 {
	tick := int64(l.r.opts.Tick)
	return (l.now.Load()+int64(d)+tick-1)/tick + 1
}

// LastRead returns the loop's coarse clock (see Now) at the last read. On the connection's loop
// only.
func (c *Conn) LastRead() time.Duration { return time.Duration(c.lastRead) }

// LastProgress returns the loop's coarse clock (see Now) at the peer's last sign of life. That is
// the last read. If the last read is longer ago than limit, the kernel is asked as well: it is also
// a sign of life if the peer acknowledges what was on its way. A message may take longer than limit
// to reach a peer behind a thin link, and the answer to a ping behind it longer still. The first
// such question gives the benefit of the doubt, unless the peer has acknowledged nothing at all
// within limit. On the connection's loop only.
func (c *Conn) LastProgress(limit time.Duration) time.Duration {
	now := c.loop.now.Load()
	c.mu.Lock()
	defer c.mu.Unlock()
	if now-c.lastRead < int64(limit) {
		c.marks &^= waited // a later question begins anew
		return time.Duration(c.lastRead)
	}
	again := c.marks&waited != 0
	moved, waiting := c.progress()
	if moved || !again && waiting && !c.silent(limit) {
		c.lastRead = now
	}
	return time.Duration(c.lastRead)
}

// Progress reports whether the peer has acknowledged anything since the last call, of what was then
// on its way, and whether something is on its way now: queued, or not yet acknowledged. It asks the
// kernel. On the connection's loop only.
func (c *Conn) Progress() (moved, waiting bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.progress()
}

// Undelivered returns how many of the bytes that were written the peer has not acknowledged: those
// that are queued, and those that the kernel holds. It asks the kernel.
func (c *Conn) Undelivered() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, unacked := c.delivered()
	if c.out != nil {
		return int(unacked) + c.out.bytes
	}
	return int(unacked)
}

// progress is Progress. mu is held.
func (c *Conn) progress() (moved, waiting bool) {
	acked, unacked := c.delivered()
	moved = c.marks&waited != 0 && int32(acked-c.acked) > 0
	waiting = unacked > 0 || c.out != nil
	c.acked = acked
	if c.marks &^= waited; waiting {
		c.marks |= waited
	}
	return moved, waiting
}

// delivered returns how many of the bytes that the kernel has taken have left it, modulo 2³², and
// how many have not. mu is held.
func (c *Conn) delivered() (acked, unacked uint32) {
	if c.fd >= 0 {
		unacked = sendQueue(c.fd)
	}
	return c.sent - unacked, unacked
}

// silent reports whether the peer is known to have acknowledged nothing for d. mu is held.
func (c *Conn) silent(d time.Duration) bool {
	since, ok := sinceLastAck(c.fd)
	return ok && since >= d
}

// Now returns the loop's coarse monotonic clock. It advances once per tick while timers are armed,
// and once per OnTimer. While no timer of the loop is armed it stands still, except that each read
// advances it. Time in which the loop did not run at all, because a Handler blocked it or the whole
// process was stopped, does not count beyond a second. Nobody could be heard then, so nobody is
// judged by it.
func (c *Conn) Now() time.Duration { return time.Duration(c.loop.now.Load()) }

// Post runs f on the connection's loop, corked for c. After the connection has closed, f does not
// run and Post returns false. Functions run in the order in which they were posted, and none runs
// before OnOpen. If Post returned true, f may still not run because the connection closes first.
// OnClose always runs.
func (c *Conn) Post(f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state >= stateDoomed {
		return false
	}
	c.loop.post(task{kind: taskFunc, c: c, f: f})
	return true
}

// Loop returns the index of the connection's loop, from 0 to Loops()-1.
func (c *Conn) Loop() int { return c.loop.index }

// RemoteAddr returns the peer's address. It allocates and asks the kernel, so that an idle
// connection stores no address. The address is still known in OnClose unless the peer reset the
// connection. If it is not known the result is an empty *net.TCPAddr.
func (c *Conn) RemoteAddr() net.Addr { return c.addr(syscall.Getpeername) }

// LocalAddr is like RemoteAddr, for this end.
func (c *Conn) LocalAddr() net.Addr { return c.addr(syscall.Getsockname) }

func (c *Conn) addr(get func(fd int) (syscall.Sockaddr, error)) net.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd >= 0 {
		if sa, err := get(int(c.fd)); err == nil {
			return toAddr(sa)
		}
	}
	return &net.TCPAddr{}
}

// begin corks c if it is open. On the loop, before a callback.
func (c *Conn) begin() state {
	c.mu.Lock()
	s := c.state
	c.corked = s == stateOpen
	c.mu.Unlock()
	if s == stateOpen {
		c.loop.turn.Add(1)
	}
	return s
}

// end sends what was corked and continues a close that was requested meanwhile.
func (c *Conn) end() {
	c.mu.Lock()
	c.corked = false
	l := c.loop
	if l.turn.Load()&1 == 1 {
		l.turn.Add(1)
	}
	if len(l.cork) > 0 {
		if c.state < stateDoomed && !c.broken {
			if c.secure {
				c.handler.(*tlsConn).seal(l.cork, nil, nil)
			} else {
				c.push(l.cork, nil, nil, nil)
			}
		}
		l.cork = l.cork[:0]
	}
	if c.urgent {
		c.flushLate()
	}
	s := c.state
	c.mu.Unlock()
	if s > stateOpen {
		c.settle()
	}
}

// call runs a posted function.
func (c *Conn) call(f func()) {
	returned := false
	defer c.panicked(&returned)
	f()
	returned = true
}

// expire is called by the wheel when c's timer is due.
func (c *Conn) expire() {
	switch c.begin() {
	case stateOpen:
		c.callTimer()
		c.end()
	case stateDialing:
		c.lose(errDialTimeout, false)
	case stateFlushing, stateLingering:
		if c.mayLinger() {
			return
		}
		c.loop.r.opts.Logger.Debug(ErrCloseTimeout.Error(), "queued", c.Queued())
		c.lose(nil, c.Queued() > 0)
	}
}

func (c *Conn) callTimer() {
	returned := false
	defer c.panicked(&returned)
	c.handler.OnTimer(c)
	returned = true
}
