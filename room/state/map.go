package state

import (
	"encoding/json"
	"iter"
	"reflect"
	"unsafe"
)

// Key is what the keys of a Map can be.
type Key interface {
	~string | ~int | ~int8 | ~int16 | ~int32 | ~int64 |
		~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

// Map is a map of a state: entries by key. Its zero value is empty. V is a struct with tags, or one
// of the scalar types. Do not copy a Map that has entries. It belongs to one goroutine at a time.
type Map[K Key, V any] struct {
	t     table
	index map[K]uint32
	keys  []K // by slot
}

// Get returns the entry with the key k, or nil. Change the entry through the pointer; it stays
// valid until the entry is deleted.
func (m *Map[K, V]) Get(k K) *V {
	slot, ok := m.index[k]
	if !ok {
		return nil
	}
	return (*V)(m.t.items[slot].value)
}

// Put stores v under the key k and returns where it is. If there is such an entry, its value is
// replaced and its pointer stays the same.
func (m *Map[K, V]) Put(k K, v V) *V {
	if p := m.Get(k); p != nil {
		*p = v
		return p
	}
	p := &v
	num, text := wireKey(k)
	if m.index == nil {
		m.index = make(map[K]uint32)
	}
	slot := m.t.put(unsafe.Pointer(p), num, text)
	m.index[k] = slot
	if int(slot) == len(m.keys) {
		m.keys = append(m.keys, k)
	}
	m.keys[slot] = k
	return p
}

// Delete removes the entry with the key k, and tells whether there was one.
func (m *Map[K, V]) Delete(k K) bool {
	slot, ok := m.index[k]
	if ok {
		delete(m.index, k)
		m.t.remove(slot)
	}
	return ok
}

// Clear removes all entries.
func (m *Map[K, V]) Clear() {
	clear(m.index)
	clear(m.keys)
	m.keys = m.keys[:0]
	m.t.clear()
}

// Len returns the number of entries.
func (m *Map[K, V]) Len() int { return m.t.count }

// All yields keys and entries in an order that depends only on what was put and deleted before: the
// oldest free place is filled first. Entries may be deleted on the way.
func (m *Map[K, V]) All() iter.Seq2[K, *V] {
	return func(yield func(K, *V) bool) {
		for slot, n := 0, len(m.t.items); slot < min(n, len(m.t.items)); slot++ {
			if it := &m.t.items[slot]; it.serial != 0 && !yield(m.keys[slot], (*V)(it.value)) {
				return
			}
		}
	}
}

// Own makes the entry with the key k one of those that belong to v's client, who sees its owner
// fields from then on. It holds for the key, also while there is no such entry.
func (m *Map[K, V]) Own(v *View, k K) {
	num, text := wireKey(k)
	v.window(&m.t).setOwn(num, text, true)
}

// Disown takes back what Own did.
func (m *Map[K, V]) Disown(v *View, k K) {
	num, text := wireKey(k)
	v.window(&m.t).setOwn(num, text, false)
}

// Filter makes v's client see exactly those entries for which visible returns true. It asks at once
// and for each entry; call it again when the answers change, as before each AppendDelta. Entries
// that are put later are hidden.
func (m *Map[K, V]) Filter(v *View, visible func(k K, e *V) bool) {
	w := v.window(&m.t)
	w.filter(len(m.t.items))
	for slot := range m.t.items {
		it := &m.t.items[slot]
		w.show[slot] = 0
		if it.serial != 0 && visible(m.keys[slot], (*V)(it.value)) {
			w.show[slot] = it.serial
		}
	}
}

// Show lets v's client see the entry with the key k. It tells whether there is such an entry. If v
// saw all entries before, it now sees only those that are shown.
func (m *Map[K, V]) Show(v *View, k K) bool {
	slot, ok := m.index[k]
	w := v.window(&m.t)
	w.filter(len(m.t.items))
	if ok {
		w.show[slot] = m.t.items[slot].serial
	}
	return ok
}

// Hide hides the entry with the key k from v's client. Entries that are not shown are hidden.
func (m *Map[K, V]) Hide(v *View, k K) {
	w := v.window(&m.t)
	if w.all {
		m.Filter(v, func(K, *V) bool { return true })
	}
	w.filter(len(m.t.items))
	if slot, ok := m.index[k]; ok {
		w.show[slot] = 0
	}
}

// ShowAll ends Filter: v's client sees all entries, also those to come.
func (m *Map[K, V]) ShowAll(v *View) { v.window(&m.t).all = true }

// MarshalJSON writes the map as a JSON object, for saving a state.
func (m Map[K, V]) MarshalJSON() ([]byte, error) {
	plain := make(map[K]*V, m.t.count)
	for k, v := range m.All() {
		plain[k] = v
	}
	return json.Marshal(plain)
}

// UnmarshalJSON replaces the entries by those of a JSON object.
func (m *Map[K, V]) UnmarshalJSON(text []byte) error {
	var plain map[K]V
	if err := json.Unmarshal(text, &plain); err != nil {
		return err
	}
	m.Clear()
	for _, k := range sortedKeys(plain) {
		m.Put(k, plain[k])
	}
	return nil
}

// described tells Describe what the map holds.
func (m *Map[K, V]) described() contents {
	return contents{
		key: reflect.TypeFor[K](), value: reflect.TypeFor[V](), add: addToMap[K, V],
		remove: removeFromMap[K, V],
	}
}

// addToMap gives the decoder a new entry of the Map at m.
func addToMap[K Key, V any](m unsafe.Pointer, num uint64, text string) (uint32, unsafe.Pointer) {
	to := (*Map[K, V])(m)
	k := keyOf[K](num, text)
	to.Delete(k)
	p := to.Put(k, *new(V))
	return to.index[k], unsafe.Pointer(p)
}

// removeFromMap removes the entry in a slot of the Map at m.
func removeFromMap[K Key, V any](m unsafe.Pointer, slot uint32) {
	to := (*Map[K, V])(m)
	to.Delete(to.keys[slot])
}
