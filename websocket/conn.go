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

// The states of a connection, in the order in which it goes through them.
const (
	stateHead    = iota // the opening handshake is not complete
	stateOpen           // messages flow
	stateClosing        // our close frame is sent, the peer's awaited; messages are dropped
	stateDone           // nothing more is read or sent
)

// Conn is one WebSocket connection. Methods may be called from any goroutine
// and never block, unless said otherwise.
//
// An idle one is these 160 bytes and the reactor's share; what only the
// handshake or the closing needs hangs on pointers that are nil meanwhile.
type Conn struct {
	ep *endpoint
	rc *reactor.Conn
	h  Handler
	hs *handshake // loop only; nil when a head has not come in parts and once open
	ps frame.Parser

	// mu makes "is it open? then write" one step, so that no message follows a
	// close frame. It is taken before the reactor's locks and held over no
	// callback. It guards end, head and the changes of state.
	mu    sync.Mutex
	end   *ending
	late  *latePong // loop only
	state atomic.Uint32

	rateSince    uint32 // loop only: the loop's clock, in milliseconds, at which frames and inflated began
	frames       uint32 // data frames since then
	inflated     uint32 // bytes since then
	controlSince uint32 // loop only: milliseconds since start-up at which controlCount began
	controlCount uint16
	pings        uint8 // answered in this read
	deflate      bool
	early        bool // Options.MaxEarlyMessage holds; loop only
	opened       bool // OnOpen ran; loop only
	pongQueued   bool // a pong is in a backpressured outbox; late waits for it
	// head is where the header of a frame is built. On the stack it would move to
	// the heap if the compiler cannot prove that the reactor does not keep it.
	head [maxServerHeader]byte
}

// maxServerHeader is an unmasked frame's longest header.
const maxServerHeader = 10

// ending records how a connection came to close: whoever was first.
type ending struct {
	code   frame.CloseCode
	reason string
	err    error
	clean  bool // both close frames were exchanged
}

// Deflate reports whether permessage-deflate was negotiated. It is settled
// before OnOpen.
func (c *Conn) Deflate() bool { return c.deflate }

// Established ends the time in which Options.MaxEarlyMessage holds. On the loop only.
func (c *Conn) Established() { c.early = false }

// SetTimer arms the connection's one timer to run OnTimer after d, replacing an
// earlier setting; 0 disarms it. On the loop only, from OnOpen on; ignored once
// closing has begun.
func (c *Conn) SetTimer(d time.Duration) {
	if c.state.Load() == stateOpen {
		c.rc.SetTimer(d)
	}
}

// LastRead is the loop's coarse clock (see Now) at the last read. On the loop only.
func (c *Conn) LastRead() time.Duration { return c.rc.LastRead() }

// Now is the loop's coarse monotonic clock, see reactor.Conn.Now.
func (c *Conn) Now() time.Duration { return c.rc.Now() }

// Post runs f on the connection's loop, corked; false when it is closed and f
// will not run. A panic of f closes this connection with 1011.
func (c *Conn) Post(f func()) bool {
	return c.rc.Post(func() {
		defer c.recoverPanic()
		f()
	})
}

// Queued is the number of bytes waiting in the outbox.
func (c *Conn) Queued() int { return c.rc.Queued() }

// Behind reports whether the peer lags behind what was sent; OnWritable follows
// when it has caught up. See reactor.Conn.Behind.
func (c *Conn) Behind() bool { return c.rc.Behind() }

// RemoteAddr asks the kernel for the peer's address; it allocates. It may be
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

// Loop is the index of the connection's loop.
func (c *Conn) Loop() int { return c.rc.Loop() }

// recoverPanic is deferred by every callback that runs user code.
func (c *Conn) recoverPanic() {
	if v := recover(); v != nil {
		c.panicked(v)
	}
}

func (c *Conn) panicked(v any) {
	c.logPanic(v)
	if c.state.Load() == stateHead {
		c.refuse(&PanicError{v})
		return
	}
	c.failWith(frame.CloseInternal, "internal error", &PanicError{v})
}

func (c *Conn) logPanic(v any) {
	c.ep.log.Error("websocket: a handler panicked; its connection is closed", "panic", v, "stack", string(debug.Stack()))
}
