package message

import "math/bits"

// fields iterates over the fields of a record.
type fields struct {
	rest  []byte
	id    uint64
	value []byte
	seen  uint64 // a bit per id below 64, which covers every known id
	err   error
}

func openRecord(b []byte, k Kind) fields {
	if len(b) == 0 || b[0] != byte(k) {
		return fields{err: errRecordKind}
	}
	return fields{rest: b[1:]}
}

// next moves to the next field. It returns false at the end of the record and after an error.
func (f *fields) next() bool {
	if len(f.rest) == 0 || f.err != nil {
		return false
	}
	id, i := readUvarint(f.rest, 0)
	if i < 0 {
		f.err = errNumber
		return false
	}
	n, i := readUvarint(f.rest, i)
	if i < 0 {
		f.err = errNumber
		return false
	}
	if n > uint64(len(f.rest)-i) {
		f.err = errCut
		return false
	}
	if id < 64 {
		if f.seen>>id&1 != 0 {
			f.err = errRecordRepeated
			return false
		}
		f.seen |= 1 << id
	}
	end := i + int(n)
	f.id, f.value, f.rest = id, f.rest[i:end:end], f.rest[end:]
	return true
}

// number returns the field's value, which must be exactly one uvarint.
func (f *fields) number() uint64 {
	v, i := readUvarint(f.value, 0)
	if i != len(f.value) {
		f.err = errRecordField
		return 0
	}
	return v
}

// sized returns the field's value if it has 1 to limit bytes, in whole units.
func (f *fields) sized(unit, limit int) []byte {
	if n := len(f.value); n == 0 || n > limit || n%unit != 0 {
		f.err = errRecordField
		return nil
	}
	return f.value
}

func bit(v bool) uint64 {
	if v {
		return 1
	}
	return 0
}

func appendNumber(dst []byte, id, v uint64) []byte {
	if v == 0 {
		return dst
	}
	dst = append(dst, byte(id), byte((bits.Len64(v)+6)/7))
	return appendUvarint(dst, v)
}

func appendBytes(dst []byte, id byte, v []byte) []byte {
	if len(v) == 0 {
		return dst
	}
	dst = append(dst, id)
	dst = appendUvarint(dst, uint64(len(v)))
	return append(dst, v...)
}
