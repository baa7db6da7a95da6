// Package bounds fills the zero fields of a struct with their defaults and checks that the others
// are in their ranges. Struct tags say both, so that a field, its default and its range stand on
// one line:
//
//	MaxConnections int           `default:"10_000" min:"1" max:"16Mi"`
//	MaxOutboxBytes int           `default:"1MiB" min:"1" max:"1GiB"`
//	AckTimeout     time.Duration `default:"30s" min:"1ms"`
//	SendBuffer     int           `zero:"the kernel's choice" min:"1" max:"1GiB"`
//
// The tags are:
//
//   - default is the value that replaces zero. Strings have no other tag.
//   - min is the smallest value. A field without it may have any value.
//   - max is the largest value of a number. Without it that is math.MaxInt.
//   - zero says what 0 means for a field that has a range and no default, as in "or 0 for …".
//
// Numbers are written as in Go. They may end in Ki, Mi or Gi, and for bytes in KiB, MiB or GiB.
// Durations are written as for time.ParseDuration. Fields without these tags are left alone.
//
// What no range can express has rules of its own, which the caller lists for First: see rules.go.
//
// The package remembers what it has read of each type, and holds no locks. Read bounds.go, then
// rules.go.
package bounds

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Violation says which field is out of its range.
type Violation struct {
	Field string // Go name of the field
	Fix   string // what is wrong with the value and what to give instead
}

// Fill fills the zero fields of options, a pointer to a struct, and checks the ranges in the order
// of the fields. It returns the first violation, or nil. The fields behind that one are left as
// they are.
//
// computed has the defaults that only the running program knows, by field name. They take the
// place of default tags.
//
// Fill panics on a tag that it cannot read, because such a tag is a mistake of the program.
func Fill(options any, computed map[string]int) *Violation {
	all := reflect.ValueOf(options).Elem()
	for _, r := range rulesOf(all.Type()) {
		v, def := all.Field(r.index), r.def
		if n, ok := computed[r.name]; ok {
			def = reflect.ValueOf(n).Convert(v.Type())
		}
		if r.limited && !r.zeroMeans && !def.IsValid() {
			panic(fmt.Sprintf("the tags of field %s do not say what 0 does", r.name))
		}
		if def.IsValid() && v.IsZero() {
			v.Set(def)
		}
		if fix := r.check(v, def); fix != "" {
			return &Violation{Field: r.name, Fix: fix}
		}
	}
	return nil
}

// rule is what the tags of one field say.
type rule struct {
	index     int
	name      string
	def       reflect.Value // the zero Value is none
	limited   bool          // by low and high
	low, high reflect.Value
	zero      string // what 0 means
	zeroMeans bool   // there is a zero
}

// known has the rules of each type, which do not change: reading them costs more than all else.
var known sync.Map

// rulesOf reads the tags of a struct.
func rulesOf(t reflect.Type) []rule {
	if list, ok := known.Load(t); ok {
		return list.([]rule)
	}
	var list []rule
	for i := range t.NumField() {
		f := t.Field(i)
		r := rule{index: i, name: f.Name}
		if def, ok := f.Tag.Lookup("default"); ok {
			r.def = read(f, def)
		}
		r.zero, r.zeroMeans = f.Tag.Lookup("zero")
		if least, ok := f.Tag.Lookup("min"); ok {
			r.limited = true
			r.low, r.high = read(f, least), reflect.ValueOf(math.MaxInt)
		}
		if most, ok := f.Tag.Lookup("max"); ok && f.Type != duration {
			r.high = read(f, most)
		}
		list = append(list, r)
	}
	known.Store(t, list)
	return list
}

// check returns the fix for v, whose default is def, or "" if v is in its range.
func (r *rule) check(v, def reflect.Value) (fix string) {
	if !r.limited || r.zeroMeans && v.IsZero() ||
		r.low.Int() <= v.Int() && v.Int() <= r.high.Int() {
		return ""
	}
	zero := r.zero
	if !r.zeroMeans {
		zero = fmt.Sprint("the default ", def)
	}
	if v.Type() == duration {
		return fmt.Sprintf("%v is too short: use at least %v, or 0 for %s", v, r.low, zero)
	}
	return fmt.Sprintf("%v is out of range: use %v..%v, or 0 for %s", v, r.low, r.high, zero)
}

var duration = reflect.TypeFor[time.Duration]()

// units are the endings of a number, with the count of bits by which each shifts it.
var units = []struct {
	suffix string
	shift  int
}{{"Ki", 10}, {"Mi", 20}, {"Gi", 30}}

// read returns the text of a tag as a value of f's type.
func read(f reflect.StructField, text string) reflect.Value {
	v := reflect.New(f.Type).Elem()
	var err error
	switch {
	case f.Type == duration:
		var d time.Duration
		d, err = time.ParseDuration(text)
		v.SetInt(int64(d))
	case v.Kind() == reflect.Int:
		var n int
		n, err = readNumber(text)
		v.SetInt(int64(n))
	case v.Kind() == reflect.String:
		v.SetString(text)
	default:
		err = fmt.Errorf("fields of type %v have no bounds", f.Type)
	}
	if err != nil {
		panic(fmt.Sprintf("the tag %q of field %s: %v", text, f.Name, err))
	}
	return v
}

func readNumber(text string) (int, error) {
	shift := 0
	text = strings.TrimSuffix(text, "B")
	for _, u := range units {
		if rest, ok := strings.CutSuffix(text, u.suffix); ok {
			text, shift = rest, u.shift
		}
	}
	n, err := strconv.ParseInt(text, 0, strconv.IntSize-shift)
	return int(n) << shift, err
}

// Differences names the fields in which two structs of one type differ, of those that have a name
// in their config tag: the ones with a reload tag, and the others. a and b are pointers. A nil list
// is like an empty one.
func Differences(a, b any) (changed, fixed []string) {
	x, y := reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem()
	for i := range x.NumField() {
		f := x.Type().Field(i)
		if f.Tag.Get("config") == "-" || alike(x.Field(i), y.Field(i)) {
			continue
		}
		if f.Tag.Get("reload") != "" {
			changed = append(changed, f.Name)
		} else {
			fixed = append(fixed, f.Name)
		}
	}
	return changed, fixed
}

func alike(a, b reflect.Value) bool {
	if a.Kind() == reflect.Slice && a.Len() == 0 && b.Len() == 0 {
		return true
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}
