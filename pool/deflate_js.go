package pool

import "github.com/smartsocket/smartsocket/pool/tinyflate"

// Inflate appends the decompressed form of the raw DEFLATE stream src (RFC 1951) to dst and returns
// the result. It never produces more than limit bytes. A stream that would produce more returns
// ErrTooLarge. Truncated or invalid input returns ErrCorrupt, and so does input after the final
// block. After an error the result is dst at its old length. If tail is set, src is taken to be
// followed by the four bytes 00 00 ff ff and an empty final block, as RFC 7692 section 7.2.2
// requires, and blocks may follow a final block (section 7.2.1). src is borrowed until return.
func Inflate(dst, src []byte, limit int, tail bool) ([]byte, error) {
	return inflateTiny(dst, src, limit, tail)
}

// Deflate appends src, compressed at level, to dst as raw DEFLATE. level is 1 to 9; other values
// are replaced by the nearest of these. If tail is set the output ends in a sync flush whose 00 00
// ff ff is removed (RFC 7692 section 7.2.1), otherwise in a final block. src is borrowed until
// return. The error is always nil.
func Deflate(dst, src []byte, level int, tail bool) ([]byte, error) {
	return tinyflate.Deflate(dst, src, level, tail), nil
}
