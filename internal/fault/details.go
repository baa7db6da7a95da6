package fault

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/smartsocket/smartsocket/message"
)

// WithDetails returns a copy of the error that Wire makes of err, with v as its Details: a
// json.RawMessage as it is, anything else as JSON. If v cannot be written as JSON there are none,
// and the reason is part of the cause.
func WithDetails(err error, code message.Code, v any) *message.Error {
	e := *Wire(err, code)
	text, ok := v.(json.RawMessage)
	if !ok {
		var b bytes.Buffer
		to := json.NewEncoder(&b)
		to.SetEscapeHTML(false)
		if wrong := to.Encode(v); wrong != nil {
			e.Details, e.Cause = "", errors.Join(e.Cause, wrong)
			return &e
		}
		text = bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	}
	e.Details = string(text)
	return &e
}

// DetailsOf decodes the Details of the first *message.Error in err's chain. It reports false if
// there are none, or if they do not fit a T. It never panics.
func DetailsOf[T any](err error) (v T, ok bool) {
	defer func() {
		if recover() != nil { // from the methods of an error or of a T
			var none T
			v, ok = none, false
		}
	}()
	var e *message.Error
	if !errors.As(err, &e) || e == nil || e.Details == "" {
		return v, false
	}
	if json.Unmarshal([]byte(e.Details), &v) != nil {
		var none T
		return none, false
	}
	return v, true
}
