package client

import (
	"encoding/json"
	"errors"
	"sync/atomic"

	"github.com/smartsocket/smartsocket/internal/fault"
	"github.com/smartsocket/smartsocket/message"
)

// Data is what came with an event or an answer: JSON text, raw bytes or nothing.
// It is a small value; pass it by value. The Data that a handler gets borrows its
// bytes until the handler returns; Clone it to keep it. The Data that EmitWithAck
// returns is owned by the caller.
type Data struct {
	b      []byte
	binary bool
	info   any // the typed value of a lifecycle event
}

// Bytes returns the payload as it came, JSON text or raw bytes. It is borrowed or
// owned as the comment of Data says.
func (d Data) Bytes() []byte { return d.b }

// Binary reports whether the payload is raw bytes rather than JSON.
func (d Data) Binary() bool { return d.binary }

// Empty reports whether there is no data.
func (d Data) Empty() bool { return len(d.b) == 0 && !d.binary }

// Err returns the error that an "error" handler is told of, and nil for other data.
func (d Data) Err() error {
	err, _ := d.info.(error)
	return err
}

// Clone returns Data with a copy of the payload, which the caller owns.
func (d Data) Clone() Data {
	d.b = append([]byte(nil), d.b...)
	return d
}

// Decode reads the JSON payload into v, a non-nil pointer. v copies what it keeps.
// Without data v stays as it is. A binary payload can only be decoded into a
// *[]byte, which gets a copy. The error is an *Error with ERR_MSG_001, which names the field and
// what belongs there, or the *Error of an UnmarshalJSON as it is.
func (d Data) Decode(v any) error {
	if d.binary {
		p, ok := v.(*[]byte)
		if !ok {
			return &Error{
				Code:    message.CodeInvalidFormat,
				Message: "the payload is binary: decode it into a *[]byte or use Bytes",
			}
		}
		*p = append([]byte(nil), d.b...)
		return nil
	}
	if len(d.b) == 0 {
		return nil
	}
	if err := unmarshal(d.b, v); err != nil {
		return fault.Misfit(err)
	}
	return nil
}

// appendData appends the payload of a user's value: nothing for nil, raw bytes for
// []byte, the text itself for json.RawMessage, and JSON for anything else.
func appendData(dst []byte, v any) ([]byte, message.Flags, error) {
	switch v := v.(type) {
	case nil:
		return dst, 0, nil
	case []byte:
		return append(dst, v...), message.FlagBinary, nil
	case json.RawMessage:
		if len(v) > 0 && !message.ValidJSON(v) {
			return dst, 0, &Error{
				Code:    message.CodeInvalidFormat,
				Message: "the json.RawMessage is not valid JSON: send []byte for raw bytes",
			}
		}
		return append(dst, v...), 0, nil
	case Data:
		if v.binary {
			return append(dst, v.b...), message.FlagBinary, nil
		}
		return append(dst, v.b...), 0, nil
	}
	out, err := marshal(dst, v)
	if err != nil {
		return dst, 0, &Error{
			Code:    message.CodeInvalidFormat,
			Message: "the value cannot be written as JSON",
			Cause:   err,
		}
	}
	return out, 0, nil
}

// Ack answers a question of the server. For an event that asks for nothing its
// methods do nothing. It may be kept and used later, from any goroutine, even
// after the connection was lost and the session recovered. Only the first Reply
// or Fail counts. Both wait while more than Options.HighWaterMark is
// unsent, for at most Options.SendTimeout.
type Ack struct{ call *ackCall }

type ackCall struct {
	on   *link
	id   uint64
	used atomic.Bool
}

// Requested reports whether the server waits for an answer.
func (a Ack) Requested() bool { return a.call != nil }

// Reply answers with v: nil for no data, []byte for raw bytes, anything else as
// JSON. It borrows v for the call. A value that cannot be encoded becomes an error
// answer.
func (a Ack) Reply(v any) {
	if c := a.call; c != nil && c.used.CompareAndSwap(false, true) {
		if err := c.on.reply(c.id, v); err != nil {
			c.on.replyError(c.id, asError(err, message.CodeHandlerFailed))
		}
	}
}

// Fail answers with an error: an *Error, or the one that it wraps, as it is, any
// other one as ERR_APP_002 with its text.
func (a Ack) Fail(err error) {
	if c := a.call; c != nil && c.used.CompareAndSwap(false, true) {
		c.on.replyError(c.id, asError(err, message.CodeHandlerFailed))
	}
}

// asError returns the *Error in err's chain, or err as one with this code.
func asError(err error, code message.Code) *Error {
	if e := (*Error)(nil); errors.As(err, &e) && e != nil {
		return e
	}
	return &Error{Code: code, Message: err.Error()}
}
