package frame

import (
	"errors"

	"github.com/smartsocket/smartsocket/pool"
)

var errInflate = &Error{CloseInvalidPayload, "compressed payload is not DEFLATE"}

// Prepare encodes a message once, as one unmasked frame for many connections. It copies payload.
// The caller owns one reference of the result.
func Prepare(op Opcode, payload []byte) *pool.Shared {
	b := pool.Get(maxHeader + len(payload))
	b.B = AppendFrame(b.B, op, payload)
	return pool.NewShared(b)
}

// PrepareDeflated is Prepare for connections that negotiated permessage-deflate. level is 1 to 9. A
// payload that compression does not make smaller is sent as it is, which RFC 7692 section 6 allows
// for each message. The caller owns one reference of the result. The only error is that the
// compressor refuses the level.
func PrepareDeflated(op Opcode, payload []byte, level int) (*pool.Shared, error) {
	u := pool.GetUnsized(pool.Deflated)
	defer pool.PutUnsized(u)
	var err error
	if u.B, err = pool.Deflate(u.B, payload, level, true); err != nil {
		return nil, err
	}
	if len(u.B) >= len(payload) {
		return Prepare(op, payload), nil
	}
	b := pool.Get(maxHeader + len(u.B))
	b.B = append(AppendHeader(b.B, op, true, true, len(u.B)), u.B...)
	return pool.NewShared(b), nil
}

// InflateMessage inflates the payload of a Compressed message into a pooled buffer, which the
// caller owns and gives to pool.PutUnsized, and checks UTF-8 if m.Op is Text. It borrows m. Errors
// are *Error: 1009 for more than limit bytes, found before more than 16 KiB above it were produced,
// 1007 for bad DEFLATE and for bad text.
func InflateMessage(m Message, limit int) (pool.Unsized, error) {
	b := pool.GetUnsized(pool.Inflated)
	out, err := pool.Inflate(b.B, m.Payload, limit, true)
	if out != nil {
		b.B = out
	}
	switch {
	case err == nil && (m.Op != Text || validText(b.B)):
		return b, nil
	case err == nil:
		err = errUTF8
	case errors.Is(err, pool.ErrTooLarge):
		err = errTooBig
	default:
		err = errInflate
	}
	pool.PutUnsized(b)
	return pool.Unsized{}, err
}
