package frame

import (
	"crypto/subtle"
	"encoding/binary"
	"math/bits"
)

// Mask XORs p with key in place. p starts at byte pos of the payload (RFC 6455 section 5.3).
// Applying it twice restores p.
func Mask(p []byte, key [4]byte, pos int) {
	xorKey(p, p, turnKey(binary.LittleEndian.Uint32(key[:]), pos))
}

// turnKey turns a key that fits some payload byte so that it fits the byte n places later.
func turnKey(key uint32, n int) uint32 {
	return bits.RotateLeft32(key, -8*(n&3))
}

// longMask is the length in bytes from which the vectorised XOR of the standard library is faster
// than 32 bytes at a time. It is faster although it needs a pattern and text must then be examined
// a second time (BenchmarkMask).
const longMask = 4096

const nonASCII = 0x8080808080808080

// xorKey writes src XOR the repeated key to dst. dst is at least as long as src, and is src itself
// or does not overlap it. The lowest byte of key belongs to src[0]. If ascii is true, everything
// written is ASCII and therefore UTF-8. If it is false, something is not ASCII or nobody looked.
func xorKey(dst, src []byte, key uint32) (ascii bool) {
	if len(src) >= longMask {
		xorLong(dst, src, key)
		return false
	}
	var seen uint64
	k := uint64(key)<<32 | uint64(key)
	for len(src) >= 32 && len(dst) >= 32 {
		a := binary.LittleEndian.Uint64(src[0:8]) ^ k
		b := binary.LittleEndian.Uint64(src[8:16]) ^ k
		c := binary.LittleEndian.Uint64(src[16:24]) ^ k
		d := binary.LittleEndian.Uint64(src[24:32]) ^ k
		binary.LittleEndian.PutUint64(dst[0:8], a)
		binary.LittleEndian.PutUint64(dst[8:16], b)
		binary.LittleEndian.PutUint64(dst[16:24], c)
		binary.LittleEndian.PutUint64(dst[24:32], d)
		seen |= a | b | c | d
		src, dst = src[32:], dst[32:]
	}
	for len(src) >= 8 && len(dst) >= 8 {
		a := binary.LittleEndian.Uint64(src) ^ k
		binary.LittleEndian.PutUint64(dst, a)
		seen |= a
		src, dst = src[8:], dst[8:]
	}
	if len(src) >= 4 && len(dst) >= 4 {
		a := binary.LittleEndian.Uint32(src) ^ key
		binary.LittleEndian.PutUint32(dst, a)
		seen |= uint64(a)
		src, dst = src[4:], dst[4:]
	}
	for i := range src {
		b := src[i] ^ byte(k)
		dst[i] = b
		seen |= uint64(b)
		k >>= 8
	}
	return seen&nonASCII == 0
}

// xorLong is xorKey for long payloads. It XORs against a repeated pattern of the key.
func xorLong(dst, src []byte, key uint32) {
	var pattern [2048]byte
	const seed = 64
	k := uint64(key)<<32 | uint64(key)
	for i := 0; i < seed; i += 8 {
		binary.LittleEndian.PutUint64(pattern[i:i+8], k)
	}
	for n := seed; n < len(pattern); n *= 2 {
		copy(pattern[n:], pattern[:n])
	}
	for len(src) > 0 {
		n := subtle.XORBytes(dst, src, pattern[:min(len(src), len(pattern))])
		src, dst = src[n:], dst[n:]
	}
}
