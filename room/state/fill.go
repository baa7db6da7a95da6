package state

import (
	"math"
	"reflect"
	"slices"
	"unsafe"
)

// fill stores the field's value from the record in the Go struct at p.
func (f *field) fill(p unsafe.Pointer, r *record) {
	if f.to == nil || p == nil {
		return
	}
	q := unsafe.Add(p, f.to.off)
	switch f.kind {
	case kindString:
		*(*string)(q) = r.texts[f.at]
	case kindBytes:
		*(*[]byte)(q) = append([]byte(nil), r.blobs[f.at]...)
	case kindScalars:
		fillSlice(f.el, f.el.to, q, f.to.entry, r.blobs[f.at])
	default:
		f.store(f.to, q, r.nums[f.at])
	}
}

// fillZeros stores the values of a record whose fields are zero, because the zero of a range or of
// an enum need not be that of Go. The key of a list's entry is among them.
func (p *plan) fillZeros(to unsafe.Pointer, r *record) {
	for i := range p.fields {
		f := &p.fields[i]
		switch {
		case f.kind == kindStruct:
			f.sub.fillZeros(to, r)
		case f.kind.number() || f.key:
			f.fill(to, r)
		}
	}
}

// store writes a number, bool or word to memory at q, as the field to of the Go struct has it.
func (f *field) store(to *field, q unsafe.Pointer, raw uint64) {
	switch to.mem {
	case reflect.Bool:
		*(*bool)(q) = raw == 1
	case reflect.String:
		*(*string)(q) = f.words[raw]
	case reflect.Float32:
		*(*float32)(q) = float32(f.float(raw))
	case reflect.Float64:
		*(*float64)(q) = f.float(raw)
	default:
		v := int64(raw)
		if f.kind != kindEnum {
			v = f.integer(raw)
		} else if to.kind == kindEnum {
			v = int64(slices.Index(to.words, f.words[raw])) // -1 if the Go struct does not know it
		}
		storeInteger(to.mem, q, v)
	}
}

// storeInteger writes v, or the nearest that fits.
func storeInteger(mem reflect.Kind, q unsafe.Pointer, v int64) {
	switch mem {
	case reflect.Int:
		*(*int)(q) = int(max(math.MinInt, min(math.MaxInt, v)))
	case reflect.Int64:
		*(*int64)(q) = v
	case reflect.Int32:
		*(*int32)(q) = int32(max(math.MinInt32, min(math.MaxInt32, v)))
	case reflect.Int16:
		*(*int16)(q) = int16(max(math.MinInt16, min(math.MaxInt16, v)))
	case reflect.Int8:
		*(*int8)(q) = int8(max(math.MinInt8, min(math.MaxInt8, v)))
	case reflect.Uint:
		*(*uint)(q) = uint(max(0, v))
	case reflect.Uint64:
		*(*uint64)(q) = uint64(max(0, v))
	case reflect.Uint32:
		*(*uint32)(q) = uint32(max(0, min(math.MaxUint32, v)))
	case reflect.Uint16:
		*(*uint16)(q) = uint16(max(0, min(math.MaxUint16, v)))
	case reflect.Uint8:
		*(*uint8)(q) = uint8(max(0, min(math.MaxUint8, v)))
	}
}

// connect finds for each field of the server's plan the one of the Go struct with the same name. A
// field that only one of them has is left out.
func (p *plan) connect(goes *plan, path string) error {
	for i := range p.fields {
		f := &p.fields[i]
		for j := range goes.fields {
			if to := &goes.fields[j]; to.name == f.name {
				if err := f.connect(to, path+"."+f.name); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (f *field) connect(to *field, path string) error {
	wrong := func() error {
		return invalid(path, "the server sends a %s, and the Go field is a %s: give both the same "+
			"type", kindNames[f.kind], kindNames[to.kind])
	}
	switch f.kind {
	case kindStruct, kindScalars, kindBytes, kindMap, kindList, kindString:
		if to.kind != f.kind {
			return wrong()
		}
	case kindBool:
		if to.mem != reflect.Bool {
			return wrong()
		}
	case kindEnum:
		if to.mem != reflect.String && !whole(to.mem) {
			return wrong()
		}
	case kindFixed, kindF32, kindF64:
		if to.mem != reflect.Float32 && to.mem != reflect.Float64 {
			return wrong()
		}
	default:
		if to.mem != reflect.Float32 && to.mem != reflect.Float64 && !whole(to.mem) {
			return wrong()
		}
	}
	f.to = to
	switch f.kind {
	case kindStruct:
		return f.sub.connect(to.sub, path)
	case kindScalars:
		return f.el.connect(to.el, path)
	case kindMap, kindList:
		if f.keyKind != to.keyKind || f.sub.scalar != to.sub.scalar {
			return invalid(path, "keys or entries are of another type on the server: give both "+
				"the same types")
		}
		if f.sub.scalar {
			return f.sub.fields[0].connect(&to.sub.fields[0], path)
		}
		return f.sub.connect(to.sub, path)
	}
	return nil
}

// whole tells whether values of the kind are integers in memory.
func whole(mem reflect.Kind) bool { return mem >= reflect.Int && mem <= reflect.Uint64 }
