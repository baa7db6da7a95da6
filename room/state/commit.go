package state

import (
	"bytes"
	"math"
	"reflect"
	"unicode/utf8"
	"unsafe"

	"github.com/smartsocket/smartsocket/message"
)

// load returns the integer in memory at p, and whether it fits into an int64.
func load(mem reflect.Kind, p unsafe.Pointer) (int64, bool) {
	switch mem {
	case reflect.Int:
		return int64(*(*int)(p)), true
	case reflect.Int64:
		return *(*int64)(p), true
	case reflect.Int32:
		return int64(*(*int32)(p)), true
	case reflect.Int16:
		return int64(*(*int16)(p)), true
	case reflect.Int8:
		return int64(*(*int8)(p)), true
	case reflect.Uint32:
		return int64(*(*uint32)(p)), true
	case reflect.Uint16:
		return int64(*(*uint16)(p)), true
	case reflect.Uint8:
		return int64(*(*uint8)(p)), true
	}
	v := loadWord(mem, p)
	return int64(v & math.MaxInt64), v <= math.MaxInt64
}

func loadWord(mem reflect.Kind, p unsafe.Pointer) uint64 {
	if mem == reflect.Uint {
		return uint64(*(*uint)(p))
	}
	return *(*uint64)(p)
}

// raw returns the number in memory at p as it is sent. old is the raw value that it had. It is
// false for a number or word that the field cannot say.
func (f *field) raw(p unsafe.Pointer, old uint64) (uint64, bool) {
	switch f.kind {
	case kindBool:
		if *(*bool)(p) {
			return 1, true
		}
		return 0, true
	case kindF32:
		return bits32(*(*float32)(p)), true
	case kindF64:
		return bits64(*(*float64)(p)), true
	case kindFixed:
		if f.mem == reflect.Float32 {
			return f.fixed(float64(*(*float32)(p))), true
		}
		return f.fixed(*(*float64)(p)), true
	case kindEnum:
		return f.word(p, old)
	}
	v, ok := load(f.mem, p)
	if !ok {
		v = math.MaxInt64
	}
	return f.whole(v)
}

// word returns the index of the enum's word in memory at p.
func (f *field) word(p unsafe.Pointer, old uint64) (uint64, bool) {
	if f.mem != reflect.String {
		v, ok := load(f.mem, p)
		if !ok || v < 0 || uint64(v) > f.limit {
			return old, false
		}
		return uint64(v), true
	}
	s := *(*string)(p)
	if s == f.words[old] {
		return old, true
	}
	for i, w := range f.words {
		if s == w {
			return uint64(i), true
		}
	}
	if s == "" {
		return 0, true
	}
	return old, false
}

// appendScalars appends the slice in memory at p: its count and its values.
func (f *field) appendScalars(dst []byte, p unsafe.Pointer) ([]byte, bool) {
	type slice struct {
		data unsafe.Pointer
		n, _ int
	}
	s, el, fits := (*slice)(p), f.el, true
	dst = appendUvarint(dst, uint64(s.n))
	for i := range s.n {
		q := unsafe.Add(s.data, uintptr(i)*el.size)
		if el.kind == kindString {
			dst = appendText(dst, *(*string)(q))
			continue
		}
		raw, ok := el.raw(q, 0)
		fits = fits && ok
		dst = appendRaw(dst, el.kind, raw)
	}
	return dst, fits
}

// compare finds what changed in the struct at p since the record was made, and updates the record.
func (e *Encoder) compare(p *plan, at unsafe.Pointer, r *record) bool {
	changed := false
	for i := range p.fields {
		f := &p.fields[i]
		q := unsafe.Add(at, f.off)
		var diff bool
		switch f.kind {
		case kindFixed:
			diff = f.compareFixed(q, r)
		case kindString:
			if s := *(*string)(q); s != r.texts[f.at] {
				r.texts[f.at], diff = s, true
			}
		case kindBytes:
			if b := *(*[]byte)(q); !bytes.Equal(b, r.blobs[f.at]) {
				r.blobs[f.at], diff = append(r.blobs[f.at][:0], b...), true
			}
		case kindScalars:
			diff = e.compareScalars(f, q, r)
		case kindStruct:
			changed = e.compare(f.sub, at, r) || changed
			continue
		case kindMap, kindList:
			changed = e.compareEntries(f, (*table)(q), r.kids[f.at]) || changed
			continue
		default:
			raw, ok := f.raw(q, r.nums[f.at])
			if !ok {
				e.complainNumber(f, q)
			}
			if raw != r.nums[f.at] {
				r.nums[f.at], diff = raw, true
			}
		}
		if diff {
			r.commits[f.leaf], changed = e.commits, true
		}
	}
	if changed {
		r.changed = e.commits
	}
	return changed
}

// compareFixed quantises only what is no longer the same float, because that takes a division.
func (f *field) compareFixed(q unsafe.Pointer, r *record) bool {
	var bits uint64
	if f.mem == reflect.Float32 {
		bits = uint64(math.Float32bits(*(*float32)(q)))
	} else {
		bits = math.Float64bits(*(*float64)(q))
	}
	if bits == r.nums[f.at+1] {
		return false
	}
	r.nums[f.at+1] = bits
	raw, _ := f.raw(q, 0)
	if raw == r.nums[f.at] {
		return false
	}
	r.nums[f.at] = raw
	return true
}

// compareScalars encodes the slice to compare it: there is nothing shorter that tells a change.
func (e *Encoder) compareScalars(f *field, q unsafe.Pointer, r *record) bool {
	had := r.blobs[f.at]
	if len(*(*[]struct{})(q)) == 0 && len(had) == 0 {
		return false
	}
	var fits bool
	e.scratch, fits = f.appendScalars(e.scratch[:0], q)
	if !fits {
		e.complain(f, "", "%s: a value does not fit into the %s: change the values, or the type",
			f.name, kindNames[f.el.kind])
	}
	if len(e.scratch) == 1 && e.scratch[0] == 0 {
		e.scratch = e.scratch[:0] // an empty list has no bytes, as in a new record
	}
	if bytes.Equal(e.scratch, had) {
		return false
	}
	r.blobs[f.at] = append(had[:0], e.scratch...)
	return true
}

// complaint is what Commit has complained about, so that it does not at each tick.
type complaint struct {
	field *field
	value string
}

const maxComplaints = 256

// complain keeps the first error of a Commit.
func (e *Encoder) complain(f *field, value, format string, args ...any) {
	c := complaint{f, value}
	if e.complaints[c] || len(e.complaints) == maxComplaints {
		return
	}
	if e.complaints == nil {
		e.complaints = make(map[complaint]bool)
	}
	e.complaints[c] = true
	if e.err == nil {
		e.err = invalid("commit", format, args...).(*message.Error)
	}
}

// complainNumber says that a number or word in memory at q cannot be sent.
func (e *Encoder) complainNumber(f *field, q unsafe.Pointer) {
	switch {
	case f.kind == kindEnum && f.mem == reflect.String:
		s := *(*string)(q)
		e.complain(f, s, "%q is no word of the enum %s, which keeps its value: add it to the tag",
			s, f.name)
	case f.kind == kindEnum:
		v, _ := load(f.mem, q)
		e.complain(f, "", "%d is no word of the enum %s, which keeps its value: add words to the "+
			"tag", v, f.name)
	default:
		e.complain(f, "", "%s does not fit into 53 bits, which is all that JavaScript can count: "+
			"it is clamped, send it as a string", f.name)
	}
}

// validKey tells whether an entry with this key can be sent.
func (e *Encoder) validKey(f *field, it *item) bool {
	ok := utf8.ValidString(it.text)
	switch f.keyKind {
	case kindInt:
		ok = it.num <= 2*maxWhole
	case kindUint:
		ok = it.num <= maxWhole
	}
	if !ok && f.keyKind == kindString {
		e.complain(f, it.text, "the key %q of %s is not UTF-8, its entry is not sent: change the "+
			"key", it.text, f.name)
	} else if !ok {
		e.complain(f, "", "a key of %s does not fit into 53 bits, its entry is not sent: use "+
			"strings", f.name)
	}
	return ok
}
