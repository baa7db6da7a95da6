package client

import (
	"encoding/json"
	"sync/atomic"

	"github.com/smartsocket/smartsocket/message"
)

// Data is what came with an event or an answer: JSON text, raw bytes or nothing.
// It is a small value; pass it by value. What a handler is given borrows its
// bytes until the handler returns: Clone it to keep it. What EmitWithAck returns
// is owned by the caller.
type Data struct {
	b      []byte
	binary bool
	info   any // what a lifecycle handler is told
}

// Bytes returns the payload as it came, JSON text or raw, borrowed as Data says.
func (d Data) Bytes() []byte { return d.b }

// Binary reports whether the payload is raw bytes rather than JSON.
func (d Data) Binary() bool { return d.binary }

// Empty reports whether there is no data.
func (d Data) Empty() bool { return len(d.b) == 0 && !d.binary }

// Err is the error that an "error" handler is told of, and nil otherwise.
func (d Data) Err() error {
	err, _ := d.info.(error)
	return err
}

// Clone copies the payload so that the copy may be kept.
func (d Data) Clone() Data {
	d.b = append([]byte(nil), d.b...)
	return d
}

// Decode reads the JSON payload into v, a non-nil pointer; v copies what it
// keeps. No data leaves v as it is. A binary payload can only be decoded into a
// *[]byte, which gets a copy. Failure is an ERR_MSG_001.
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
		return &Error{
			Code:    message.CodeInvalidFormat,
			Message: "the data does not fit what is expected",
			Cause:   err,
		}
	}
	return nil
}

// appendData appends the payload form of a user's value: nil is no data, []byte
// goes as raw bytes, json.RawMessage as it is, anything else as JSON.
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

// Ack answers the server, when it asked for an answer; else it does nothing.
// It may be kept and used later, from any goroutine, also after the connection
// was lost and recovered. Only the first Reply or Fail counts. Both wait, for
// Options.SendTimeout at most, while more than 1 MiB is unsent.
type Ack struct{ call *ackCall }

type ackCall struct {
	on   *link
	id   uint64
	used atomic.Bool
}

// Requested reports whether the server waits for an answer.
func (a Ack) Requested() bool { return a.call != nil }

// Reply answers with v: nil for no data, []byte for raw bytes, anything else as
// JSON. A value that cannot be encoded becomes an error answer.
func (a Ack) Reply(v any) {
	if c := a.call; c != nil && c.used.CompareAndSwap(false, true) {
		if err := c.on.reply(c.id, v); err != nil {
			c.on.replyError(c.id, asError(err, message.CodeHandlerFailed))
		}
	}
}

// Fail answers with an error: an *Error as it is, any other as ERR_APP_002 with its text.
func (a Ack) Fail(err error) {
	if c := a.call; c != nil && c.used.CompareAndSwap(false, true) {
		c.on.replyError(c.id, asError(err, message.CodeHandlerFailed))
	}
}

// asError gives err a code if it has none.
func asError(err error, code message.Code) *Error {
	if e, ok := err.(*Error); ok {
		return e
	}
	return &Error{Code: code, Message: err.Error()}
}
