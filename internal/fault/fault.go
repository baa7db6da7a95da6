// Package fault makes errors of the protocol: from an error of the application, from a format, or
// for a connection that is gone. It also keeps the data of clients out of the log, see Quoting. It
// has no state and no locks.
//
// It uses packages fmt and reflect, which the browser build (package wasm) must not contain.
//
// Read fault.go, then details.go, outward.go, misfit.go and validate.go.
package fault

import (
	"errors"
	"fmt"
	"strings"

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

// Named returns e with the name of the event that it is about, a copy if e has none.
func Named(e *message.Error, event string) *message.Error {
	if e.Event != "" || event == "" {
		return e
	}
	c := *e
	c.Event = event
	return &c
}

// notLogged stands in a log for what may quote a payload.
const notLogged = "(not logged, since it may quote the data)"

// quoting is an error whose text may quote a payload.
type quoting struct{ error }

// Unwrap returns the error that Quoting was given.
func (q quoting) Unwrap() error { return q.error }

// Quoting marks err, which must not be nil, as an error whose text may quote what a client sent, as
// those of a decoder do. The program may read it and the log may not, so ForLog leaves it out. The
// text stays the same, and errors.Is and errors.As find err itself.
func Quoting(err error) error { return quoting{err} }

// ForLog returns the text of err for a log: without the text of the first error in err's chain that
// is marked with Quoting. It never panics: for nil and for an error whose methods panic, the text
// is "an error whose methods panic".
func ForLog(err error) (text string) {
	defer func() {
		if recover() != nil {
			text = "an error whose methods panic"
		}
	}()
	text = err.Error()
	var q quoting
	if errors.As(err, &q) {
		text = strings.ReplaceAll(text, q.Error(), notLogged)
		if name := unknownField(q); name != "" { // see Misfit
			text = strings.ReplaceAll(text, name, notLogged)
		}
	}
	return text
}

// List joins the first n names, and says how many more there are.
func List(names []string, n int) string {
	if len(names) <= n {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:n], ", "), len(names)-n)
}
