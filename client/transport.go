package client

import "time"

// transport is one open WebSocket that speaks the subprotocol.
type transport interface {
	// run reads until the connection ends, gives every data message to receive
	// (p is borrowed and may be changed) and returns how it ended. Called once.
	run(receive func(text bool, p []byte)) ending
	// room waits until the unsent bytes are few or the connection has ended, and
	// reports false if one of the channels came first. Without channels it does not wait.
	room(cancel <-chan struct{}, after <-chan time.Time) bool
	// append queues one binary message, which it copies, behind all others.
	append(p []byte) error
	// flush writes what is queued unless somebody else is doing so. It does not
	// wait for a peer that does not read.
	flush()
	// flushLater is flush on another goroutine.
	flushLater()
	// close starts the closing handshake behind what is queued and does not wait; run ends soon.
	close(code uint16, reason string)
	// abort ends the connection at once.
	abort()
	// limits sets the longest silence of the peer (0 = any) that does not end the connection.
	limits(silence time.Duration)
}

// ending is how a connection ended.
type ending struct {
	code   uint16 // close code, closeAbnormal when there was no close frame
	reason string
	err    error
}

const closeAbnormal uint16 = 1006
