package smartsocket

import (
	"errors"
	"fmt"

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

// asWire turns any error into the one that a peer is told: an *Error as it is,
// anything else as code with the error's own text.
func asWire(err error, code message.Code) (wire *Error) {
	defer func() {
		if recover() != nil { // the error's own methods, as those of a nil pointer in an error
			wire = &Error{Code: code, Message: "failed with an error whose methods panic: return a plain nil for success"}
		}
	}()
	var e *Error
	switch {
	case errors.As(err, &e) && e != nil:
		return e
	case err == nil || e == nil && isNilError(err):
		return &Error{Code: code, Message: "failed with a nil error: return a plain nil for success"}
	}
	return &Error{Code: code, Message: err.Error(), Cause: err}
}

// isNilError reports whether err is a nil *Error in an error: a mistake of the program, which must not become a panic.
func isNilError(err error) bool {
	e, ok := err.(*Error)
	return ok && e == nil
}

func errorf(code message.Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}
