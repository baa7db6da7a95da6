// Package reactor moves bytes: a few event loops on netpoll's pollers accept,
// dial, read and write TCP connections without a goroutine, buffer, timer or
// channel per idle connection. It has never heard of WebSocket.
package reactor

import (
	"context"
	"log/slog"
	"net"
	"time"

	"github.com/smartsocket/smartsocket/pool"
)

// Status says what became of bytes given to a Conn.
type Status uint8

const (
	// Sent: the kernel has taken the bytes, or they leave when the current callback returns.
	Sent Status = iota
	// Backpressured: queued in the outbox; OnWritable follows when it has drained.
	Backpressured
	// Dropped: the connection is closed, or the outbox limit was hit (the connection is then closing with ErrSlowConsumer).
	Dropped
)

// Handler is one connection's receiver of events. All methods run on the
// connection's loop, one at a time, corked: everything written to the connection
// during the call leaves in one write when the call returns. They must not block.
// A panic in a handler closes that connection alone.
type Handler interface {
	// OnOpen runs once, before any other method.
	OnOpen(c *Conn)
	// OnData hands over the bytes of one read. p is borrowed until return and may be changed in place.
	OnData(c *Conn, p []byte)
	// OnWritable runs when an outbox that had answered Backpressured is below its low-water mark again.
	OnWritable(c *Conn)
	// OnTimer runs when the time set by SetTimer has come.
	OnTimer(c *Conn)
	// OnClose runs once, last. err is nil for a close asked for by Close(nil), io.EOF for the peer's, else the cause.
	OnClose(c *Conn, err error)
}

// Options configure a Reactor. The zero value is usable.
type Options struct {
	Loops          int           // event loops; 0 = GOMAXPROCS
	ReadBuffer     int           // bytes of the read buffer shared by a loop's connections; 0 = 64 KiB
	MaxOutboxBytes int           // queued bytes past which a connection is a slow consumer; 0 = 1 MiB
	LowWaterBytes  int           // OnWritable when the outbox falls to this; 0 = 64 KiB
	MaxOutboxAge   time.Duration // age of the oldest queued byte past which it is one; 0 = 10 s
	SendBuffer     int           // SO_SNDBUF of each connection; 0 = the kernel's choice
	Tick           time.Duration // resolution of timers; 0 = 100 ms
	Logger         *slog.Logger  // nil = discard
}

// New starts the loops. The caller owns the Reactor and must Close it.
func New(o Options) (*Reactor, error) { panic("contract") }

// Reactor is a set of event loops. Its methods may be called concurrently.
type Reactor struct{}

// Stats are counters since New, read without stopping anything.
type Stats struct {
	Open, Peak, Accepted, Dialed, Closed int64
	SlowConsumers, AcceptPauses          int64
	BytesIn, BytesOut, Reads, Writes     int64
}

func (r *Reactor) Stats() Stats { panic("contract") }

// Loops is the number of event loops.
func (r *Reactor) Loops() int { panic("contract") }

// Listen binds addr exclusively (no SO_REUSEPORT sharing with another process)
// and returns once it is bound. newHandler is called on the accepting loop for each connection; a nil
// result closes the connection at once.
func (r *Reactor) Listen(network, addr string, newHandler func(c *Conn) Handler) (*Listener, error) {
	panic("contract")
}

// Dial connects in the background; h.OnOpen or h.OnClose(err) reports the outcome. local may be nil; it chooses a
// source address so that a load generator can pass 28 000 ports.
func (r *Reactor) Dial(ctx context.Context, network, addr string, local net.Addr, h Handler) error {
	panic("contract")
}

// Adopt takes over an established connection (its descriptor is duplicated and nc closed).
// early holds bytes already read, delivered first. Ownership of early passes to the reactor.
func (r *Reactor) Adopt(nc net.Conn, early []byte, h Handler) error { panic("contract") }

// Close closes every listener and connection, waits for each OnClose, and stops the loops. Idempotent.
func (r *Reactor) Close() error { panic("contract") }

// Listener accepts connections until it is closed.
type Listener struct{}

func (l *Listener) Addr() net.Addr { panic("contract") }

// Close stops accepting. Connections stay. Idempotent.
func (l *Listener) Close() error { panic("contract") }

// Conn is one TCP connection. Unless said otherwise its methods may be called from any goroutine and never block.
type Conn struct{}

// Write sends a copy of p, which is borrowed for the call only.
func (c *Conn) Write(p []byte) Status { panic("contract") }

// Write2 sends head then body as one unit, like Write (a frame header and its payload).
func (c *Conn) Write2(head, body []byte) Status { panic("contract") }

// WriteShared sends s without copying it when it has to be queued. The caller keeps its own reference.
func (c *Conn) WriteShared(s *pool.Shared) Status { panic("contract") }

// Queued is the number of bytes waiting in the outbox.
func (c *Conn) Queued() int { panic("contract") }

// Close closes after what is queued has been flushed, or after 5 s at the latest; err is passed to OnClose.
// Writes after Close are Dropped. Idempotent: the first error wins.
func (c *Conn) Close(err error) { panic("contract") }

// Abort closes at once, discarding the outbox, with a RST (SO_LINGER 0).
func (c *Conn) Abort(err error) { panic("contract") }

// SetTimer arms the connection's one timer to run OnTimer after d, replacing an earlier setting; 0 disarms it.
// On the connection's loop only.
func (c *Conn) SetTimer(d time.Duration) { panic("contract") }

// LastRead is the loop's coarse clock (see Now) at the last read.
// On the connection's loop only.
func (c *Conn) LastRead() time.Duration { panic("contract") }

// Now is the loop's coarse monotonic clock, advanced once per tick while timers are armed and once per OnTimer.
func (c *Conn) Now() time.Duration { panic("contract") }

// Post runs f on the connection's loop, corked for c; after the connection has closed f is not run and Post returns false.
func (c *Conn) Post(f func()) bool { panic("contract") }

// Loop is the index of the connection's loop, 0..Loops()-1.
func (c *Conn) Loop() int { panic("contract") }

// RemoteAddr and LocalAddr allocate; they ask the kernel, so an idle connection stores neither.
func (c *Conn) RemoteAddr() net.Addr { panic("contract") }
func (c *Conn) LocalAddr() net.Addr  { panic("contract") }
