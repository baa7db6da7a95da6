package websocket

import (
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/reactor"
)

// Status is reactor.Status. It says what became of a message given to a Conn.
type Status = reactor.Status

// The values of Status, see package reactor.
const (
	Sent          = reactor.Sent
	Backpressured = reactor.Backpressured
	Dropped       = reactor.Dropped
)

// Handler receives the events of one connection. They run on its loop, one at a time, corked (see
// reactor.Handler). A Handler must not block. If it panics, only that connection is closed, with
// code 1011.
type Handler interface {
	// OnOpen runs once, when the handshake is done. What it writes leaves in the same write as the
	// 101.
	OnOpen(c *Conn)
	// OnMessage receives one complete data message, inflated and, if it is text, checked for UTF-8.
	// p is borrowed until return and may be changed in place.
	OnMessage(c *Conn, op frame.Opcode, p []byte)
	// OnPong runs for each pong frame; p is borrowed until return.
	OnPong(c *Conn, p []byte)
	// OnWritable runs when an outbox that had answered Backpressured has drained.
	OnWritable(c *Conn)
	// OnTimer runs when the time set by SetTimer has come. It does not run once closing has begun.
	OnTimer(c *Conn)
	// OnClose runs once and last, and only if OnOpen ran; Dial is an exception. code is that of the
	// close frame that began the closing, the peer's or ours, or 1006 if there was none. err is nil
	// after a complete close handshake. Otherwise it is the cause: io.EOF, ErrCloseTimeout, a
	// *frame.Error, a *PanicError, the error given to Abort, or an error of the reactor.
	OnClose(c *Conn, code frame.CloseCode, reason string, err error)
}

// Acceptor decides about an upgrade request, on the loop, before the 101. It returns the
// connection's Handler and the subprotocol to answer, which is "" for none or one that the client
// offered. Or it returns an error: a *frame.HandshakeError is sent as it is, any other error as
// 500. r is borrowed until return. c may be kept; messages sent before OnOpen are Dropped.
type Acceptor func(r *frame.Request, c *Conn) (h Handler, protocol string, err error)
