package smartsocket

import (
	"errors"

	"github.com/smartsocket/smartsocket/internal/fault"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

// compresses reports whether a payload of n bytes is worth a try for a peer that can inflate.
func (v *Server) compresses(n int) bool {
	threshold := v.current().CompressionThreshold
	return threshold >= 0 && n > threshold
}

// wireThreshold is what CONNECT_ACK tells the client: 0 = compress nothing.
func (v *Server) wireThreshold() uint64 { return uint64(max(v.current().CompressionThreshold, 0)) }

// deflated returns payload compressed in a pooled buffer that the caller owns,
// or nil when that would not be smaller or payload looks compressed already.
func (v *Server) deflated(payload []byte) *pool.Buffer {
	if looksCompressed(payload) {
		return nil
	}
	b := pool.Get(len(payload)/2 + 64)
	out, err := pool.Deflate(b.B, payload, v.current().CompressionLevel, false)
	if b.B = out; err != nil || len(out) >= len(payload) {
		pool.Put(b)
		return nil
	}
	return b
}

// looksCompressed knows the first bytes of formats that DEFLATE only makes longer.
func looksCompressed(p []byte) bool {
	for _, magic := range []string{"\x1f\x8b", "\x89PNG", "\xff\xd8\xff", "GIF8", "PK\x03\x04", "\x28\xb5\x2f\xfd", "OggS", "RIFF"} {
		if len(p) >= len(magic) && string(p[:len(magic)]) == magic {
			return true
		}
	}
	return false
}

// compressTail replaces the payload dst[body:] of the message dst[start:] by its
// compressed form and sets the flag, when that is shorter.
func (v *Server) compressTail(dst []byte, start, body int) []byte {
	b := v.deflated(dst[body:])
	if b == nil {
		return dst
	}
	dst = append(dst[:body], b.B...)
	dst[start] |= byte(message.FlagDeflated)
	pool.Put(b)
	return dst
}

// inflate replaces m's payload by its inflated form, in a pooled buffer that the
// caller returns when it is done with m.
func (l *link) inflate(m *message.Message) (*pool.Buffer, error) {
	b := pool.Get(min(4*len(m.Payload), l.srv.fixed.MaxMessageBytes))
	out, err := pool.Inflate(b.B, m.Payload, l.srv.fixed.MaxMessageBytes, false)
	b.B = out
	switch {
	case errors.Is(err, pool.ErrTooLarge):
		pool.Put(b)
		return nil, fault.Errorf(message.CodeTooLarge, "the message inflates to more than maxMessageBytes (%d)", l.srv.fixed.MaxMessageBytes)
	case err != nil:
		pool.Put(b)
		return nil, &Error{Code: message.CodeDecompression, Message: "a compressed message cannot be inflated: send raw DEFLATE (RFC 1951)", Cause: err}
	}
	m.Payload = out
	m.Flags &^= message.FlagDeflated
	return b, nil
}
