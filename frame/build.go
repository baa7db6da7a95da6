package frame

import (
	"encoding/binary"
	"slices"
)

// AppendHeader appends an unmasked frame header to dst, as servers send it. n is the length of the
// payload in bytes and gets its shortest encoding (RFC 6455 section 5.2).
func AppendHeader(dst []byte, op Opcode, fin, rsv1 bool, n int) []byte {
	return appendHeader(dst, firstByte(op, fin, rsv1), 0, n)
}

// firstByte builds the first byte of a frame.
func firstByte(op Opcode, fin, rsv1 bool) byte {
	b := byte(op)
	if fin {
		b |= bitFin
	}
	if rsv1 {
		b |= bitRsv1
	}
	return b
}

// appendHeader appends the first byte and the length with the mask bit.
func appendHeader(dst []byte, first, mask byte, n int) []byte {
	switch {
	case n < length16:
		return append(dst, first, mask|byte(n))
	case n <= 0xffff:
		return append(dst, first, mask|length16, byte(n>>8), byte(n))
	default:
		return binary.BigEndian.AppendUint64(append(dst, first, mask|length64), uint64(n))
	}
}

// AppendFrame appends one complete unmasked frame to dst. It copies payload, which must not exceed
// 125 bytes in a control frame.
func AppendFrame(dst []byte, op Opcode, payload []byte) []byte {
	dst = appendHeader(dst, firstByte(op, true, false), 0, len(payload))
	return append(dst, payload...)
}

// AppendMaskedFrame appends one complete frame to dst, masked with key as clients must send it (RFC
// 6455 section 5.3). It copies payload, which must not overlap the free room after dst and must not
// exceed 125 bytes in a control frame.
func AppendMaskedFrame(dst []byte, op Opcode, rsv1 bool, payload []byte, key [4]byte) []byte {
	dst = slices.Grow(dst, maxHeader+len(payload))
	dst = appendHeader(dst, firstByte(op, true, rsv1), bitMask, len(payload))
	dst = append(dst, key[:]...)
	n := len(dst)
	dst = dst[:n+len(payload)]
	xorKey(dst[n:], payload, binary.LittleEndian.Uint32(key[:]))
	return dst
}
