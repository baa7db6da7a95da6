package smartsocket

import (
	"errors"

	"github.com/smartsocket/smartsocket/internal/fault"
	"github.com/smartsocket/smartsocket/internal/vetting"
	"github.com/smartsocket/smartsocket/message"
)

// Error is every error that SmartSocket reports; errors.Is compares its Code.
type Error = message.Error

// The errors that a server can meet, for errors.Is. What each means, who raises
// it and how it reaches the other side is the table in docs/PROTOCOL.md.
var (
	ErrTimeout          error = message.ErrTimeout          // ERR_CONN_002
	ErrAuthFailed       error = message.ErrAuthFailed       // ERR_CONN_004
	ErrMaxConnections   error = message.ErrMaxConnections   // ERR_CONN_005
	ErrConnectionLost   error = message.ErrConnectionLost   // ERR_CONN_006
	ErrInvalidFormat    error = message.ErrInvalidFormat    // ERR_MSG_001
	ErrTooLarge         error = message.ErrTooLarge         // ERR_MSG_004
	ErrInvalidNamespace error = message.ErrInvalidNamespace // ERR_MSG_005
	ErrRateLimited      error = message.ErrRateLimited      // ERR_RATE_001
	ErrEventRateLimited error = message.ErrEventRateLimited // ERR_RATE_002
	ErrAckTimeout       error = message.ErrAckTimeout       // ERR_ACK_001
	ErrAckInvalid       error = message.ErrAckInvalid       // ERR_ACK_002
	ErrRejected         error = message.ErrRejected         // ERR_APP_001
	ErrHandlerFailed    error = message.ErrHandlerFailed    // ERR_APP_002
	ErrNoHandler        error = message.ErrNoHandler        // ERR_APP_003
	ErrShuttingDown     error = message.ErrShuttingDown     // ERR_SRV_001
)

// ErrTryLater is what an Authenticate hook returns, or wraps, when it cannot decide now, for
// example because a database is down. The client is closed with 1013 and reconnects. It is not
// counted as a failed attempt.
var ErrTryLater error = vetting.ErrTryLater

// WithDetails returns a copy of err, an *Error or one made as by Ack.Fail, that carries v to the
// client's program as JSON.
func WithDetails(err error, v any) *Error {
	return fault.WithDetails(err, message.CodeHandlerFailed, v)
}

// DetailsOf decodes what the client's program said about err (Error.Details). It reports false if
// it said nothing, or something that does not fit a T.
func DetailsOf[T any](err error) (T, bool) { return fault.DetailsOf[T](err) }

// ErrStarted is returned by a second Start of one Server.
var ErrStarted = errors.New("smartsocket: the server was started before; make a new one with New")

// ErrClosed is returned by Start, StartDetached, Run and Serve of a server that has ended, also
// because an earlier start failed, and by Serve when the server ends while it accepts.
var ErrClosed = errors.New("smartsocket: the server is closed; make a new one with New")

// NewCode makes the error of a code of the application, as a variable that the server, and through
// the Go client the other end, compare with errors.Is. A handler that fails with it, or with an
// error that wraps it, answers with its code and sentence. See message.NewCode, which also says on
// what it panics. A package that the clients import as well makes its codes with that.
func NewCode(code, sentence string) *Error { return message.NewCode(message.Code(code), sentence) }

// OptionError says which field of Options cannot be used, and how to mend it.
type OptionError struct {
	Field string // the field's Go name
	Fix   string // what is wrong with the value and what to give instead
}

// Error names the field and the fix.
func (e *OptionError) Error() string { return "smartsocket: Options." + e.Field + ": " + e.Fix }
