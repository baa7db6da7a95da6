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
	const room = maxHeader - 4 // the longest unmasked header
	b := pool.Get(room + len(payload))
	var err error
	if b.B, err = pool.Deflate(b.B[:room], payload, level, true); err != nil {
		pool.Put(b)
		return nil, err
	}
	n := len(b.B) - room
	if n >= len(payload) {
		b.B = AppendFrame(b.B[:0], op, payload)
		return pool.NewShared(b), nil
	}
	header := AppendHeader(b.B[:0], op, true, true, n)
	b.B = append(header, b.B[room:]...)
	return pool.NewShared(b), nil
}

// InflateMessage inflates the payload of a Compressed message into a pooled Buffer, which the
// caller owns, and checks UTF-8 if m.Op is Text. It borrows m. Errors are *Error: 1009 for more
// than limit bytes, found before more than 16 KiB above it were produced, 1007 for bad DEFLATE and
// for bad text.
func InflateMessage(m Message, limit int) (*pool.Buffer, error) {
	// Start with the size that such messages mostly reach, so that the buffer seldom has to grow.
	b := pool.Get(max(0, min(limit, max(4*len(m.Payload), 4<<10))))
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
	pool.Put(b)
	return nil, err
}
