// Package incoming reads what a connected client sends. It turns the bytes of a message into a
// Message whose payload is inflated and checked, or into an error that tells the client what to
// mend. It decides nothing beyond that: package refusal says what follows from such an error.
//
//	bytes ── Parse ── header ── Inflate, if it is compressed ── Check ── Decode, by a handler
//
// It has no state and no locks.
package incoming

import (
	"errors"
	"unicode/utf8"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/fault"
	"github.com/smartsocket/smartsocket/internal/outgoing"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

// The errors that do not depend on the message.
var (
	ErrPlainBinary = message.New(message.CodeInvalidFormat, "a plain client sends text messages: "+
		"ask for the subprotocol "+message.Subprotocol+" to send binary ones")
	ErrTooLarge = message.New(message.CodeTooLarge, "the payload is over maxMessageBytes: split it")
	ErrElements = message.New(message.CodeTooLarge,
		"over maxJSONElements: split it, or send binary")
	ErrRatio = message.New(message.CodeTooLarge,
		"it inflates to too many times its size: send it uncompressed")
)

// Parse reads the header of a message in the encoding of its opcode. A plain client may send text
// alone. The result borrows p.
func Parse(op frame.Opcode, p []byte, plain bool) (message.Message, error) {
	if op == frame.Text {
		return message.ParseJSON(p)
	}
	if plain {
		return message.Message{}, ErrPlainBinary
	}
	return message.Parse(p)
}

// Inflate replaces m's payload by its inflated form, which lies in a pooled buffer that the caller
// returns. It may have limit bytes, and never more than maxBytes, the option maxMessageBytes. A
// limit below that comes from the size of what was sent.
func Inflate(m *message.Message, limit, maxBytes int) (pool.Unsized, error) {
	limit = min(limit, maxBytes)
	b := pool.GetUnsized(pool.Inflated)
	out, err := pool.Inflate(b.B, m.Payload, limit, false)
	b.B = out
	if err == nil {
		m.Payload = out
		m.Flags &^= message.FlagDeflated
		return b, nil
	}
	pool.PutUnsized(b)
	switch {
	case errors.Is(err, pool.ErrTooLarge) && limit < maxBytes:
		return pool.Unsized{}, ErrRatio
	case errors.Is(err, pool.ErrTooLarge):
		return pool.Unsized{}, fault.Errorf(message.CodeTooLarge,
			"the message inflates to more than %d bytes: send less, or raise maxMessageBytes (%d)",
			limit, maxBytes)
	}
	return pool.Unsized{}, &message.Error{Code: message.CodeDecompression, Cause: err,
		Message: "a compressed message cannot be inflated: send raw DEFLATE (RFC 1951)"}
}

// Check checks the size of m's payload, that what is called JSON is JSON, and that it has no more
// than maxElements values and keys. Parse has checked the JSON of a text message.
func Check(m *message.Message, op frame.Opcode, maxBytes, maxElements int) error {
	if len(m.Payload) > maxBytes {
		return ErrTooLarge
	}
	if m.Flags&message.FlagBinary != 0 {
		return nil
	}
	data := m.Kind == message.KindEvent || m.Kind == message.KindAck
	if op == frame.Binary && data && len(m.Payload) > 0 &&
		(!message.ValidJSON(m.Payload) || !utf8.Valid(m.Payload)) {
		return outgoing.ErrBadJSON
	}
	if !message.JSONElementsWithin(m.Payload, maxElements) {
		return ErrElements
	}
	return nil
}

// Decode reads a JSON payload into v, a non-nil pointer, which keeps nothing of it. No data leaves
// v as it is. Raw bytes go into a *[]byte alone, as a copy. An error is one of fault.Misfit, or
// says that bytes came where JSON was expected. If p is Strict, an unknown field is an error too.
func Decode(p outgoing.Payload, v any) error {
	if p.Binary {
		dst, ok := v.(*[]byte)
		if !ok {
			return message.New(message.CodeInvalidFormat,
				"the payload is binary: send JSON, or handle the event with Bytes")
		}
		*dst = append([]byte(nil), p.B...)
		return nil
	}
	if len(p.B) == 0 {
		return nil
	}
	unmarshal := message.Unmarshal
	if p.Strict {
		unmarshal = message.UnmarshalStrict
	}
	if err := unmarshal(p.B, v); err != nil {
		return fault.Misfit(err)
	}
	return nil
}
