package hub

// Named returns the members that a name addresses: the member with that id, else the members of
// that room, or everybody for "". The list is lent: it may be read at any time and must not be
// changed. It does not follow later changes. Named allocates nothing, except for an id.
func (h *Hub[M]) Named(name string) []M {
	h.mu.Lock()
	defer h.mu.Unlock()
	if name == "" {
		return h.all.lend()
	}
	if p := h.byID(name); p != nil {
		return []M{h.member(p)}
	}
	if r := h.rooms[name]; r != nil {
		return r.members.lend()
	}
	return nil
}

// Present returns those whom Named returns and who are not away. The list is lent as that of
// Named; while somebody is away it is a copy.
func (h *Hub[M]) Present(name string) []M {
	h.mu.Lock()
	defer h.mu.Unlock()
	if name == "" {
		return h.all.present(len(h.all.list) - h.away)
	}
	if p := h.byID(name); p != nil && !p.away {
		return []M{h.member(p)}
	}
	if r := h.rooms[name]; r != nil {
		return r.members.present(r.present)
	}
	return nil
}

// Away lists the members that are away.
func (h *Hub[M]) Away() []M {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.all.pick(h.away, true)
}

// present returns the n members that are not away.
func (g *group[M]) present(n int) []M {
	if n == len(g.list) {
		return g.lend()
	}
	return g.pick(n, false)
}

// pick copies the n members that are away, or those that are not.
func (g *group[M]) pick(n int, away bool) []M {
	list := make([]M, 0, n)
	for i, p := range g.places {
		if p.away == away {
			list = append(list, g.list[i])
		}
	}
	return list
}

// Select returns those whom Selection appends. The list is lent as that of Named, or lies in a
// buffer of the hub's: give both back with Return. Select allocates nothing, except for an id.
func (h *Hub[M]) Select(names, except []string, out []M, self string) (list []M, buf *[]M) {
	if len(except) == 0 && len(out) == 0 && self == "" {
		switch {
		case len(names) == 0:
			return h.Named(""), nil
		case len(names) == 1 && names[0] == "":
			return nil, nil
		case len(names) == 1 && !h.reserved(names[0]):
			return h.Named(names[0]), nil // lent, while for an id it is made anew
		}
	}
	buf, ok := h.lists.Get().(*[]M)
	if !ok {
		buf = new([]M)
	}
	return h.Selection((*buf)[:0], names, except, out, self), buf
}

// Return ends the use of what Select returned.
func (h *Hub[M]) Return(list []M, buf *[]M) {
	if buf == nil {
		return
	}
	clear(list) // so that the buffer keeps nobody alive
	*buf = list[:0]
	h.lists.Put(buf)
}

// Selection appends to dst whom any of names addresses, everybody if there are
// no names, without those whom except addresses, without out, and without the member
// whose id is self, if there is one. Each member comes once. A name is a member's id or
// a room. The members of out are left out by their ids, because they may be of another
// hub. dst is the caller's, and names, except and out are borrowed for the call.
func (h *Hub[M]) Selection(dst []M, names, except []string, out []M, self string) []M {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.marks++
	h.markID(self)
	for _, m := range out {
		h.markID(h.place(m).ID)
	}
	for _, name := range except {
		if !h.markID(name) && h.rooms[name] != nil {
			for _, p := range h.rooms[name].members.places {
				p.mark = h.marks
			}
		}
	}
	if len(names) == 0 {
		return h.all.take(dst, h.marks)
	}
	for _, name := range names {
		if p := h.byID(name); p != nil {
			if p.mark != h.marks {
				p.mark = h.marks
				dst = append(dst, h.member(p))
			}
		} else if r := h.rooms[name]; r != nil {
			dst = r.members.take(dst, h.marks)
		}
	}
	return dst
}

// markID marks the member with an id as met by the selection, and reports
// whether there is one. Caller holds mu.
func (h *Hub[M]) markID(id string) bool {
	p := h.byID(id)
	if p != nil {
		p.mark = h.marks
	}
	return p != nil
}

// take appends the members that the selection has not met, and marks them.
func (g *group[M]) take(dst []M, mark uint64) []M {
	for i, p := range g.places {
		if p.mark != mark {
			p.mark = mark
			dst = append(dst, g.list[i])
		}
	}
	return dst
}
