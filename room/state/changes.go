package state

import "unsafe"

// changes is what the encoder keeps for a map or list besides its entries.
type changes struct {
	died    []uint64 // by slot: the commit in which its last entry went
	dirty   []uint32 // slots of what changed in the last commit, ascending
	gone    []uint32 // slots that became free in the last commit, ascending
	order   uint64   // commit in which the order changed in a way that clients cannot tell
	members uint64   // commit in which an entry came or went
	changed uint64
	spare   []*entry // records of entries that went
	expect  []uint32 // scratch
	cache   shared
}

// shared is where the bytes of something lie that several views need after the same commit.
type shared struct {
	commit, base uint64
	from, to     uint32
}

// compareEntries finds what came, changed and went in a map or list.
func (e *Encoder) compareEntries(f *field, t *table, es *entries) bool {
	c := es.enc
	if c == nil {
		c = &changes{}
		es.enc = c
	}
	c.dirty, c.gone = c.dirty[:0], c.gone[:0]
	changed, members := false, false
	for slot := 0; slot < max(len(es.at), len(t.items)); slot++ {
		if slot == len(es.at) {
			if slot == maxSlot {
				break
			}
			es.at, c.died = append(es.at, nil), append(c.died, 0)
		}
		had := es.at[slot]
		if had != nil && (had.serial != t.serial(slot) || keyChanged(f, t, had)) {
			es.bury(slot, e.commits)
			members = true
		}
		if t.serial(slot) != 0 && es.at[slot] == nil && e.validKey(f, &t.items[slot]) {
			e.bear(f, &t.items[slot], es, slot)
			members = true
		}
		switch now := es.at[slot]; {
		case now == nil && had != nil:
			c.gone = append(c.gone, uint32(slot))
		case now != nil && (e.compare(f.sub, t.items[slot].value, now.rec) ||
			now.born == e.commits):
			now.changed, changed = e.commits, true
			c.dirty = append(c.dirty, uint32(slot))
		}
	}
	if f.kind == kindList {
		changed = e.compareOrder(t, es) || changed
	}
	if members {
		c.members = e.commits
	}
	if changed || members {
		c.changed = e.commits
	}
	return changed || members
}

// keyChanged tells whether the key field of a list's entry changed, which makes it another entry.
func keyChanged(f *field, t *table, had *entry) bool {
	if f.kind != kindList {
		return false
	}
	key := &f.sub.fields[f.sub.key]
	q := unsafe.Add(t.items[had.slot].value, key.off)
	if key.kind == kindString {
		return *(*string)(q) != had.rec.texts[key.at]
	}
	raw, _ := key.raw(q, 0)
	return raw != had.rec.nums[key.at]
}

// bury takes the entry in a slot out.
func (es *entries) bury(slot int, commit uint64) {
	es.enc.spare = append(es.enc.spare, es.at[slot])
	es.at[slot] = nil
	es.enc.died[slot] = commit
	es.n--
}

// bear puts a new entry into a slot. Its values are compared afterwards.
func (e *Encoder) bear(f *field, it *item, es *entries, slot int) {
	var n *entry
	if last := len(es.enc.spare) - 1; last >= 0 {
		n = es.enc.spare[last]
		es.enc.spare = es.enc.spare[:last]
		*n = entry{rec: n.rec}
		n.rec.reset(f.sub)
	} else {
		n = &entry{rec: newRecord(f.sub, true)}
	}
	n.slot, n.num, n.text, n.serial, n.born = uint32(slot), it.num, it.text, it.serial, e.commits
	es.at[slot] = n
	es.n++
}

// empty takes all entries out and keeps their records for later.
func (es *entries) empty() {
	if es.enc == nil {
		return
	}
	for slot, one := range es.at {
		if one != nil {
			es.bury(slot, 0)
		}
	}
	c := es.enc
	es.at, es.order, c.died = es.at[:0], es.order[:0], c.died[:0]
	c.order, c.members, c.changed, c.cache = 0, 0, 0, shared{}
}

// reset makes the record one of a struct whose fields are all zero, and keeps its memory.
func (r *record) reset(p *plan) {
	clear(r.nums)
	clear(r.commits)
	clear(r.texts)
	for i := range r.blobs {
		r.blobs[i] = r.blobs[i][:0]
	}
	for _, es := range r.kids {
		es.empty()
	}
	r.changed = 0
	r.zero(p)
}

// compareOrder finds out whether the order of a list is another than a client expects that knows
// who came and went: what came stands at the end, by slot.
func (e *Encoder) compareOrder(t *table, es *entries) bool {
	c := es.enc
	c.expect = c.expect[:0]
	for _, slot := range es.order {
		if now := es.at[slot]; now != nil && now.born != e.commits {
			c.expect = append(c.expect, slot)
		}
	}
	for _, slot := range c.dirty {
		if es.at[slot].born == e.commits {
			c.expect = append(c.expect, slot)
		}
	}
	es.order = es.order[:0]
	same, i := true, 0
	for _, slot := range t.order {
		if int(slot) >= len(es.at) || es.at[slot] == nil {
			continue // it cannot be sent
		}
		same = same && i < len(c.expect) && c.expect[i] == slot
		es.order = append(es.order, slot)
		i++
	}
	if !same {
		c.order = e.commits
	}
	return !same
}

// maskBytes returns the number of bytes of a struct's mask.
func (p *plan) maskBytes() int { return (len(p.fields) + 7) / 8 }
