package pool

import "github.com/smartsocket/smartsocket/pool/tinyflate"

// Inflate appends the decompressed form of the raw DEFLATE stream src (RFC 1951)
// to dst and returns the result. It never produces more than limit bytes: a
// stream that would returns ErrTooLarge. Truncated or invalid input, and input after the final block, return ErrCorrupt.
// After an error the result is dst at its old length, perhaps with more capacity.
// With tail set, the four bytes 00 00 ff ff and an empty final block are
// understood to follow src, as RFC 7692 section 7.2.2 requires, and blocks may
// follow a final block (section 7.2.1). src is borrowed for the call.
func Inflate(dst, src []byte, limit int, tail bool) ([]byte, error) {
	out, status := tinyflate.Inflate(dst, src, limit, tail)
	switch status {
	case tinyflate.OK:
		return out, nil
	case tinyflate.TooLarge:
		return out, ErrTooLarge
	}
	return out, ErrCorrupt
}

// Deflate appends src compressed at level (1..9, others are taken to the nearest) as raw DEFLATE to dst. With tail set it ends in
// a sync flush whose 00 00 ff ff is removed (RFC 7692 section 7.2.1); without it ends in a final block.
// src is borrowed for the call. The error is always nil.
func Deflate(dst, src []byte, level int, tail bool) ([]byte, error) {
	return tinyflate.Deflate(dst, src, level, tail), nil
}
