package state

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// options are what a tag says behind the name.
type options struct {
	owner, key     bool
	min, max, step string
	words          []string
}

// readTag reads the name and the options of a tag: name,owner,key,min=0,max=9,step=0.1,enum=a|b.
func (f *field) readTag(tag, path string) (o options, err error) {
	name, rest, more := strings.Cut(tag, ",")
	f.name = name
	if !validName(name) {
		return o, invalid(path, "%q is no name: write a letter and up to 63 letters, digits and _ "+
			"first in the tag", name)
	}
	for more {
		var option string
		option, rest, more = strings.Cut(rest, ",")
		word, value, _ := strings.Cut(option, "=")
		switch {
		case option == "owner":
			o.owner, f.owner = true, true
		case option == "key":
			o.key = true
		case word == "min" && value != "":
			o.min = value
		case word == "max" && value != "":
			o.max = value
		case word == "step" && value != "":
			o.step = value
		case word == "enum" && value != "" && utf8.ValidString(value):
			o.words = strings.Split(value, "|")
		default:
			return o, invalid(path, "there is no option %q: use owner, key, min=, max=, step= or "+
				"enum=a|b", option)
		}
	}
	return o, nil
}

// validName tells whether a name can be one of a field, in every language.
func validName(name string) bool {
	for i, c := range []byte(name) {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return name != "" && len(name) <= 64
}

// none refuses options that only numbers and enums have.
func (o options) none(path string, k kind) error {
	switch {
	case o.min != "" || o.max != "" || o.step != "":
		return invalid(path, "min, max and step are for numbers, and this is a %s: remove them",
			kindNames[k])
	case len(o.words) > 0:
		return invalid(path, "enum is for strings and integers, and this is a %s: remove it",
			kindNames[k])
	}
	return nil
}

// limits gives a number its range and step.
func (f *field) limits(o options, path string) error {
	switch f.kind {
	case kindUint, kindInt:
		if o.step != "" {
			return invalid(path, "step is for floats: remove it")
		}
		return f.wholeLimits(o, path)
	case kindFixed:
		return f.fixedLimits(o, path)
	case kindF32, kindF64:
		if o.min != "" || o.max != "" {
			return invalid(path, "min and max need a step, as in step=0.1, or they save nothing")
		}
		return nil
	}
	return o.none(path, f.kind)
}

func (f *field) wholeLimits(o options, path string) (err error) {
	if o.min != "" {
		if f.lo, err = strconv.ParseInt(o.min, 10, 64); err != nil {
			return invalid(path, "min=%s is no integer", o.min)
		}
		f.ranged = true
	}
	if o.max != "" {
		if f.hi, err = strconv.ParseInt(o.max, 10, 64); err != nil {
			return invalid(path, "max=%s is no integer", o.max)
		}
		f.bounded = true
	}
	return f.checkWhole(path)
}

// checkWhole refuses limits that make no sense, or that JavaScript cannot count to.
func (f *field) checkWhole(path string) error {
	switch {
	case f.bounded && !f.ranged:
		return invalid(path, "max needs a min, as in min=0")
	case f.kind == kindUint && f.lo < 0:
		return invalid(path, "min=%d is below zero, where an unsigned number cannot be", f.lo)
	case f.lo < -maxWhole || f.lo > maxWhole || f.hi > maxWhole || f.bounded && f.hi <= f.lo:
		return invalid(path, "min must be below max, and both within ±(2^53-1)")
	}
	return nil
}

func (f *field) fixedLimits(o options, path string) (err error) {
	if f.step, err = strconv.ParseFloat(o.step, 64); err != nil {
		return invalid(path, "step=%s is no number", o.step)
	}
	if o.min != "" {
		if f.min, err = strconv.ParseFloat(o.min, 64); err != nil {
			return invalid(path, "min=%s is no number", o.min)
		}
		f.ranged = true
	}
	if o.max != "" {
		if f.max, err = strconv.ParseFloat(o.max, 64); err != nil {
			return invalid(path, "max=%s is no number", o.max)
		}
		f.bounded = true
	}
	return f.checkFixed(path)
}

func (f *field) checkFixed(path string) error {
	finite := func(v float64) bool { return math.Abs(v) <= math.MaxFloat64 }
	switch {
	case !(f.step > 0) || !finite(f.step) || !finite(f.min) || !finite(f.max):
		return invalid(path, "step must be above zero, and all limits finite")
	case f.bounded && !f.ranged:
		return invalid(path, "max needs a min, as in min=0")
	case f.bounded && !(f.max > f.min):
		return invalid(path, "min must be below max")
	case f.bounded && (f.max-f.min)/f.step > maxWhole:
		return invalid(path, "more than 2^53 steps from min to max: make step larger")
	}
	return nil
}
