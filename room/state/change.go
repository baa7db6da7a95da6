package state

import (
	"reflect"
	"strconv"
	"time"
	"unsafe"
)

// Op is what happened to a part of a state.
type Op uint8

// What can happen to a part of a state.
const (
	Set    Op = iota + 1 // a field, or an entry of a map of scalars, has another value
	Add                  // an entry came; its fields are not listed
	Remove               // an entry went
	Order                // entries of a list that stay have changed places
)

// Changes is what one message changed.
type Changes struct {
	Tick     uint64
	Time     time.Time // of the tick, by the server's clock
	Input    uint64    // number of this client's last input that the state contains, 0 if none
	Snapshot bool
	End      bool // the room is over, or this client has left it
	// List has the changes in the order of the message, and is borrowed until the next Apply. A
	// snapshot lists what differs from the state before.
	List []Change
}

// Change is one change. Its values stay valid.
type Change struct {
	Op    Op
	place *place
	field *field

	old, now uint64
	long     *long // of a string, of bytes and scalars
}

// long holds the values that are no numbers.
type long struct {
	oldText, text string
	oldBlob, blob []byte
}

// place is where an entry is.
type place struct {
	up    *place // the entry around it, nil in the root
	field *field // the map or list that has it
	one   *entry
}

// Field returns the name of the field, or of the map or list whose entry it is about.
func (c Change) Field() string {
	if c.field.path == nil {
		return c.place.field.name // an entry of a map of scalars
	}
	return c.field.name
}

// Path returns the names and keys that lead to what changed: the name of each field, and behind
// that of a map or list the entry's key, as in players, p1, x. Integer keys are in decimal.
func (c Change) Path() []string {
	if c.Op == Add || c.Op == Remove {
		return c.place.path(nil)
	}
	return append(c.place.path(nil), c.field.path...)
}

func (p *place) path(dst []string) []string {
	if p == nil {
		return dst
	}
	return append(append(p.up.path(dst), p.field.path...), p.field.keyText(p.one))
}

// keyText returns the key of an entry as text.
func (f *field) keyText(one *entry) string {
	switch f.keyKind {
	case kindInt:
		return strconv.FormatInt(unzigzag(one.num), 10)
	case kindUint:
		return strconv.FormatUint(one.num, 10)
	}
	return one.text
}

// Key returns the key of the entry that came or went, or that has the field: a string, an int64 or
// a uint64. It is nil for fields outside of entries.
func (c Change) Key() any {
	switch {
	case c.place == nil:
		return nil
	case c.place.field.keyKind == kindInt:
		return unzigzag(c.place.one.num)
	case c.place.field.keyKind == kindUint:
		return c.place.one.num
	}
	return c.place.one.text
}

// Entry returns a pointer to the entry that came or went, or that has the field, such as a *Player.
// It is nil for fields outside of entries, and if the Go struct does not have the map or list. An
// entry that went is as it was, and no longer changes.
func (c Change) Entry() any {
	if c.place == nil || c.place.one.dec.fill == nil {
		return nil
	}
	return reflect.NewAt(c.place.field.to.entry, c.place.one.dec.fill).Interface()
}

// Old returns the value before, of a Set: a bool, int64, uint64, float64, string, []byte or a slice
// of those. The word of an enum is a string.
func (c Change) Old() any {
	if c.long != nil {
		return c.value(0, c.long.oldText, c.long.oldBlob)
	}
	return c.value(c.old, "", nil)
}

// New returns the value now, of a Set, in the types of Old.
func (c Change) New() any {
	if c.long != nil {
		return c.value(0, c.long.text, c.long.blob)
	}
	return c.value(c.now, "", nil)
}

func (c Change) value(raw uint64, text string, blob []byte) any {
	switch {
	case c.Op != Set:
		return nil
	case c.field.kind == kindString:
		return text
	case c.field.kind == kindBytes:
		return blob
	case c.field.kind == kindScalars:
		return c.field.el.plainSlice(blob)
	}
	return c.field.plain(raw)
}

// Float returns the values before and now of a Set of a number, without an allocation. It is false
// for all else.
func (c Change) Float() (old, now float64, ok bool) {
	k := c.field.kind
	if c.Op != Set || !k.number() || k == kindBool || k == kindEnum {
		return 0, 0, false
	}
	return c.field.float(c.old), c.field.float(c.now), true
}

// plain returns a number, bool or word as a value of Go.
func (f *field) plain(raw uint64) any {
	switch f.kind {
	case kindBool:
		return raw == 1
	case kindEnum:
		return f.words[raw]
	case kindInt:
		return f.integer(raw)
	case kindUint:
		return uint64(f.integer(raw))
	}
	return f.float(raw)
}

// plainSlice returns scalars as a slice of Go.
func (f *field) plainSlice(blob []byte) any {
	switch f.kind {
	case kindBool:
		return plainSlice[bool](f, blob)
	case kindString, kindEnum:
		return plainSlice[string](f, blob)
	case kindInt:
		return plainSlice[int64](f, blob)
	case kindUint:
		return plainSlice[uint64](f, blob)
	}
	return plainSlice[float64](f, blob)
}

func plainSlice[T any](f *field, blob []byte) []T {
	out := []T{}
	if len(blob) == 0 {
		return out
	}
	r := reader{b: blob}
	for range r.uvarint() {
		if f.kind == kindString {
			out = append(out, any(string(r.text())).(T))
		} else {
			out = append(out, f.plain(r.number(f)).(T))
		}
	}
	return out
}

// fillSlice makes the slice at p one of the scalars in blob. from is how they were sent, to how
// they lie in memory.
func fillSlice(from, to *field, p unsafe.Pointer, t reflect.Type, blob []byte) {
	slice := reflect.NewAt(t, p).Elem()
	if len(blob) == 0 {
		slice.SetZero()
		return
	}
	r := reader{b: blob}
	n := int(r.uvarint())
	slice.Set(reflect.MakeSlice(t, n, n))
	for i := range n {
		q := slice.Index(i).Addr().UnsafePointer()
		if from.kind == kindString {
			*(*string)(q) = string(r.text())
		} else {
			from.store(to, q, r.number(from))
		}
	}
}
