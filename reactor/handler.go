//go:build linux || darwin

package reactor

// Status says what became of bytes given to a Conn.
type Status uint8

const (
	// Sent means that the kernel has taken the bytes, or that they leave when the current callback
	// returns.
	Sent Status = iota
	// Backpressured means that the bytes are queued in the outbox. OnWritable follows when it has
	// drained.
	Backpressured
	// Dropped means that the connection is closed, or that the outbox limit was reached, in which
	// case the connection is closing with ErrSlowConsumer.
	Dropped
)

// Handler receives the events of one connection. All methods run on the connection's loop, one at a
// time, and corked: everything that any goroutine writes to the connection during the call leaves
// in one write when the call returns. More than the loop's 64 KiB cork buffer leaves at once, and
// so does one write of 16 KiB or more. The methods must not block. If a method panics, only that
// connection is closed, with a *PanicError.
type Handler interface {
	// OnOpen runs once, before any other method. It does not run for a Dial that failed.
	OnOpen(c *Conn)
	// OnData receives the bytes of one read. p is borrowed until return and may be changed in
	// place. OnData does not run any more once Close or Abort was called.
	OnData(c *Conn, p []byte)
	// OnWritable runs when an outbox that had answered Backpressured is below its low-water mark
	// again.
	OnWritable(c *Conn)
	// OnTimer runs when the time set by SetTimer has come.
	OnTimer(c *Conn)
	// OnClose runs once and last. err is nil for a close by Close(nil), io.EOF for the peer's,
	// otherwise the cause. Writes in OnClose are Dropped.
	OnClose(c *Conn, err error)
}
