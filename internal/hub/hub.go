package hub

import (
	"errors"
	"slices"
	"sync"
)

const (
	// MaxName is the longest name of a room in bytes. It bounds what a client
	// that chooses names can make the server keep.
	MaxName = 128
	// MaxRooms is how many rooms one member may be in. The costs of leaving and
	// removing grow with that number, and the hub's lock is held meanwhile.
	MaxRooms = 256
)

// The reasons why Join stops.
var (
	// ErrAbsent says that the member is not in the hub, or not any more.
	ErrAbsent = errors.New("hub: the member is not here")
	// ErrName says that the name is empty or longer than MaxName.
	ErrName = errors.New("hub: a room's name has 1 to 128 bytes")
	// ErrReserved says that the name is one that New's reserved keeps from rooms.
	ErrReserved = errors.New("hub: the name is reserved")
	// ErrFull says that the member is in MaxRooms rooms already.
	ErrFull = errors.New("hub: the member is in 256 rooms already")
)

// Hub is an index of members and rooms. Make one with New. All methods are safe for concurrent use.
type Hub[M any] struct {
	members  *Directory[M]
	reserved func(name string) bool
	lists    sync.Pool // buffers of Select

	mu    sync.Mutex
	rooms map[string]*room[M]
	all   group[M]
	marks uint64 // counts the selections
	away  int    // members of all that are away

	occupied int // rooms with a member that is not away
}

// New makes an empty hub, whose members can be found in d as well. reserved reports whether a name
// must not be a room's. It is called under the hub's lock: it must neither block nor call the hub.
func New[M any](d *Directory[M], reserved func(name string) bool) *Hub[M] {
	return &Hub[M]{members: d, reserved: reserved, rooms: make(map[string]*room[M])}
}

// place returns the Place inside a member.
func (h *Hub[M]) place(m M) *Place[M] { return h.members.place(m) }

// byID returns the Place of the member with an id, nil if there is none. Caller holds mu.
func (h *Hub[M]) byID(id string) *Place[M] { return h.members.find(h, id) }

// here reports whether the member with p is in the hub. Caller holds mu.
func (h *Hub[M]) here(p *Place[M]) bool { return h.byID(p.ID) == p }

// member returns the member with p, which is here. Caller holds mu.
func (h *Hub[M]) member(p *Place[M]) M { return h.all.list[p.index] }

// Add puts m into the hub under the id of its Place, in no room. The id must be free in the
// whole Directory, and this hub be the member's home.
func (h *Hub[M]) Add(m M) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.place(m)
	p.index = h.all.add(m, p)
	h.members.add(p.ID, m)
}

// Remove takes m out of its rooms and out of the hub. It reports whether m was
// there, which is true once for each Add.
func (h *Hub[M]) Remove(m M) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.place(m)
	if !h.here(p) {
		return false
	}
	h.setAway(p, true) // so that nobody counts it
	h.members.remove(p.ID)
	p.away = false
	h.away--
	if moved := h.all.drop(p.index); moved != nil {
		moved.index = p.index
	}
	for _, s := range p.seats {
		h.stand(s)
	}
	p.seats = nil
	return true
}

// SetAway notes whether m is away: it keeps its rooms and is still addressed,
// but nothing counts it. A member that is not in the hub is ignored.
func (h *Hub[M]) SetAway(m M, away bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.place(m); h.here(p) {
		h.setAway(p, away)
	}
}

func (h *Hub[M]) setAway(p *Place[M], away bool) {
	if p.away == away {
		return
	}
	p.away = away
	step := 1
	if away {
		step = -1
	}
	h.away -= step
	for _, s := range p.seats {
		h.count(s.room, step)
	}
}

// count notes that step more members of r are present. Caller holds mu.
func (h *Hub[M]) count(r *room[M], step int) {
	before := r.present
	r.present += step
	switch {
	case before == 0 && r.present > 0:
		h.occupied++
	case before > 0 && r.present == 0:
		h.occupied--
	}
}

// Join puts m into rooms, in this order. A room that m is in already is passed
// over. Join stops at the first name that it cannot take, and returns it with
// the reason, one of the four errors above. The rooms before it stay joined.
func (h *Hub[M]) Join(m M, names []string) (refused string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.place(m)
	if !h.here(p) {
		return "", ErrAbsent
	}
	for _, name := range names {
		if err := h.join(m, p, name); err != nil {
			return name, err
		}
	}
	return "", nil
}

func (h *Hub[M]) join(m M, p *Place[M], name string) error {
	if name == "" || len(name) > MaxName {
		return ErrName
	}
	if h.reserved(name) {
		return ErrReserved
	}
	r := h.rooms[name]
	if r != nil && p.in(r) >= 0 {
		return nil
	}
	if len(p.seats) >= MaxRooms {
		return ErrFull
	}
	if r == nil {
		r = &room[M]{name: name}
		h.rooms[name] = r
	}
	p.seats = append(p.seats, seat[M]{r, r.members.add(m, p)})
	if !p.away {
		h.count(r, 1)
	}
	return nil
}

// Leave takes m out of rooms. Rooms that m is not in are passed over.
func (h *Hub[M]) Leave(m M, names []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.place(m)
	for _, name := range names {
		r := h.rooms[name]
		if r == nil {
			continue
		}
		if i := p.in(r); i >= 0 {
			if !p.away {
				h.count(r, -1)
			}
			h.stand(p.seats[i])
			p.seats = slices.Delete(p.seats, i, i+1)
		}
	}
}

// stand gives up a seat in its room, where its member is not counted any more. The seat stays in
// its Place. Caller holds mu.
func (h *Hub[M]) stand(s seat[M]) {
	r := s.room
	if moved := r.members.drop(s.at); moved != nil {
		moved.seats[moved.in(r)].at = s.at
	}
	if len(r.members.list) == 0 {
		delete(h.rooms, r.name)
	}
}

// RoomsOf lists the rooms that m is in, in the order in which it joined them.
func (h *Hub[M]) RoomsOf(m M) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.place(m)
	names := make([]string, len(p.seats))
	for i, s := range p.seats {
		names[i] = s.room.name
	}
	return names
}

// In reports whether m is in a room.
func (h *Hub[M]) In(m M, name string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.rooms[name]
	return r != nil && h.place(m).in(r) >= 0
}

// ByID returns the member with an id, the zero value if there is none.
func (h *Hub[M]) ByID(id string) (m M) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.byID(id); p != nil {
		m = h.member(p)
	}
	return m
}

// Size counts the members that are not away, and the rooms that they are in.
func (h *Hub[M]) Size() (members, rooms int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.all.list) - h.away, h.occupied
}

// AwaySize counts the members that are away.
func (h *Hub[M]) AwaySize() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.away
}

// RoomSize counts the members of a room that are not away.
func (h *Hub[M]) RoomSize(name string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r := h.rooms[name]; r != nil {
		return r.present
	}
	return 0
}

// RoomNames lists the rooms with members that are not away, sorted.
func (h *Hub[M]) RoomNames() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	names := make([]string, 0, h.occupied)
	for name, r := range h.rooms {
		if r.present > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
