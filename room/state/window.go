package state

import (
	"unsafe"

	"github.com/smartsocket/smartsocket/message"
)

// window is what one client sees of one container of the root: which entries are shown, which it
// has, and which are its own. Entries are told apart by their serials, so that what is put into a
// slot later is not taken for what was shown there before.
type window struct {
	all     bool // no filter
	list    bool
	show    []uint64 // by slot: serial of the entry that is shown
	have    []uint64 // by slot: serial of the entry that the client has, ghost if that is not known
	own     []ownKey
	owned   []uint64 // serials of the entries that were sent with their owner fields
	order   []uint32 // of a list: the order that the client has
	ordered bool     // order is true
	expect  []uint32 // scratch
}

// ghost stands for an entry that the client may have in a slot.
const ghost = ^uint64(0)

// ownKey names what belongs to a client: by key in a map, by serial in a list.
type ownKey struct {
	num    uint64
	text   string
	serial uint64
}

// windowOf returns the view's window of a container of the root, nil if it sees all of it. Below
// the root the view is nil.
func (v *View) windowOf(f *field) *window {
	if v == nil {
		return nil
	}
	return v.windows[f.at]
}

// window returns the view's window of the Map or List at t, and makes one if there is none.
func (v *View) window(t *table) *window {
	root := v.e.schema.root
	f := root.containerAt(v.e.root, t)
	if f == nil {
		panic(message.New(message.CodeInvalidFormat, "state: Filter, Show and Own are for the "+
			"maps and lists of the view's own state, outside of their entries"))
	}
	w := v.windows[f.at]
	if w == nil {
		w = &window{all: true, list: f.kind == kindList}
		if v.synced {
			w.assume(v.e.rec.kids[f.at], v.seen)
		}
		v.windows[f.at] = w
	}
	return w
}

// containerAt finds the field of the Map or List at t.
func (p *plan) containerAt(root unsafe.Pointer, t *table) *field {
	for i := range p.fields {
		f := &p.fields[i]
		switch f.kind {
		case kindStruct:
			if found := f.sub.containerAt(root, t); found != nil {
				return found
			}
		case kindMap, kindList:
			if unsafe.Add(root, f.off) == unsafe.Pointer(t) {
				return f
			}
		}
	}
	return nil
}

// assume fills have for a client that saw all entries until base.
func (w *window) assume(es *entries, base uint64) {
	w.grow(len(es.at))
	for slot, one := range es.at {
		switch {
		case one != nil && one.born <= base:
			w.have[slot] = one.serial
		case es.enc.died[slot] > base:
			w.have[slot] = ghost
		}
	}
}

func (w *window) grow(n int) {
	for len(w.have) < n {
		w.have = append(w.have, 0)
	}
}

// filter makes the window one with a filter.
func (w *window) filter(n int) {
	if w.all {
		w.all = false
		clear(w.show)
	}
	for len(w.show) < n {
		w.show = append(w.show, 0)
	}
}

func (w *window) setOwn(num uint64, text string, on bool) {
	for i := range w.own {
		if w.own[i].num == num && w.own[i].text == text {
			if !on {
				w.own = append(w.own[:i], w.own[i+1:]...)
			}
			return
		}
	}
	if on {
		w.own = append(w.own, ownKey{num: num, text: text})
	}
}

// sees tells whether the client is to have the entry.
func (w *window) sees(one *entry) bool {
	return w.all || int(one.slot) < len(w.show) && w.show[one.slot] == one.serial
}

func (w *window) count(es *entries) int {
	if w.all {
		return es.n
	}
	n := 0
	for slot := range min(len(w.show), len(es.at)) {
		if one := es.at[slot]; one != nil && w.show[slot] == one.serial {
			n++
		}
	}
	return n
}

// owns tells whether the entry belongs to the client.
func (w *window) owns(one *entry) bool {
	if w == nil {
		return false
	}
	for i := range w.own {
		o := &w.own[i]
		if w.list && o.serial == one.serial || !w.list && o.num == one.num && o.text == one.text {
			return true
		}
	}
	return false
}

// hadOwn tells whether the client has the entry with its owner fields.
func (w *window) hadOwn(serial uint64) bool {
	for _, s := range w.owned {
		if s == serial {
			return true
		}
	}
	return false
}

func (w *window) setOwned(serial uint64, on bool) {
	for i, s := range w.owned {
		if s == serial {
			if !on {
				w.owned = append(w.owned[:i], w.owned[i+1:]...)
			}
			return
		}
	}
	if on {
		w.owned = append(w.owned, serial)
	}
}

// settle notes that the client gets all that it sees in a snapshot.
func (v *View) settle() {
	for i := range v.e.schema.root.fields {
		v.settleField(&v.e.schema.root.fields[i])
	}
}

func (v *View) settleField(f *field) {
	if f.kind == kindStruct {
		for i := range f.sub.fields {
			v.settleField(&f.sub.fields[i])
		}
	}
	if f.kind != kindMap && f.kind != kindList || v.windows[f.at] == nil {
		return
	}
	w, es := v.windows[f.at], v.e.rec.kids[f.at]
	clear(w.have)
	w.grow(len(es.at))
	w.owned = w.owned[:0]
	for slot, one := range es.at {
		if one == nil || !w.sees(one) {
			continue
		}
		w.have[slot] = one.serial
		if w.owns(one) {
			w.owned = append(w.owned, one.serial)
		}
	}
	w.order, w.ordered = w.visibleOrder(w.order[:0], es), true
}

func (w *window) visibleOrder(dst []uint32, es *entries) []uint32 {
	for _, slot := range es.order {
		if w.sees(es.at[slot]) {
			dst = append(dst, slot)
		}
	}
	return dst
}

// classify finds what the client has and is not to have any longer, and what came or changed since
// base. What the client must get anew is no longer in have.
func (w *window) classify(es *entries, base uint64, removed, touched []uint32) (_, _ []uint32) {
	w.grow(len(es.at))
	owns := len(w.own)+len(w.owned) > 0
	for slot, had := range w.have {
		var one *entry
		if slot < len(es.at) {
			one = es.at[slot]
		}
		switch {
		case one == nil || !w.sees(one):
			if had != 0 {
				removed = append(removed, uint32(slot))
			}
		case had != one.serial || one.born > base || owns && w.owns(one) != w.hadOwn(had):
			w.setOwned(had, false)
			w.have[slot] = 0
			touched = append(touched, uint32(slot))
		case one.changed > base:
			touched = append(touched, uint32(slot))
		}
	}
	return removed, touched
}

// appendWindow appends what changed in a container for a client with a window of it.
func (e *Encoder) appendWindow(dst []byte, f *field, es *entries, win *window, w walk) (
	[]byte, bool) {
	removed, touched := win.classify(es, w.base, e.removed[:0], e.touched[:0])
	e.removed, e.touched = removed, touched
	moved := f.kind == kindList && es.enc.order > w.base
	if len(removed)+len(touched) == 0 && !moved {
		e.touched = touched[:0]
		return dst, false
	}
	if f.kind == kindList {
		moved = win.reorder(es, removed, touched, w.base)
		if len(removed)+len(touched) == 0 && !moved {
			e.touched = touched[:0]
			return dst, false
		}
	}
	dst = appendUvarint(dst, uint64(len(removed)))
	for _, slot := range removed {
		dst = appendUvarint(dst, uint64(slot))
		win.setOwned(win.have[slot], false)
		win.have[slot] = 0
	}
	dst = appendUvarint(dst, uint64(len(touched)))
	for _, slot := range touched {
		one := es.at[slot]
		own := win.owns(one)
		if win.have[slot] == 0 {
			win.have[slot] = one.serial
			win.setOwned(one.serial, own)
			dst = appendUvarint(dst, uint64(slot)<<1|1)
			dst = e.appendFresh(dst, f, one, walk{v: w.v, own: own})
			continue
		}
		dst = appendUvarint(dst, uint64(slot)<<1)
		dst = e.appendChanged(dst, f, one, walk{v: w.v, base: w.base, own: own})
	}
	e.touched = e.touched[:0]
	if f.kind == kindList {
		dst = appendOrder(dst, win.order, !moved)
	}
	return dst, true
}

// reorder brings the window's order up to date, and tells whether the client must be told because
// it expects another one.
func (w *window) reorder(es *entries, removed, touched []uint32, base uint64) bool {
	if !w.ordered {
		w.order, w.ordered = w.visibleOrder(w.order[:0], es), true
		return es.enc.order > base || es.enc.members > base || len(removed)+len(touched) > 0
	}
	expect, next := w.expect[:0], 0
	for _, slot := range w.order {
		if w.have[slot] != 0 && !contains(removed, slot) {
			expect = append(expect, slot)
		}
	}
	for ; next < len(touched); next++ {
		if w.have[touched[next]] == 0 {
			expect = append(expect, touched[next])
		}
	}
	w.expect = expect
	w.order = w.visibleOrder(w.order[:0], es)
	if len(w.order) != len(expect) {
		return true
	}
	for i, slot := range w.order {
		if expect[i] != slot {
			return true
		}
	}
	return false
}

// contains looks a slot up among ascending ones.
func contains(slots []uint32, slot uint32) bool {
	for len(slots) > 0 {
		mid := len(slots) / 2
		switch {
		case slots[mid] == slot:
			return true
		case slots[mid] < slot:
			slots = slots[mid+1:]
		default:
			slots = slots[:mid]
		}
	}
	return false
}
