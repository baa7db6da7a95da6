package state

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// The kinds of a message, in the low four bits of byte 0, and its flags.
const (
	kindSnapshot = 1
	kindDelta    = 2
	kindEnd      = 3

	flagSchema   = 0x10
	flagInput    = 0x20
	flagChecksum = 0x40
)

// The limits of the wire. Both ends hold them.
const (
	maxFields = 64       // of one struct
	maxTypes  = 64       // of one schema
	maxDepth  = 8        // structs within structs and containers
	maxPlan   = 2048     // fields of a schema with everything that is nested written out
	maxSchema = 64 << 10 // bytes of a schema
	maxSlot   = 1 << 24  // entries of one map or list
	maxWhole  = 1<<53 - 1
)

// appendUvarint appends v as LEB128 in its shortest form.
func appendUvarint(dst []byte, v uint64) []byte {
	for v >= 0x80 {
		dst = append(dst, byte(v)|0x80)
		v >>= 7
	}
	return append(dst, byte(v))
}

func zigzag(v int64) uint64   { return uint64(v)<<1 ^ uint64(v>>63) }
func unzigzag(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }

// appendText appends a string with its length. Each byte that is not UTF-8 becomes U+FFFD.
func appendText(dst []byte, s string) []byte {
	if utf8.ValidString(s) {
		return append(appendUvarint(dst, uint64(len(s))), s...)
	}
	n := 0
	for _, r := range s {
		n += utf8.RuneLen(r)
	}
	dst = appendUvarint(dst, uint64(n))
	for _, r := range s {
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

// appendRaw appends the raw value of a number, as its kind is written.
func appendRaw(dst []byte, k kind, raw uint64) []byte {
	switch k {
	case kindBool:
		return append(dst, byte(raw))
	case kindF32:
		return binary.LittleEndian.AppendUint32(dst, uint32(raw))
	case kindF64:
		return binary.LittleEndian.AppendUint64(dst, raw)
	}
	return appendUvarint(dst, raw)
}

// The bits of the one NaN that is sent, because JavaScript has only one.
const (
	nan32 = 0x7fc00000
	nan64 = 0x7ff8000000000000
)

// bits32 and bits64 return the bits of a float: one NaN, and no negative zero.
func bits32(v float32) uint64 {
	if v != v {
		return nan32
	}
	if v == 0 {
		return 0
	}
	return uint64(math.Float32bits(v))
}

func bits64(v float64) uint64 {
	if v != v {
		return nan64
	}
	if v == 0 {
		return 0
	}
	return math.Float64bits(v)
}
