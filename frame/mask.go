package frame

import (
	"crypto/subtle"
	"encoding/binary"
	"math/bits"
)

// Mask XORs p with key in place, starting at byte offset pos of the payload
// (RFC 6455 section 5.3). Applying it twice gives p back.
func Mask(p []byte, key [4]byte, pos int) {
	k := bits.RotateLeft32(binary.LittleEndian.Uint32(key[:]), -8*(pos&3))
	xorKey(p, p, k)
}

// longMask is the length from which the vectorised XOR of the standard library
// beats eight bytes at a time, in spite of the pattern it needs.
const longMask = 256

// xorKey writes src XOR the repeated key to dst and returns the key turned so
// that it fits the byte behind src. dst is at least as long as src and is src
// itself or does not overlap it. The key's lowest byte belongs to src[0].
func xorKey(dst, src []byte, key uint32) uint32 {
	next := bits.RotateLeft32(key, -8*(len(src)&3))
	if len(src) >= longMask {
		xorLong(dst, src, key)
		return next
	}
	k := uint64(key)<<32 | uint64(key)
	for len(src) >= 8 && len(dst) >= 8 {
		binary.LittleEndian.PutUint64(dst, binary.LittleEndian.Uint64(src)^k)
		src, dst = src[8:], dst[8:]
	}
	for i := range src {
		dst[i] = src[i] ^ byte(k)
		k >>= 8
	}
	return next
}

// xorLong is xorKey for long payloads: XOR against a repeated pattern of the key.
func xorLong(dst, src []byte, key uint32) {
	var pattern [1024]byte
	k := uint64(key)<<32 | uint64(key)
	n := min(len(src)+7, len(pattern)) &^ 7
	for i := 0; i < n; i += 8 {
		binary.LittleEndian.PutUint64(pattern[i:i+8], k)
	}
	for len(src) > 0 {
		n := subtle.XORBytes(dst, src, pattern[:min(len(src), len(pattern))])
		src, dst = src[n:], dst[n:]
	}
}
