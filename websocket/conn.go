package websocket

import (
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/reactor"
)

// The states of a connection, in the order in which it passes through them.
const (
	stateHead = iota // the opening handshake is not complete
	stateOpen        // messages flow
	// we have sent our close frame and wait for the peer's; messages are dropped
	stateClosing
	stateDone // nothing more is read or sent
)

// Conn is one WebSocket connection. Its methods may be called from any goroutine and never block,
// unless their comment says otherwise.
//
// An idle connection costs these 160 bytes and what the reactor needs. What only the handshake or
// the closing needs is behind pointers that are nil the rest of the time.
type Conn struct {
	ep *endpoint
	rc *reactor.Conn
	h  Handler
	hs *handshake // loop only; nil once open, and before that unless a head comes in parts
	ps frame.Parser

	// mu makes "if it is open, write" one step, so that no message follows a close frame. It guards
	// end, head and changes of state. It is taken before the reactor's locks and never held during
	// a callback.
	mu    sync.Mutex
	end   *ending
	late  *latePong // loop only
	state atomic.Uint32

	// rateSince belongs to the loop. It is the loop's clock in milliseconds when the counting of
	// frames and inflated began.
	rateSince uint32
	frames    uint32 // data frames since then
	inflated  uint32 // bytes since then
	// controlSince belongs to the loop. It is the time since start-up in milliseconds when
	// controlCount began.
	controlSince uint32
	controlCount uint16
	begun        uint16 // loop's clock in seconds when the unfinished message began; loop only
	pings        uint8  // pings answered during this read
	deflate      bool
	early        bool // Options.MaxEarlyMessage applies; loop only
	opened       bool // OnOpen has run; loop only
	pongQueued   bool // a pong is in a backpressured outbox; late waits for it
	lingers      bool // CloseTimeout has passed once, with our close frame under way; loop only
	// head is where the header of a frame is built. On the stack it would escape to the heap unless
	// the compiler can prove that the reactor does not keep it.
	head [maxServerHeader]byte
}

// maxServerHeader is the length of the longest unmasked frame header.
const maxServerHeader = 10

// ending records how a connection came to close. The first cause wins.
type ending struct {
	code   frame.CloseCode
	reason string
	err    error
	clean  bool // both close frames were exchanged
}

// Deflate reports whether permessage-deflate was negotiated. The answer is final before OnOpen.
func (c *Conn) Deflate() bool { return c.deflate }

// Established ends the period in which Options.MaxEarlyMessage applies. On the loop only.
func (c *Conn) Established() { c.early = false }

// Open reports whether messages flow: no close has begun on either side.
func (c *Conn) Open() bool { return c.state.Load() == stateOpen }

// SetTimer arms the connection's one timer to run OnTimer after d. It replaces an earlier setting;
// 0 disarms the timer. It may be called on the loop only, from OnOpen on, and has no effect once
// closing has begun.
func (c *Conn) SetTimer(d time.Duration) {
	if c.state.Load() == stateOpen {
		c.rc.SetTimer(d)
	}
}

// Hasten makes sure that OnTimer runs after d, which is more than 0, at the latest: it is SetTimer,
// unless the timer is armed for an earlier time.
func (c *Conn) Hasten(d time.Duration) {
	if c.state.Load() == stateOpen {
		c.rc.Hasten(d)
	}
}

// LastRead returns the loop's coarse clock (see Now) at the last read. On the loop only.
func (c *Conn) LastRead() time.Duration { return c.rc.LastRead() }

// LastProgress returns the time, on the loop's coarse clock (see Now), of the peer's last sign of
// life: it sent something, or it took what was on its way to it. The latter is looked for only if
// nothing has come for limit. See reactor.Conn.LastProgress. On the loop only.
func (c *Conn) LastProgress(limit time.Duration) time.Duration { return c.rc.LastProgress(limit) }

// Now returns the loop's coarse monotonic clock, see reactor.Conn.Now.
func (c *Conn) Now() time.Duration { return c.rc.Now() }

// Post runs f on the connection's loop, corked. It returns false if the connection is closed and f
// will not run. If f panics this connection is closed with 1011.
func (c *Conn) Post(f func()) bool {
	return c.rc.Post(func() {
		defer c.recoverPanic()
		f()
	})
}

// Queued returns the number of bytes waiting in the outbox.
func (c *Conn) Queued() int { return c.rc.Queued() }

// Holds returns how many bytes of memory would be free without this connection: of its outbox, and
// of a message that is not complete.
func (c *Conn) Holds() int { return c.rc.Holds() + c.ps.Held() }

// Behind reports whether the peer lags behind what was sent. OnWritable follows when it has caught
// up. See reactor.Conn.Behind.
func (c *Conn) Behind() bool { return c.rc.Behind() }

// RemoteAddr returns the peer's address, which it gets from the kernel; this allocates. It may be
// nil once the connection is closed.
func (c *Conn) RemoteAddr() net.Addr {
	if c.ep.peer != nil {
		return c.ep.peer
	}
	if c.rc == nil {
		return nil
	}
	return c.rc.RemoteAddr()
}

// Loop returns the index of the connection's loop.
func (c *Conn) Loop() int { return c.rc.Loop() }

// recoverPanic is deferred by every callback that runs code of the user.
func (c *Conn) recoverPanic() {
	if v := recover(); v != nil {
		c.panicked(v)
	}
}

func (c *Conn) panicked(v any) {
	c.logPanic(v)
	if c.state.Load() == stateHead {
		c.refuse(&PanicError{v}, nil, false)
		return
	}
	c.failWith(frame.CloseInternal, "internal error", &PanicError{v})
}

func (c *Conn) logPanic(v any) {
	c.ep.log.Error("websocket: a handler panicked; its connection is closed", "panic", v, "stack",
		string(debug.Stack()))
}
