//go:build linux || darwin

package reactor

import (
	"errors"
	"fmt"
)

var (
	// ErrSlowConsumer reaches OnClose when a connection's outbox passed MaxOutboxBytes
	// or its oldest byte MaxOutboxAge: the peer reads too slowly, or too much is sent to it.
	ErrSlowConsumer = errors.New("reactor: slow consumer: outbox limit reached; send less or raise MaxOutboxBytes or MaxOutboxAge")
	// ErrClosed reaches OnClose of the connections that Reactor.Close closes, and is
	// returned by Listen, Dial and Adopt afterwards.
	ErrClosed = errors.New("reactor: closed")
	// ErrCloseTimeout is logged at debug level when a Close could not flush, or the
	// peer did not answer the FIN, within 5 s. OnClose gets the error that Close was given.
	ErrCloseTimeout = errors.New("reactor: close timed out; the peer neither reads nor closes")
	// ErrNotSupported is returned by Adopt for a connection without a descriptor,
	// such as a *tls.Conn or a net.Pipe; adopt the TCP connection below it.
	ErrNotSupported = errors.New("reactor: connection has no file descriptor; adopt the TCP connection itself")
	// ErrNoHandler is returned for a nil Handler or newHandler.
	ErrNoHandler = errors.New("reactor: handler is nil")
)

// PanicError reaches OnClose when a Handler or a posted function panicked.
type PanicError struct {
	Value any // what was given to panic
}

// Error describes the panic; the stack is in the log.
func (e *PanicError) Error() string { return fmt.Sprintf("reactor: handler panicked: %v", e.Value) }

// Unwrap is the value if it was an error, as for a nil dereference.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}
