// Package fault makes errors of the protocol: from an error of the application,
// from a format, or for a connection that is gone. It holds no state.
//
// It uses package fmt, which the browser build must not contain; package client
// therefore makes its errors itself.
package fault

import (
	"errors"
	"fmt"

	"github.com/smartsocket/smartsocket/message"
)

// Wire turns any error into the one that a peer is told: the first
// *message.Error in err's chain as it is, anything else as code with err's own
// text and err as the cause. It never returns nil and never panics. A nil err, a
// nil *message.Error inside an error and an error whose methods panic are
// mistakes of the program, and the result says so.
func Wire(err error, code message.Code) (wire *message.Error) {
	defer func() {
		if recover() != nil { // from the error's own methods, for example those of a nil pointer
			wire = message.New(code,
				"failed with an error whose methods panic: return a plain nil for success")
		}
	}()
	var e *message.Error
	switch {
	case errors.As(err, &e) && e != nil:
		return e
	case err == nil || isNilError(err):
		return message.New(code, "failed with a nil error: return a plain nil for success")
	}
	return &message.Error{Code: code, Message: err.Error(), Cause: err}
}

// isNilError reports whether err holds a nil *message.Error.
func isNilError(err error) bool {
	e, ok := err.(*message.Error)
	return ok && e == nil
}

// Errorf makes an error of code whose sentence is formatted as by fmt.Sprintf.
// It wraps none of its arguments.
func Errorf(code message.Code, format string, args ...any) *message.Error {
	return message.New(code, fmt.Sprintf(format, args...))
}

// Lost is ERR_CONN_006, with why as its sentence.
func Lost(why string) *message.Error { return message.New(message.CodeConnectionLost, why) }
