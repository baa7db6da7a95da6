package state

import (
	"math/bits"
	"sync/atomic"
	"unsafe"
)

// table is the part of a Map or a List that the encoder reads. It is the first field of both, so
// that a pointer to either is a pointer to its table.
type table struct {
	items []item   // by slot
	taken []uint64 // one bit for each slot
	low   int      // no word of taken before this one has a free bit
	count int
	order []uint32 // of a list: its slots in order
}

// item is one slot of a table.
type item struct {
	value  unsafe.Pointer // to the entry, which never moves
	serial uint64         // tells this entry from all others of the process; 0: the slot is free
	num    uint64         // the key on the wire, of a map with integer keys
	text   string         // the key, of a map with string keys
}

var serials atomic.Uint64

// put takes the lowest free slot for a new entry.
func (t *table) put(value unsafe.Pointer, num uint64, text string) uint32 {
	for t.low < len(t.taken) && t.taken[t.low] == ^uint64(0) {
		t.low++
	}
	if t.low == len(t.taken) {
		t.taken = append(t.taken, 0)
	}
	bit := bits.TrailingZeros64(^t.taken[t.low])
	t.taken[t.low] |= 1 << bit
	slot := t.low*64 + bit
	if slot == len(t.items) {
		t.items = append(t.items, item{})
	}
	t.items[slot] = item{value, serials.Add(1), num, text}
	t.count++
	return uint32(slot)
}

// remove frees a slot.
func (t *table) remove(slot uint32) {
	t.items[slot] = item{}
	t.taken[slot/64] &^= 1 << (slot % 64)
	t.low = min(t.low, int(slot/64))
	t.count--
}

// clear removes all entries.
func (t *table) clear() {
	clear(t.items)
	clear(t.taken)
	t.items, t.low, t.count, t.order = t.items[:0], 0, 0, t.order[:0]
}

// serial returns what the slot holds, 0 if it is free or does not exist.
func (t *table) serial(slot int) uint64 {
	if slot < len(t.items) {
		return t.items[slot].serial
	}
	return 0
}
