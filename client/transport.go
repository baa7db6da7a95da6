package client

import "time"

// transport is one open WebSocket that speaks the subprotocol.
type transport interface {
	// run reads until the connection ends, gives every data message to receive, which borrows p
	// and may change it, and then calls ended with how the connection ended. It is called once,
	// and may return before: receive and ended run one at a time, on run's goroutine or on later
	// ones that continue its work.
	run(receive func(text bool, p []byte), ended func(ending))
	// room waits until few bytes are unsent or the connection has ended. It reports
	// false if one of the channels was ready first. Without channels it does not wait.
	room(cancel <-chan struct{}, after <-chan time.Time) bool
	// buffered is how many bytes are unsent.
	buffered() int
	// onDrain sets what runs, on a goroutine of its own, once most is sent after room has not found
	// room. It is called once, before run.
	onDrain(f func())
	// append queues one binary message, which it copies, behind all others.
	append(p []byte) error
	// flush writes what is queued, unless another goroutine is writing already. It does
	// not wait for a peer that does not read.
	flush()
	// flushLater is flush on another goroutine.
	flushLater()
	// close starts the closing handshake behind what is queued. It does not wait, and
	// run ends soon.
	close(code uint16, reason string)
	// abort ends the connection at once.
	abort()
	// limits sets how long the peer may be silent before the connection ends; 0 = any time. Before
	// that, and after a time in which nothing could be heard, it calls ask, which asks the peer for
	// a sign of life and does not wait. It is called by receive.
	limits(silence time.Duration, ask func())
}

// ending is how a connection ended.
type ending struct {
	code   uint16 // close code; closeAbnormal without a close frame
	reason string
	err    error
}

// closeAbnormal is the close code of a connection without a close frame (RFC 6455
// section 7.4.1).
const closeAbnormal uint16 = 1006
