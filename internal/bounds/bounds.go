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
// The package holds no state and no locks. Read bounds.go, then rules.go.
package bounds

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
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
	for i := range all.NumField() {
		f, v := all.Type().Field(i), all.Field(i)
		def, ok := f.Tag.Lookup("default")
		if n, isComputed := computed[f.Name]; isComputed {
			def, ok = strconv.Itoa(n), true
		}
		if ok && v.IsZero() {
			v.Set(read(f, def))
		}
		if fix := check(f, v, def); fix != "" {
			return &Violation{Field: f.Name, Fix: fix}
		}
	}
	return nil
}

// check returns the fix for v, the value of f, or "" if v is in its range.
func check(f reflect.StructField, v reflect.Value, def string) (fix string) {
	least, limited := f.Tag.Lookup("min")
	zero, ok := f.Tag.Lookup("zero")
	if !limited || ok && v.IsZero() {
		return ""
	}
	if !ok {
		zero = fmt.Sprint("the default ", read(f, def))
	}
	low := read(f, least)
	if v.Type() == duration {
		if v.Int() < low.Int() {
			return fmt.Sprintf("%v is too short: use at least %v, or 0 for %s", v, low, zero)
		}
		return ""
	}
	high := reflect.ValueOf(math.MaxInt)
	if most, ok := f.Tag.Lookup("max"); ok {
		high = read(f, most)
	}
	if v.Int() < low.Int() || v.Int() > high.Int() {
		return fmt.Sprintf("%v is out of range: use %v..%v, or 0 for %s", v, low, high, zero)
	}
	return ""
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
