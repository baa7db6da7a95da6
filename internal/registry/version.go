package registry

import "slices"

// An event may have versions: move@2 is the second one of move, and move alone is the first. Who
// sends a version without handlers means the highest one below it that has some. This file finds
// it, on the way of names that Find does not know.

// maxDigits is how long the number of a version may be.
const maxDigits = 9

// Version splits the name of an event at its last @. What follows must be a number from 1 to
// 999999999 without leading zeros, and what precedes it must not be empty. Otherwise the name has
// no version: base is the whole name and version 0. base borrows the name.
func Version[Name string | []byte](name Name) (base Name, version uint32) {
	i := len(name)
	for i > 0 && '0' <= name[i-1] && name[i-1] <= '9' {
		i--
	}
	digits := len(name) - i
	if digits == 0 || digits > maxDigits || name[i] == '0' || i < 2 || name[i-1] != '@' {
		return name, 0
	}
	for j := i; j < len(name); j++ {
		version = version*10 + uint32(name[j]-'0')
	}
	return name[:i-1], version
}

// versions are those of one event that have handlers, the highest first.
type versions[H any] []version[H]

type version[H any] struct {
	n uint32
	e *Entry[H]
}

// index lists the versions in m by the event. It is nil if there are none.
func index[H any](m map[string]*Entry[H]) map[string]versions[H] {
	var all map[string]versions[H]
	for name, e := range m {
		base, n := Version(name)
		if n == 0 {
			continue
		}
		if all == nil {
			all = make(map[string]versions[H])
		}
		v, i := all[base], 0
		for i < len(v) && v[i].n > n {
			i++
		}
		all[base] = slices.Insert(v, i, version[H]{n, e})
	}
	return all
}

// upTo returns the highest version of an event that is at most most and has handlers, 0 if there is
// none. It borrows the event and does not allocate. t may be nil.
func (t *Table[H]) upTo(event []byte, most uint32) uint32 {
	if t != nil {
		if s := t.s.Load(); s != nil {
			for _, v := range s.versions[string(event)] {
				if v.n <= most {
					return v.n
				}
			}
		}
	}
	return 0
}

// version returns the handlers of a version of an event, where 0 is the event without a version.
func (t *Table[H]) version(event []byte, n uint32) *Entry[H] {
	if t == nil {
		return nil
	}
	if n == 0 {
		return t.Find(event)
	}
	if s := t.s.Load(); s != nil {
		for _, v := range s.versions[string(event)] {
			if v.n == n {
				return v.e
			}
		}
	}
	return nil
}

// Fallback finds the handlers of an event that neither table has under its name. For a version they
// are those of the highest one below that either table has, else those of the event without a
// version; for any other name there are none. The name is borrowed, own may be nil, and nothing is
// allocated.
func Fallback[H any](name []byte, many, own *Table[Registered[H]]) (p Pair[H]) {
	event, n := Version(name)
	if n == 0 {
		return p
	}
	n = max(many.upTo(event, n), own.upTo(event, n))
	p.Many, p.Own = many.version(event, n), own.version(event, n)
	return p
}

// Closest is, of the names that each lists, the one of the highest version of base up to version,
// or base if there is none, which is borrowed.
func Closest(base []byte, version uint32, each func(f func(name string))) []byte {
	found, best := base, uint32(0)
	each(func(name string) {
		if b, n := Version(name); b == string(base) && n > best && n <= version {
			found, best = []byte(name), n
		}
	})
	return found
}
