//go:build linux || darwin

package reactor

import (
	"errors"
	"fmt"
)

var (
	// ErrSlowConsumer is passed to OnClose if a connection's outbox exceeded MaxOutboxBytes, or
	// made no progress for MaxOutboxAge. The peer reads too slowly, or too much is sent to it.
	ErrSlowConsumer = errors.New("reactor: slow consumer: outbox limit reached; send less or " +
		"raise MaxOutboxBytes or MaxOutboxAge")
	// ErrOutboxBudget is passed to OnClose if all outboxes together exceeded MaxTotalOutboxBytes
	// and this connection held most. It wraps ErrSlowConsumer.
	ErrOutboxBudget = fmt.Errorf("reactor: the outboxes exceed MaxTotalOutboxBytes and this one "+
		"holds most: %w", ErrSlowConsumer)
	// ErrClosed is passed to OnClose of the connections that Reactor.Close closes. Listen, Dial and
	// Adopt return it afterwards.
	ErrClosed = errors.New("reactor: closed")
	// ErrCloseTimeout is logged at debug level if a Close could not flush within 5 s, or if the
	// peer did not answer the FIN. OnClose gets the error that was given to Close.
	ErrCloseTimeout = errors.New("reactor: close timed out; the peer neither reads nor closes")
	// ErrNotSupported is returned by Adopt for a connection without a descriptor, such as a
	// *tls.Conn or a net.Pipe. Adopt the TCP connection below it instead.
	ErrNotSupported = errors.New(
		"reactor: connection has no file descriptor; adopt the TCP connection itself")
	// ErrNoHandler is returned if the Handler or newHandler is nil.
	ErrNoHandler = errors.New("reactor: handler is nil")
	// ErrAvoided is passed to OnClose of a connection that was turned away because its loop did not
	// get to it, see Reactor.Avoid.
	ErrAvoided = errors.New("reactor: the event loop does not answer: a Handler holds it")
)

// SlowError is passed to OnClose of a slow consumer. It wraps ErrSlowConsumer or ErrOutboxBudget.
type SlowError struct {
	Queued int // bytes that waited for the peer
	Cause  error
}

// Error returns the cause, and how much waited.
func (e *SlowError) Error() string { return fmt.Sprintf("%v (%d bytes waited)", e.Cause, e.Queued) }

// Unwrap returns the cause.
func (e *SlowError) Unwrap() error { return e.Cause }

// PanicError is passed to OnClose if a Handler or a posted function panicked.
type PanicError struct {
	Value any // the value given to panic
}

// Error describes the panic; the stack is in the log.
func (e *PanicError) Error() string { return fmt.Sprintf("reactor: handler panicked: %v", e.Value) }

// Unwrap returns the value if it is an error, as it is for a nil dereference.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// TLSError is passed to OnClose if the peer broke the TLS protocol after the handshake.
type TLSError struct {
	Err error // the error of crypto/tls
}

// Error describes the cause.
func (e *TLSError) Error() string { return fmt.Sprintf("reactor: TLS failed: %v", e.Err) }

// Unwrap returns the error of crypto/tls.
func (e *TLSError) Unwrap() error { return e.Err }
