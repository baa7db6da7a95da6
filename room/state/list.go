package state

import (
	"encoding/json"
	"iter"
	"reflect"
	"slices"
	"unsafe"
)

// List is a list of a state: structs in an order. One field of V has the option key in its tag; its
// value tells the entries apart and must be unique. The zero value of a List is empty. Do not copy
// a List that has entries. It belongs to one goroutine at a time.
type List[V any] struct{ t table }

// Len returns the number of entries.
func (l *List[V]) Len() int { return len(l.t.order) }

// At returns the entry at index i, which must be less than Len. Change the entry through the
// pointer; it stays valid until the entry is deleted, wherever the entry moves.
func (l *List[V]) At(i int) *V { return (*V)(l.t.items[l.t.order[i]].value) }

// Append adds v at the end and returns where it is.
func (l *List[V]) Append(v V) *V { return l.Insert(len(l.t.order), v) }

// Insert adds v before the entry at index i, and returns where it is.
func (l *List[V]) Insert(i int, v V) *V {
	p := &v
	l.t.order = slices.Insert(l.t.order, i, 0)
	l.t.order[i] = l.t.put(unsafe.Pointer(p), 0, "")
	return p
}

// Delete removes the entry at index i.
func (l *List[V]) Delete(i int) {
	l.t.remove(l.t.order[i])
	l.t.order = slices.Delete(l.t.order, i, i+1)
}

// DeleteFunc removes the entries for which gone returns true.
func (l *List[V]) DeleteFunc(gone func(e *V) bool) {
	l.t.order = slices.DeleteFunc(l.t.order, func(slot uint32) bool {
		out := gone((*V)(l.t.items[slot].value))
		if out {
			l.t.remove(slot)
		}
		return out
	})
}

// Move takes the entry at index from to index to.
func (l *List[V]) Move(from, to int) {
	slot := l.t.order[from]
	l.t.order = slices.Insert(slices.Delete(l.t.order, from, from+1), to, slot)
}

// SortFunc sorts the entries by compare, which returns a negative number if a comes before b. Equal
// entries keep their order.
func (l *List[V]) SortFunc(compare func(a, b *V) int) {
	slices.SortStableFunc(l.t.order, func(a, b uint32) int {
		return compare((*V)(l.t.items[a].value), (*V)(l.t.items[b].value))
	})
}

// Clear removes all entries.
func (l *List[V]) Clear() { l.t.clear() }

// All yields indexes and entries in order. The list must not change on the way.
func (l *List[V]) All() iter.Seq2[int, *V] {
	return func(yield func(int, *V) bool) {
		for i := range l.t.order {
			if !yield(i, l.At(i)) {
				return
			}
		}
	}
}

// OwnFunc makes the entries for which own returns true those that belong to v's client, who sees
// their owner fields from then on. It asks at once, and replaces what an earlier call said.
func (l *List[V]) OwnFunc(v *View, own func(e *V) bool) {
	w := v.window(&l.t)
	w.own = w.own[:0]
	for slot := range l.t.items {
		if it := &l.t.items[slot]; it.serial != 0 && own((*V)(it.value)) {
			w.own = append(w.own, ownKey{serial: it.serial})
		}
	}
}

// Filter makes v's client see exactly those entries for which visible returns true. It asks at once
// and for each entry; call it again when the answers change, as before each AppendDelta. Entries
// that are added later are hidden.
func (l *List[V]) Filter(v *View, visible func(e *V) bool) {
	w := v.window(&l.t)
	w.filter(len(l.t.items))
	for slot := range l.t.items {
		it := &l.t.items[slot]
		w.show[slot] = 0
		if it.serial != 0 && visible((*V)(it.value)) {
			w.show[slot] = it.serial
		}
	}
}

// ShowAll ends Filter: v's client sees all entries, also those to come.
func (l *List[V]) ShowAll(v *View) { v.window(&l.t).all = true }

// MarshalJSON writes the list as a JSON array, for saving a state.
func (l List[V]) MarshalJSON() ([]byte, error) {
	plain := make([]*V, 0, l.Len())
	for _, e := range l.All() {
		plain = append(plain, e)
	}
	return json.Marshal(plain)
}

// UnmarshalJSON replaces the entries by those of a JSON array.
func (l *List[V]) UnmarshalJSON(text []byte) error {
	var plain []V
	if err := json.Unmarshal(text, &plain); err != nil {
		return err
	}
	l.Clear()
	for i := range plain {
		l.Append(plain[i])
	}
	return nil
}

// described tells Describe what the list holds.
func (l *List[V]) described() contents {
	return contents{value: reflect.TypeFor[V](), add: addToList[V], remove: removeFromList}
}

// addToList gives the decoder a new entry at the end of the List at l.
func addToList[V any](l unsafe.Pointer, _ uint64, _ string) (uint32, unsafe.Pointer) {
	to := (*List[V])(l)
	p := to.Append(*new(V))
	return to.t.order[len(to.t.order)-1], unsafe.Pointer(p)
}

// removeFromList removes the entry in a slot. Its place in the order is the decoder's to mend.
func removeFromList(l unsafe.Pointer, slot uint32) { (*table)(l).remove(slot) }
