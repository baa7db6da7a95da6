package smartsocket

import (
	"slices"
	"strings"
	"sync"

	"github.com/smartsocket/smartsocket/internal/fault"
	"github.com/smartsocket/smartsocket/message"
)

// hub is a namespace's local index: who is there, under which id, in which
// room. Joining, leaving and looking up cost the same however many sockets and
// rooms there are. One mutex guards it all; it is held only for memory work,
// never while something is sent.
type hub struct {
	mu    sync.Mutex
	ids   map[string]*Socket
	where *sync.Map // the server's: socket id to *Namespace
	all   members   // everybody; a socket knows its own position
	rooms map[string]*room
	marks uint64
	away  int // sockets in all whose client is away, with a session to come back to
}

// room is a named set of sockets. An empty room does not exist.
type room struct {
	name  string
	set   members
	index map[*Socket]int32
}

// members is a list that broadcasts may walk while it changes: a list that was
// handed out is never modified: the next removal copies it first.
type members struct {
	list []*Socket
	lent bool
}

const (
	maxRoomName = 128
	maxRooms    = 256 // per socket
)

func newHub(where *sync.Map) *hub {
	return &hub{where: where, ids: make(map[string]*Socket), rooms: make(map[string]*room)}
}

// add needs no copy: readers of a lent list do not look past its length.
func (m *members) add(s *Socket) int32 {
	m.list = append(m.list, s)
	return int32(len(m.list) - 1)
}

// drop removes position i by moving the last member there, which it returns.
func (m *members) drop(i int32) (moved *Socket) {
	m.own()
	last := len(m.list) - 1
	moved = m.list[last]
	m.list[i] = moved
	m.list[last] = nil
	m.list = m.list[:last]
	if int(i) == last {
		return nil
	}
	return moved
}

// set puts s at position i.
func (m *members) set(i int32, s *Socket) {
	m.own()
	m.list[i] = s
}

// own makes sure that nobody else reads the list.
func (m *members) own() {
	if m.lent {
		m.list = append(make([]*Socket, 0, len(m.list)), m.list...)
		m.lent = false
	}
}

// lend hands the list out for reading.
func (m *members) lend() []*Socket {
	m.lent = true
	return m.list
}

func (h *hub) add(s *Socket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ids[s.id] = s
	h.where.Store(s.id, s.ns)
	s.index = h.all.add(s)
}

// remove takes the socket out of all its rooms and of the namespace.
func (h *hub) remove(s *Socket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ids[s.id] != s {
		return
	}
	delete(h.ids, s.id)
	h.where.Delete(s.id)
	if s.away {
		h.away--
	}
	if moved := h.all.drop(s.index); moved != nil {
		moved.index = s.index
	}
	for _, r := range s.rooms {
		h.dropFrom(r, s)
	}
	s.rooms = nil
}

// replace puts the socket of a resumed session where the earlier one stood, in all its rooms.
func (h *hub) replace(old, s *Socket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ids[old.id] != old {
		return
	}
	h.ids[s.id] = s
	s.index, s.rooms, old.rooms = old.index, old.rooms, nil
	if old.away {
		h.away--
	}
	h.all.set(s.index, s)
	for _, r := range s.rooms {
		i := r.index[old]
		delete(r.index, old)
		r.index[s] = i
		r.set.set(i, s)
	}
}

func (h *hub) join(s *Socket, names []string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ids[s.id] != s {
		return fault.Lost("the socket has left: join rooms while it is connected")
	}
	for _, name := range names {
		if err := checkRoom(name); err != nil {
			return err
		}
		r := h.rooms[name]
		if r == nil {
			r = &room{name: name, index: make(map[*Socket]int32)}
		}
		if _, in := r.index[s]; in {
			continue
		}
		if len(s.rooms) >= maxRooms {
			return fault.Errorf(message.CodeInvalidFormat, "the socket is in %d rooms already: leave one first", maxRooms)
		}
		h.rooms[name] = r
		r.index[s] = r.set.add(s)
		s.rooms = append(s.rooms, r)
	}
	return nil
}

func checkRoom(name string) error {
	if name == "" || len(name) > maxRoomName {
		return fault.Errorf(message.CodeInvalidFormat, "room name %.40q: use 1 to %d bytes", name, maxRoomName)
	}
	if isSocketID(name) {
		return fault.Errorf(message.CodeInvalidFormat, "room name %q has the form of a socket id: use another", name)
	}
	return nil
}

func isSocketID(name string) bool {
	return len(name) == len(socketIDPrefix)+22 && strings.HasPrefix(name, socketIDPrefix)
}

func (h *hub) leave(s *Socket, names []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, name := range names {
		r := h.rooms[name]
		if r == nil {
			continue
		}
		if _, in := r.index[s]; in {
			h.dropFrom(r, s)
			s.rooms = slices.DeleteFunc(s.rooms, func(x *room) bool { return x == r })
		}
	}
}

func (h *hub) dropFrom(r *room, s *Socket) {
	i := r.index[s]
	delete(r.index, s)
	if moved := r.set.drop(i); moved != nil {
		r.index[moved] = i
	}
	if len(r.set.list) == 0 {
		delete(h.rooms, r.name)
	}
}

func (h *hub) roomsOf(s *Socket) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	names := make([]string, len(s.rooms))
	for i, r := range s.rooms {
		names[i] = r.name
	}
	return names
}

func (h *hub) in(s *Socket, name string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.rooms[name]
	if r == nil {
		return false
	}
	_, in := r.index[s]
	return in
}

func (h *hub) byID(id string) *Socket {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ids[id]
}

func (h *hub) size() (sockets, rooms int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.all.list) - h.away, len(h.rooms)
}

// goAway notes that the client of s is away while s stays in its rooms.
func (h *hub) goAway(s *Socket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ids[s.id] == s && !s.away {
		s.away = true
		h.away++
	}
}

func (h *hub) roomSize(name string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r := h.rooms[name]; r != nil {
		return len(r.set.list)
	}
	return 0
}

func (h *hub) roomNames() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	names := make([]string, 0, len(h.rooms))
	for name := range h.rooms {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// named returns the members of a room, or of the whole namespace for "". The
// list is borrowed: it may be read for ever and must not be changed.
func (h *hub) named(name string) []*Socket {
	h.mu.Lock()
	defer h.mu.Unlock()
	if name == "" {
		return h.all.lend()
	}
	if s := h.ids[name]; s != nil {
		return []*Socket{s}
	}
	if r := h.rooms[name]; r != nil {
		return r.set.lend()
	}
	return nil
}

// selection appends the union of names (all, when there are none) without the
// members of except and the sockets of out, each socket once.
func (h *hub) selection(dst []*Socket, names, except []string, out []*Socket) []*Socket {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.marks++
	for _, s := range out {
		// By id: s may be of another namespace, or the earlier socket of a session.
		if here := h.ids[s.id]; here != nil {
			here.mark = h.marks
		}
	}
	for _, name := range except {
		for _, s := range h.resolve(name) {
			s.mark = h.marks
		}
	}
	take := func(list []*Socket) {
		for _, s := range list {
			if s.mark != h.marks {
				s.mark = h.marks
				dst = append(dst, s)
			}
		}
	}
	if len(names) == 0 {
		take(h.all.list)
	}
	for _, name := range names {
		take(h.resolve(name))
	}
	return dst
}

// resolve is a socket id if the name is one, else a room. Caller holds mu.
func (h *hub) resolve(name string) []*Socket {
	if s := h.ids[name]; s != nil {
		return []*Socket{s}
	}
	if r := h.rooms[name]; r != nil {
		return r.set.list
	}
	return nil
}
