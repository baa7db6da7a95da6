package state

// walk says for whom something is encoded.
type walk struct {
	v    *View // nil below the containers of the root, which are the same for all who see them
	base uint64
	own  bool
}

// sent tells whether the field is in the struct's mask at all for this client.
func (f *field) sent(own bool) bool { return !f.key && (own || !f.owner) }

// appendStruct appends the fields that changed since w.base, and tells whether there are any.
func (e *Encoder) appendStruct(dst []byte, p *plan, r *record, w walk) ([]byte, bool) {
	mask, any := len(dst), false
	dst = appendZeros(dst, p.maskBytes())
	for i := range p.fields {
		f := &p.fields[i]
		if !f.sent(w.own) {
			continue
		}
		in := true
		switch f.kind {
		case kindStruct:
			from := len(dst)
			if dst, in = e.appendStruct(dst, f.sub, r, w); !in {
				dst = dst[:from]
			}
		case kindMap, kindList:
			dst, in = e.appendChanges(dst, f, r.kids[f.at], w)
		default:
			if in = r.commits[f.leaf] > w.base; in {
				dst = f.appendValue(dst, r)
			}
		}
		if in {
			dst[mask+i/8] |= 1 << (i % 8)
			any = true
		}
	}
	return dst, any
}

// appendWhole appends the fields that are not zero, which is the form of a checksum. It tells
// whether there are any.
func (e *Encoder) appendWhole(dst []byte, p *plan, r *record, w walk) ([]byte, bool) {
	mask, any := len(dst), false
	dst = appendZeros(dst, p.maskBytes())
	for i := range p.fields {
		f := &p.fields[i]
		if !f.sent(w.own) {
			continue
		}
		in := true
		switch f.kind {
		case kindStruct:
			from := len(dst)
			if dst, in = e.appendWhole(dst, f.sub, r, w); !in {
				dst = dst[:from]
			}
		case kindMap, kindList:
			dst, in = e.appendAll(dst, f, r.kids[f.at], w)
		default:
			if in = !f.isZero(r); in {
				dst = f.appendValue(dst, r)
			}
		}
		if in {
			dst[mask+i/8] |= 1 << (i % 8)
			any = true
		}
	}
	return dst, any
}

func appendZeros(dst []byte, n int) []byte {
	for range n {
		dst = append(dst, 0)
	}
	return dst
}

// isZero tells whether a field that is no struct and no container has its zero value.
func (f *field) isZero(r *record) bool {
	switch f.kind {
	case kindString:
		return r.texts[f.at] == ""
	case kindBytes, kindScalars:
		return len(r.blobs[f.at]) == 0
	}
	return r.nums[f.at] == f.zero
}

// appendValue appends a field that is no struct and no container.
func (f *field) appendValue(dst []byte, r *record) []byte {
	switch f.kind {
	case kindString:
		return appendText(dst, r.texts[f.at])
	case kindBytes:
		return append(appendUvarint(dst, uint64(len(r.blobs[f.at]))), r.blobs[f.at]...)
	case kindScalars:
		if len(r.blobs[f.at]) == 0 {
			return append(dst, 0)
		}
		return append(dst, r.blobs[f.at]...)
	}
	return appendRaw(dst, f.kind, r.nums[f.at])
}

// appendKey appends the key of an entry.
func (f *field) appendKey(dst []byte, n *entry) []byte {
	num, text := n.num, n.text
	if f.kind == kindList {
		key := &f.sub.fields[f.sub.key]
		if key.kind == kindString {
			text = n.rec.texts[key.at]
		} else {
			num = n.rec.nums[key.at]
		}
	}
	if f.keyKind == kindString {
		return appendText(dst, text)
	}
	return appendUvarint(dst, num)
}

// appendAll appends all entries of a container that the client sees, each as a fresh one.
func (e *Encoder) appendAll(dst []byte, f *field, es *entries, w walk) ([]byte, bool) {
	win := w.v.windowOf(f)
	n := es.n
	if win != nil {
		n = win.count(es)
	}
	if n == 0 {
		return dst, false
	}
	if es.dec != nil {
		es.sort()
	}
	dst = appendUvarint(append(dst, 0), uint64(n))
	for _, one := range es.at {
		if one == nil || win != nil && !win.sees(one) {
			continue
		}
		dst = appendUvarint(dst, uint64(one.slot)<<1|1)
		dst = e.appendFresh(dst, f, one, walk{v: w.v, own: w.own || win.owns(one)})
	}
	if f.kind == kindMap {
		return dst, true
	}
	dst = appendUvarint(append(dst, 1), uint64(n))
	for _, slot := range es.order {
		if win == nil || win.sees(es.at[slot]) {
			dst = appendUvarint(dst, uint64(slot))
		}
	}
	return dst, true
}

// appendFresh appends key and values of an entry. What several views need is encoded once a commit,
// except for entries within entries, because they are part of what is shared.
func (e *Encoder) appendFresh(dst []byte, f *field, one *entry, w walk) []byte {
	in := walk{own: w.own}
	if w.own || w.v == nil || e.commits == 0 {
		return e.encodeFresh(dst, f, one, in)
	}
	if one.whole.commit != e.commits {
		from := len(e.bytes)
		e.bytes = e.encodeFresh(e.bytes, f, one, in)
		one.whole = shared{commit: e.commits, from: uint32(from), to: uint32(len(e.bytes))}
	}
	return append(dst, e.bytes[one.whole.from:one.whole.to]...)
}

func (e *Encoder) encodeFresh(dst []byte, f *field, one *entry, w walk) []byte {
	dst = f.appendKey(dst, one)
	if f.sub.scalar {
		return f.sub.fields[0].appendValue(dst, one.rec)
	}
	dst, _ = e.appendWhole(dst, f.sub, one.rec, w)
	return dst
}

// appendChanged appends the values of an entry that changed since w.base.
func (e *Encoder) appendChanged(dst []byte, f *field, one *entry, w walk) []byte {
	if f.sub.scalar {
		return f.sub.fields[0].appendValue(dst, one.rec)
	}
	in := walk{base: w.base, own: w.own}
	if w.own || w.v == nil {
		dst, _ = e.appendStruct(dst, f.sub, one.rec, in)
		return dst
	}
	if c := &one.delta; c.commit != e.commits || c.base != w.base {
		from := len(e.bytes)
		e.bytes, _ = e.appendStruct(e.bytes, f.sub, one.rec, in)
		*c = shared{e.commits, w.base, uint32(from), uint32(len(e.bytes))}
	}
	return append(dst, e.bytes[one.delta.from:one.delta.to]...)
}

// appendChanges appends what changed in a map or list since w.base, and tells whether anything did.
func (e *Encoder) appendChanges(dst []byte, f *field, es *entries, w walk) ([]byte, bool) {
	if win := w.v.windowOf(f); win != nil {
		return e.appendWindow(dst, f, es, win, w)
	}
	c := es.enc
	if c == nil || c.changed <= w.base {
		return dst, false
	}
	if w.v == nil || w.own {
		return e.encodeChanges(dst, f, es, w), true
	}
	if c.cache.commit != e.commits || c.cache.base != w.base {
		// Entries are shared through e.bytes, too, so that this goes through another buffer.
		from := len(dst)
		dst = e.encodeChanges(dst, f, es, w)
		c.cache = shared{commit: e.commits, base: w.base, from: uint32(len(e.bytes))}
		e.bytes = append(e.bytes, dst[from:]...)
		c.cache.to = uint32(len(e.bytes))
		return dst, true
	}
	return append(dst, e.bytes[c.cache.from:c.cache.to]...), true
}

// encodeChanges appends what changed in a container that the client sees wholly. It finds out from
// commits alone: if several entries had a slot since w.base, the slot is among the removed although
// the client may not know it.
func (e *Encoder) encodeChanges(dst []byte, f *field, es *entries, w walk) []byte {
	c, mark := es.enc, len(e.touched)
	removed, touched := c.gone, c.dirty
	recent := e.last == e.commits && w.base >= e.prior // what the last commit found is all
	if !recent {
		e.removed = e.removed[:0]
		for slot, one := range es.at {
			if one == nil && c.died[slot] > w.base {
				e.removed = append(e.removed, uint32(slot))
			}
			if one != nil && one.changed > w.base {
				e.touched = append(e.touched, uint32(slot))
			}
		}
		removed, touched = e.removed, e.touched[mark:]
	}
	dst = appendUvarint(dst, uint64(len(removed)))
	for _, slot := range removed {
		dst = appendUvarint(dst, uint64(slot))
	}
	dst = appendUvarint(dst, uint64(len(touched)))
	for _, slot := range touched {
		one := es.at[slot]
		if one.born > w.base {
			dst = appendUvarint(dst, uint64(slot)<<1|1)
			dst = e.appendFresh(dst, f, one, w)
			continue
		}
		dst = appendUvarint(dst, uint64(slot)<<1)
		dst = e.appendChanged(dst, f, one, w)
	}
	e.touched = e.touched[:mark] // entries within entries lay behind it
	if f.kind == kindList {
		known := c.order <= w.base && (recent || c.members <= w.base)
		dst = appendOrder(dst, es.order, known)
	}
	return dst
}

func appendOrder(dst []byte, order []uint32, known bool) []byte {
	if known {
		return append(dst, 0)
	}
	dst = appendUvarint(append(dst, 1), uint64(len(order)))
	for _, slot := range order {
		dst = appendUvarint(dst, uint64(slot))
	}
	return dst
}
