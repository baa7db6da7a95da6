package smartsocket

import (
	"errors"

	"github.com/smartsocket/smartsocket/internal/vetting"
	"github.com/smartsocket/smartsocket/message"
)

// Error is every error that SmartSocket reports; errors.Is compares its Code.
type Error = message.Error

// The errors that a server can meet, for errors.Is. What each means, who raises
// it and how it reaches the other side is the table in docs/PROTOCOL.md.
var (
	ErrTimeout          error = message.ErrTimeout
	ErrMaxConnections   error = message.ErrMaxConnections
	ErrConnectionLost   error = message.ErrConnectionLost
	ErrInvalidFormat    error = message.ErrInvalidFormat
	ErrTooLarge         error = message.ErrTooLarge
	ErrInvalidNamespace error = message.ErrInvalidNamespace
	ErrRateLimited      error = message.ErrRateLimited
	ErrAckTimeout       error = message.ErrAckTimeout
	ErrAckInvalid       error = message.ErrAckInvalid
	ErrRejected         error = message.ErrRejected
	ErrHandlerFailed    error = message.ErrHandlerFailed
	ErrNoHandler        error = message.ErrNoHandler
	ErrShuttingDown     error = message.ErrShuttingDown
)

// ErrTryLater is what an Authenticate hook returns, or wraps, when it cannot decide now, for example
// because a database is down. The client is closed with 1013 and reconnects. It is not counted as a
// failed attempt.
var ErrTryLater error = vetting.ErrTryLater

// ErrStarted is returned by a second Start of one Server.
var ErrStarted = errors.New("smartsocket: the server was started before; make a new one with New")

// ErrClosed is returned by Start after Close or Shutdown.
var ErrClosed = errors.New("smartsocket: the server is closed; make a new one with New")

// OptionError says which field of Options cannot be used, and how to mend it.
type OptionError struct {
	Field string // the field's Go name
	Fix   string // what is wrong with the value and what to give instead
}

// Error names the field and the fix.
func (e *OptionError) Error() string { return "smartsocket: Options." + e.Field + ": " + e.Fix }
