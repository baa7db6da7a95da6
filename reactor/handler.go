//go:build linux || darwin

package reactor

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
// during the call, by whichever goroutine, leaves in one write when the call
// returns (more than the loop's 64 KiB cork buffer, or one write of 16 KiB and
// more, leaves at once). They must not block.
// A panic in a handler closes that connection alone, with a *PanicError.
type Handler interface {
	// OnOpen runs once, before any other method. It does not run for a Dial that failed.
	OnOpen(c *Conn)
	// OnData hands over the bytes of one read. p is borrowed until return and may be changed in place.
	// It does not run any more once Close or Abort was called.
	OnData(c *Conn, p []byte)
	// OnWritable runs when an outbox that had answered Backpressured is below its low-water mark again.
	OnWritable(c *Conn)
	// OnTimer runs when the time set by SetTimer has come.
	OnTimer(c *Conn)
	// OnClose runs once, last. err is nil for a close asked for by Close(nil), io.EOF for the peer's, else the cause.
	// Writes in it are Dropped.
	OnClose(c *Conn, err error)
}
