package message

// Numbers are unsigned LEB128 of at most 64 bits: seven bits per byte, low ones first. The top bit
// is set on all bytes except the last. The shortest form is the only valid one.

// appendUvarint appends v.
func appendUvarint(dst []byte, v uint64) []byte {
	for v >= 0x80 {
		dst = append(dst, byte(v)|0x80)
		v >>= 7
	}
	return append(dst, byte(v))
}

// readUvarint reads the number at b[i:] and returns the index after it. The index is -1 if the
// number is cut short, exceeds 64 bits or is longer than it must be.
func readUvarint(b []byte, i int) (v uint64, next int) {
	if i < len(b) && b[i] < 0x80 {
		return uint64(b[i]), i + 1
	}
	return readLongUvarint(b, i)
}

func readLongUvarint(b []byte, i int) (v uint64, next int) {
	for shift := uint(0); i < len(b) && shift < 64; shift += 7 {
		c := b[i]
		i++
		v |= uint64(c&0x7f) << shift
		if c >= 0x80 {
			continue
		}
		if c == 0 && shift > 0 || shift == 63 && c > 1 {
			return 0, -1
		}
		return v, i
	}
	return 0, -1
}
