package state

import (
	"cmp"
	"slices"
	"unsafe"
)

// What a message may cost: a floor, and so much for each of its bytes. A struct with 64 fields of
// which none is sent is the most that honest messages ask for.
const (
	memoryFloor   = 64 << 10
	memoryPerByte = 128
)

// wire is a key on the wire.
type wire struct {
	num  uint64
	text string
}

// holding is what the decoder keeps for a map or list.
type holding struct {
	slots map[uint32]*entry
	keys  map[wire]*entry // of a map
	seq   []*entry        // of a list: entries in order
	stale bool            // entries.at is not up to date
}

// kept is what the decoder keeps for an entry.
type kept struct {
	local uint32         // slot in the Go container
	fill  unsafe.Pointer // the Go entry
	place *place
	pass  uint64 // the message that brought it
	seen  uint64 // the order that has it
	was   uint64 // the order before, if it had it
	gone  bool
}

// sort brings at and order up to date.
func (es *entries) sort() {
	if !es.dec.stale {
		return
	}
	es.dec.stale = false
	es.at, es.order = es.at[:0], es.order[:0]
	for _, one := range es.dec.slots {
		es.at = append(es.at, one)
	}
	slices.SortFunc(es.at, func(a, b *entry) int { return cmp.Compare(a.slot, b.slot) })
	for _, one := range es.dec.seq {
		es.order = append(es.order, one.slot)
	}
}

// batch is one message's part about one container.
type batch struct {
	f     *field
	es    *entries
	to    target         // the struct that has the container
	fill  unsafe.Pointer // the Go container, nil without one
	whole bool
	pass  uint64
	was   map[wire]*entry // of a snapshot's list: entries by key
	fresh []*entry        // by slot
	lost  bool            // an entry went
}

// entries reads what changed in a map or list. If whole, what the message does not have goes.
func (d *core) entries(f *field, to target, whole, in bool) {
	es := to.rec.kids[f.at]
	if es.dec == nil {
		if !in {
			return
		}
		es.dec = &holding{slots: map[uint32]*entry{}}
		if f.kind == kindMap {
			es.dec.keys = map[wire]*entry{}
		}
	}
	d.pass++
	b := &batch{f: f, es: es, to: to, whole: whole, pass: d.pass}
	if f.to != nil {
		b.fill = unsafe.Add(to.fill, f.to.off)
	}
	var before []*entry
	if whole {
		es.sort()
		before = slices.Clone(es.at)
		d.restart(b, before)
	}
	if in {
		d.removed(b)
		d.changed(b)
	}
	for _, one := range before {
		if one.dec.pass != b.pass && !one.dec.gone && d.err == nil {
			d.drop(b, one)
		}
	}
	if f.kind != kindList {
		return
	}
	if d.err == nil {
		d.order(b, in)
	}
	if d.err != nil {
		es.dec.reseat(b, b.impliedOrder()) // the application may look at what there is
	}
}

// restart forgets slots, because a snapshot gives them anew.
func (d *core) restart(b *batch, before []*entry) {
	h := b.es.dec
	clear(h.slots)
	h.stale = true
	if b.f.kind == kindList {
		b.was = make(map[wire]*entry, len(before))
		for _, one := range before {
			b.was[wire{one.num, one.text}] = one
		}
	}
}

func (d *core) removed(b *batch) {
	last := int64(-1)
	for range d.count() {
		last, _ = d.slot(last, 0)
		if d.err != nil {
			return
		}
		if one := b.es.dec.slots[uint32(last)]; one != nil {
			d.drop(b, one)
		}
	}
}

func (d *core) changed(b *batch) {
	last, fresh := int64(-1), uint64(0)
	for range d.count() {
		last, fresh = d.slot(last, 1)
		if d.err != nil {
			return
		}
		one := b.es.dec.slots[uint32(last)]
		if fresh == 1 {
			d.freshEntry(b, uint32(last), one)
			continue
		}
		if one == nil {
			d.fail(errUnknown)
			return
		}
		d.entry(b, one, target{rec: one.rec, fill: one.dec.fill, place: one.dec.place,
			quiet: b.to.quiet}, false)
	}
}

// entry reads the value of an entry.
func (d *core) entry(b *batch, one *entry, to target, whole bool) {
	if b.f.sub.scalar {
		d.value(&b.f.sub.fields[0], to, true)
		return
	}
	d.fields(b.f.sub, d.mask(b.f.sub), to, whole)
}

// freshEntry reads an entry that begins from zero, in a slot that old has. An entry with the same
// key is kept, so that only what differs counts as changed.
func (d *core) freshEntry(b *batch, slot uint32, old *entry) {
	h := b.es.dec
	key := wire{}
	if b.f.keyKind == kindString {
		key.text = string(d.text())
	} else {
		key.num = d.uvarint()
		if b.f.keyKind == kindUint && key.num > maxWhole || key.num > 2*maxWhole {
			d.fail(errValue)
		}
	}
	if d.err != nil {
		return
	}
	one := h.keys[key]
	if b.f.kind == kindList {
		one = old
		if b.whole {
			one = b.was[key]
			delete(b.was, key)
		}
		if one != nil && (one.num != key.num || one.text != key.text) {
			one = nil
		}
	}
	if old != nil && old != one {
		d.drop(b, old)
	}
	h.stale = true
	quiet := b.to.quiet
	if one == nil {
		if one = d.create(b, slot, key); one == nil {
			return
		}
		quiet = true
	} else if h.slots[one.slot] == one {
		delete(h.slots, one.slot)
	}
	one.slot, one.dec.pass = slot, b.pass
	h.slots[slot] = one
	if b.f.kind == kindList {
		b.fresh = append(b.fresh, one)
	}
	d.entry(b, one, target{one.rec, one.dec.fill, one.dec.place, quiet}, true)
}

// create makes a new entry.
func (d *core) create(b *batch, slot uint32, key wire) *entry {
	sub := b.f.sub
	if d.memory -= sub.memory(); d.memory < 0 {
		d.fail(errMemory)
		return nil
	}
	one := &entry{slot: slot, num: key.num, text: key.text, rec: newRecord(sub, false)}
	one.dec.place = &place{up: b.to.place, field: b.f, one: one}
	b.es.n++
	if b.f.kind == kindMap {
		b.es.dec.keys[key] = one
	} else if k := &sub.fields[sub.key]; k.kind == kindString { // the key is a field, too
		one.rec.texts[k.at] = key.text
	} else {
		one.rec.nums[k.at] = key.num
	}
	if b.fill != nil {
		one.dec.local, one.dec.fill = b.f.to.add(b.fill, key.num, key.text)
		sub.fillZeros(one.dec.fill, one.rec)
	}
	if !b.to.quiet {
		d.list = append(d.list, Change{Op: Add, place: one.dec.place, field: b.f})
	}
	return one
}

// drop takes an entry out.
func (d *core) drop(b *batch, one *entry) {
	h := b.es.dec
	if h.slots[one.slot] == one {
		delete(h.slots, one.slot)
	}
	if key := (wire{one.num, one.text}); h.keys[key] == one {
		delete(h.keys, key)
	}
	one.dec.gone, h.stale, b.lost = true, true, true
	b.es.n--
	if b.fill != nil {
		b.f.to.remove(b.fill, one.dec.local)
	}
	if !b.to.quiet {
		d.list = append(d.list, Change{Op: Remove, place: one.dec.place, field: b.f})
	}
}

// order reads the order of a list, or finds it from who came and went.
func (d *core) order(b *batch, in bool) {
	h := b.es.dec
	given := byte(0)
	if in {
		given = d.byte()
	}
	if given > 1 {
		d.fail(errValue)
	}
	if d.err != nil || given == 0 && len(b.fresh) == 0 && !b.lost {
		return
	}
	var next []*entry
	if given == 1 {
		if next = d.givenOrder(b); d.err != nil {
			return
		}
	} else {
		next = b.impliedOrder()
	}
	moved := d.moved(h.seq, next)
	h.reseat(b, next)
	if moved && !b.to.quiet {
		d.list = append(d.list, Change{Op: Order, place: b.to.place, field: b.f})
	}
}

// impliedOrder returns who was there before in the old order, and then who came, by slot.
func (b *batch) impliedOrder() []*entry {
	var next []*entry
	for _, one := range b.es.dec.seq {
		if !one.dec.gone && one.dec.pass != b.pass {
			next = append(next, one)
		}
	}
	for _, one := range b.fresh {
		if !one.dec.gone {
			next = append(next, one)
		}
	}
	return next
}

// moved tells whether those that are in both orders have changed places.
func (d *core) moved(before, next []*entry) bool {
	d.pass++
	for _, one := range before {
		one.dec.was = d.pass
	}
	i := 0
	for _, one := range next {
		if one.dec.was != d.pass {
			continue
		}
		for before[i].dec.gone {
			i++
		}
		if before[i] != one {
			return true
		}
		i++
	}
	return false
}

// reseat gives a list its order, also that of the application.
func (h *holding) reseat(b *batch, next []*entry) {
	h.seq, h.stale = next, true
	if b.fill == nil {
		return
	}
	t := (*table)(b.fill)
	t.order = t.order[:0]
	for _, one := range next {
		t.order = append(t.order, one.dec.local)
	}
}

// givenOrder reads all slots in order.
func (d *core) givenOrder(b *batch) []*entry {
	n := d.count()
	if n != b.es.n {
		d.fail(errOrder)
		return nil
	}
	d.pass++
	next := make([]*entry, 0, n)
	for range n {
		slot := d.uvarint()
		if slot >= maxSlot {
			d.fail(errOrder)
			return nil
		}
		one := b.es.dec.slots[uint32(slot)]
		if one == nil || one.dec.seen == d.pass {
			d.fail(errOrder)
			return nil
		}
		one.dec.seen = d.pass
		next = append(next, one)
	}
	return next
}
