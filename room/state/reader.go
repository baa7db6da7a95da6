package state

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/smartsocket/smartsocket/message"
)

// refused returns the error about a message that is not what docs/STATE.md describes.
func refused(what string) *message.Error {
	return message.New(message.CodeInvalidFormat, "state: "+what+": see docs/STATE.md; ask for a "+
		"snapshot")
}

// The ways in which a message can be wrong. They are made once, so that hostile messages cost
// nothing.
var (
	errShort    = refused("the message ends too early")
	errLong     = refused("the message goes on behind its end")
	errNumber   = refused("a number is longer than it must be, or above 64 bits")
	errValue    = refused("a value is out of its range")
	errText     = refused("a string is not UTF-8")
	errMask     = refused("a mask has a bit without a field")
	errKey      = refused("the key of a list's entry is among its fields")
	errSlot     = refused("slots do not ascend, or are too large")
	errUnknown  = refused("a change of an entry that is not there")
	errOrder    = refused("an order does not have each entry once")
	errCount    = refused("a count is larger than the rest of the message")
	errKind     = refused("unknown kind or flags of a message")
	errNoSchema = refused("a snapshot without a schema, and none came before")
	errBase     = refused("a change of another state than the one that is here")
	errChecksum = refused("the checksum differs, the state has drifted")
	errMemory   = refused("the entries need far more memory than the message has bytes")
	errSettings = refused("a time or a step is out of range")
)

// reader reads a message. After the first error all reads return zero.
type reader struct {
	b   []byte
	i   int
	err *message.Error
}

func (r *reader) fail(err *message.Error) {
	if r.err == nil {
		r.err = err
		r.i = len(r.b)
	}
}

func (r *reader) rest() int { return len(r.b) - r.i }

func (r *reader) byte() byte {
	if r.i >= len(r.b) {
		r.fail(errShort)
		return 0
	}
	r.i++
	return r.b[r.i-1]
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(r.rest()) {
		r.fail(errShort)
		return nil
	}
	r.i += int(n)
	return r.b[r.i-int(n) : r.i]
}

func (r *reader) uvarint() uint64 {
	v := uint64(0)
	for shift := uint(0); shift < 64; shift += 7 {
		c := r.byte()
		if r.err != nil {
			return 0
		}
		v |= uint64(c&0x7f) << shift
		if c >= 0x80 {
			continue
		}
		if c == 0 && shift > 0 || shift == 63 && c > 1 {
			break
		}
		return v
	}
	r.fail(errNumber)
	return 0
}

// count reads a number of things that take at least one byte each.
func (r *reader) count() int {
	n := r.uvarint()
	if n > uint64(r.rest()) {
		r.fail(errCount)
		return 0
	}
	return int(n)
}

// text reads a string and borrows it.
func (r *reader) text() []byte {
	b := r.take(r.uvarint())
	if !utf8.Valid(b) {
		r.fail(errText)
		return nil
	}
	return b
}

// number reads the raw value of a field.
func (r *reader) number(f *field) uint64 {
	var raw uint64
	switch f.kind {
	case kindBool:
		raw = uint64(r.byte())
	case kindF32:
		if b := r.take(4); b != nil {
			raw = uint64(binary.LittleEndian.Uint32(b))
		}
	case kindF64:
		if b := r.take(8); b != nil {
			raw = binary.LittleEndian.Uint64(b)
		}
	default:
		raw = r.uvarint()
	}
	if raw > f.limit {
		r.fail(errValue)
		return 0
	}
	return raw
}

// scalars reads a list of scalars and borrows its bytes with the count, none if it is empty.
func (r *reader) scalars(el *field) []byte {
	from := r.i
	n := r.count()
	for range n {
		if el.kind == kindString {
			r.text()
		} else {
			r.number(el)
		}
		if r.err != nil {
			return nil
		}
	}
	if n == 0 {
		return nil
	}
	return r.b[from:r.i]
}

// slot reads the next of ascending slots; last is the one before, or -1.
func (r *reader) slot(last int64, shift int) (slot int64, rest uint64) {
	v := r.uvarint()
	s := v >> shift
	if s >= maxSlot || int64(s) <= last {
		r.fail(errSlot)
		return last, 0
	}
	return int64(s), v & 1
}
