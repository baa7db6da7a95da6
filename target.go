package smartsocket

import "sync"

// Target is a selection of sockets, built by To, ToSocket and Except and
// resolved when Emit is called. A Target is immutable; each method returns a new one.
type Target struct {
	ns     *Namespace
	names  []string
	except []string
	out    []*Socket
	nobody bool

	anywhere bool // the names are ids that were not found here, of sockets in any namespace
	local    bool // not for the other nodes
}

// To adds rooms, or sockets by id. Without any To the whole namespace is selected.
func (t *Target) To(names ...string) *Target {
	c := *t
	c.names = append(append([]string(nil), t.names...), names...)
	c.anywhere = t.anywhere && len(names) == 0
	c.nobody = t.nobody && len(names) == 0
	return &c
}

// Except leaves out the members of rooms, or sockets by id.
func (t *Target) Except(names ...string) *Target {
	c := *t
	c.except = append(append([]string(nil), t.except...), names...)
	return &c
}

// ExceptSocket leaves out sockets.
func (t *Target) ExceptSocket(sockets ...*Socket) *Target {
	c := *t
	c.out = append(append([]*Socket(nil), t.out...), sockets...)
	return &c
}

// Local keeps the broadcast to the sockets of this server, when a Broker joins it with others.
func (t *Target) Local() *Target {
	c := *t
	c.local = true
	return &c
}

// selected returns the sockets of this server that are selected. With a buffer
// the list lies in it, else it is borrowed from the hub; give it back either way.
func (t *Target) selected() (list []*Socket, buf *[]*Socket) {
	h := t.ns.hub
	if len(t.except) == 0 && len(t.out) == 0 && len(t.names) <= 1 {
		name := ""
		if len(t.names) == 1 {
			if name = t.names[0]; name == "" {
				return nil, nil
			}
		}
		return h.Named(name), nil
	}
	buf = socketLists.Get().(*[]*Socket)
	return h.Selection((*buf)[:0], t.names, t.except, t.out), buf
}

// giveBack ends the use of what selected returned.
func giveBack(list []*Socket, buf *[]*Socket) {
	if buf == nil {
		return
	}
	clear(list)
	*buf = list[:0]
	socketLists.Put(buf)
}

var socketLists = sync.Pool{New: func() any { return new([]*Socket) }}
