package outgoing

import "github.com/smartsocket/smartsocket/pool"

// Deflater is how payloads are compressed.
type Deflater struct {
	Threshold int // only payloads of more bytes are; negative = none
	Level     int // of package pool
}

// Worth reports whether a payload of n bytes is worth a try, for a peer that inflates.
func (d Deflater) Worth(n int) bool { return d.Threshold >= 0 && n > d.Threshold }

// append appends payload compressed to dst, and reports whether that is shorter. If not, or if
// payload looks compressed already, dst is as it was.
func (d Deflater) append(dst, payload []byte) ([]byte, bool) {
	if looksCompressed(payload) {
		return dst, false
	}
	n := len(dst)
	out, err := pool.Deflate(dst, payload, d.Level, false)
	if err != nil || len(out)-n >= len(payload) {
		return out[:n], false
	}
	return out, true
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
