package state

import (
	"math"
	"reflect"
	"unsafe"
)

// kind is what a field is on the wire.
type kind uint8

const (
	kindBool kind = iota + 1
	kindUint
	kindInt
	kindFixed
	kindF32
	kindF64
	kindString
	kindBytes
	kindEnum
	kindStruct
	kindScalars
	kindMap
	kindList
)

var kindNames = [...]string{
	kindBool: "bool", kindUint: "uint", kindInt: "int", kindFixed: "fixed", kindF32: "f32",
	kindF64: "f64", kindString: "string", kindBytes: "bytes", kindEnum: "enum",
	kindStruct: "struct", kindScalars: "scalars", kindMap: "map", kindList: "list",
}

type (
	adder   func(container unsafe.Pointer, num uint64, text string) (uint32, unsafe.Pointer)
	remover func(container unsafe.Pointer, slot uint32)
)

// plan is a struct as it is compared, encoded and decoded. The plans of nested structs lie in the
// record of the struct around them: their offsets and indexes count from there.
type plan struct {
	name   string
	number int // in the schema's list of types
	fields []field
	scalar bool // of a map of scalars: one field, without a mask
	key    int  // of a list's entries: index of the key field; else -1

	// How much a record of this plan holds. They are 0 in the plan of a nested struct.
	nums, texts, blobs, kids, leaves int
}

// field is one field of a plan.
type field struct {
	name  string
	path  []string // of a decoder: names from the record's struct to the field
	kind  kind
	owner bool
	key   bool // it is the key of a list's entries, which is sent before the struct

	mem  reflect.Kind // of what lies in memory
	size uintptr      // of what lies in memory
	off  uintptr      // from the beginning of the record's struct
	leaf int          // index in the record's ticks
	at   int          // index in the record's nums, texts, blobs or kids

	ranged  bool // there is a min
	bounded bool // there is a max
	lo, hi  int64
	min     float64 // of fixed
	max     float64
	step    float64
	limit   uint64 // largest raw value
	zero    uint64 // raw value of zero
	exact   bool   // of fixed: 0 is in the range, and the step nearest to it is exactly 0
	words   []string

	el      *field // of scalars
	sub     *plan  // of a struct; of a map's or list's entries
	keyKind kind   // of a map or list: kindString, kindInt or kindUint
	add     adder
	remove  remover
	entry   reflect.Type // of a map's or list's entries; of scalars, the slice

	to *field // of a decoder: the field of the Go struct, nil if it has none
}

// settle computes limit and zero of a number. It is called once all else is known.
func (f *field) settle() {
	switch f.kind {
	case kindBool:
		f.limit = 1
	case kindEnum:
		f.limit = uint64(len(f.words) - 1)
	case kindF32:
		f.limit = math.MaxUint32
	case kindF64:
		f.limit = math.MaxUint64
	case kindUint, kindInt:
		f.settleWhole()
	case kindFixed:
		f.settleFixed()
	}
}

func (f *field) settleWhole() {
	if !f.bounded {
		f.hi = maxWhole
	}
	switch {
	case f.ranged:
		f.limit = uint64(f.hi - f.lo)
		if f.lo <= 0 && f.hi >= 0 {
			f.zero = uint64(-f.lo)
		}
	case f.kind == kindUint:
		f.limit = uint64(f.hi)
	default:
		f.lo = -maxWhole
		f.limit = 2 * maxWhole
	}
}

func (f *field) settleFixed() {
	switch {
	case !f.ranged:
		f.limit = 2 * maxWhole
	case !f.bounded:
		f.limit = maxWhole
	default:
		f.limit = uint64(math.Floor((f.max-f.min)/f.step + 0.5))
	}
	if f.exact = !f.ranged || f.min <= 0 && (!f.bounded || f.max >= 0); f.exact {
		f.zero = f.fixed(0)
	}
}

// fixed returns the raw value of a float with a step.
func (f *field) fixed(v float64) uint64 {
	q := math.Floor((v-f.min)/f.step + 0.5)
	if !f.ranged {
		switch {
		case q != q:
			return 0
		case q > maxWhole:
			q = maxWhole
		case q < -maxWhole:
			q = -maxWhole
		}
		return zigzag(int64(q))
	}
	if !(q > 0) {
		return 0
	}
	if q >= float64(f.limit) {
		return f.limit
	}
	return uint64(q)
}

// whole returns the raw value of an integer, and whether it fits without being clamped.
func (f *field) whole(v int64) (uint64, bool) {
	c := max(f.lo, min(f.hi, v))
	if f.ranged || f.kind == kindUint {
		return uint64(c - f.lo), c == v || f.bounded
	}
	return zigzag(c), c == v
}

// integer is the inverse of whole.
func (f *field) integer(raw uint64) int64 {
	if f.ranged || f.kind == kindUint {
		return f.lo + int64(raw)
	}
	return unzigzag(raw)
}

// float returns the value of a raw number of any kind but bool and enum.
func (f *field) float(raw uint64) float64 {
	switch f.kind {
	case kindF32:
		return float64(math.Float32frombits(uint32(raw)))
	case kindF64:
		return math.Float64frombits(raw)
	case kindFixed:
		if f.exact && raw == f.zero {
			return 0
		}
		q := float64(raw)
		if !f.ranged {
			q = float64(unzigzag(raw))
		}
		return f.min + float64(q*f.step) // the conversion keeps the two apart on every processor
	}
	return float64(f.integer(raw))
}

// number tells whether values of the kind lie in a record's nums.
func (k kind) number() bool {
	return k >= kindBool && k <= kindF64 || k == kindEnum
}

// place gives each field its index in the record, and the record of root its size.
func (p *plan) place(root *plan) {
	for i := range p.fields {
		f := &p.fields[i]
		f.leaf = root.leaves
		switch f.kind {
		case kindStruct:
			f.sub.place(root)
			continue
		case kindString:
			f.at, root.texts = root.texts, root.texts+1
		case kindBytes, kindScalars:
			f.at, root.blobs = root.blobs, root.blobs+1
		case kindMap, kindList:
			f.at, root.kids = root.kids, root.kids+1
			f.sub.place(f.sub)
		case kindFixed: // the second number is the float as it was last seen
			f.at, root.nums = root.nums, root.nums+2
		default:
			f.at, root.nums = root.nums, root.nums+1
		}
		root.leaves++
	}
}
