package pool

// Inflate appends the decompressed form of the raw DEFLATE stream src (RFC 1951)
// to dst and returns the result. It never produces more than limit bytes: a
// stream that would returns ErrTooLarge having grown dst by at most limit plus
// one 16 KiB step. Truncated or invalid input, and input after the final block, return ErrCorrupt.
// With tail set, the four bytes 00 00 ff ff and an empty final block are
// understood to follow src, as RFC 7692 section 7.2.2 requires. src is borrowed for the call. Safe for concurrent use.
func Inflate(dst, src []byte, limit int, tail bool) ([]byte, error) { panic("contract") }

// Deflate appends src compressed at level (1..9) as raw DEFLATE to dst. With tail set it ends in
// a sync flush whose 00 00 ff ff is removed (RFC 7692 section 7.2.1); without it ends in a final block.
// No context is kept between calls. src is borrowed for the call. Safe for concurrent use.
func Deflate(dst, src []byte, level int, tail bool) ([]byte, error) { panic("contract") }
