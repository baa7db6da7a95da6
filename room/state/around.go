package state

import (
	"iter"
	"reflect"
)

// Around yields pointers to the entries that the change is in, such as a *Item and then the *Player
// who has it: first that of Entry. Entries of maps and lists that the Go struct does not have are
// left out.
func (c Change) Around() iter.Seq[any] {
	return func(yield func(any) bool) {
		for p := c.place; p != nil; p = p.up {
			if p.one.dec.fill == nil {
				continue
			}
			if !yield(reflect.NewAt(p.field.to.entry, p.one.dec.fill).Interface()) {
				return
			}
		}
	}
}
