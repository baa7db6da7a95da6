package outgoing

import (
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

// Deflater is how payloads are compressed.
type Deflater struct {
	Threshold int // only payloads of more bytes are; negative = none
	Level     int // of package pool
}

// Worth reports whether a payload of n bytes is worth a try, for a peer that inflates.
func (d Deflater) Worth(n int) bool { return d.Threshold >= 0 && n > d.Threshold }

// Tail replaces the payload dst[body:] of the message dst[start:] by its
// compressed form and sets message.FlagDeflated, where that is shorter. It returns
// dst, which it may have changed and shortened.
func (d Deflater) Tail(dst []byte, start, body int) []byte {
	b := d.deflated(dst[body:])
	if b == nil {
		return dst
	}
	dst = append(dst[:body], b.B...)
	dst[start] |= byte(message.FlagDeflated)
	pool.Put(b)
	return dst
}

// deflated returns payload compressed in a pooled buffer that the caller owns, or
// nil when that would not be smaller or payload looks compressed already. It borrows payload.
func (d Deflater) deflated(payload []byte) *pool.Buffer {
	if looksCompressed(payload) {
		return nil
	}
	b := pool.Get(len(payload)/2 + 64)
	out, err := pool.Deflate(b.B, payload, d.Level, false)
	if b.B = out; err != nil || len(out) >= len(payload) {
		pool.Put(b)
		return nil
	}
	return b
}

// magics are the first bytes of formats that DEFLATE only makes longer.
var magics = [...]string{
	"\x1f\x8b", "\x89PNG", "\xff\xd8\xff", "GIF8", "PK\x03\x04", "\x28\xb5\x2f\xfd", "OggS", "RIFF",
}

func looksCompressed(p []byte) bool {
	for _, magic := range magics {
		if len(p) >= len(magic) && string(p[:len(magic)]) == magic {
			return true
		}
	}
	return false
}
