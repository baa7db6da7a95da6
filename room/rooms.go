package room

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/smartsocket/smartsocket"
)

// Rooms are the rooms of one kind. Make them with Register. Their methods may be called
// concurrently.
type Rooms[S any] struct {
	opts     Options[S]
	ns       *smartsocket.Namespace
	srv      *smartsocket.Server
	log      *slog.Logger
	schedule *schedule
	stateful bool   // S has tags for clients
	mark     string // under which a socket has its Member
	step     time.Duration
	stats    counters
	writes   sync.WaitGroup        // what Save has returned, and recordings
	events   map[string]replays[S] // of Handle, for Replay

	mu      sync.Mutex
	byName  map[string]*Room[S]
	list    []*Room[S]         // as they were made
	holders map[string]*Member // who has a seat, or is about to get one, by key
	writing map[string]*writer // what is being saved, by the room's name
	closed  bool
	serial  uint64
}

// Register makes a kind of rooms in a namespace, and registers the events of their members there.
// It is to be called before the server starts, once for each name in a namespace. It panics with an
// *OptionError if the options cannot be.
func Register[S any](ns *smartsocket.Namespace, o Options[S]) *Rooms[S] {
	o = o.checked()
	v := ns.Server()
	k := &Rooms[S]{
		opts: o, ns: ns, srv: v, log: v.Logger(), schedule: newSchedule(v),
		stateful: describes[S](), mark: "room " + o.Name, byName: make(map[string]*Room[S]),
		holders: make(map[string]*Member), writing: make(map[string]*writer),
		events: make(map[string]replays[S]),
	}
	if o.Rate > 0 {
		k.step = stepOf(o.Rate)
	}
	ns.OnConnected(k.back)
	ns.OnDisconnected(k.left)
	ns.OnEnded(k.ended)
	k.listen()
	return k
}

// Name is that of the kind.
func (k *Rooms[S]) Name() string { return k.opts.Name }

// Room returns the room of a name, nil if there is none.
func (k *Rooms[S]) Room(name string) *Room[S] {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.byName[name]
}

// All lists the rooms, in the order in which they were made. The list is the caller's.
func (k *Rooms[S]) All() []*Room[S] {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.list)
}

// Find lists the rooms for which keep returns true. keep may use what of a Room is not for its turn
// alone, and no method of Rooms.
func (k *Rooms[S]) Find(keep func(*Room[S]) bool) []*Room[S] {
	return slices.DeleteFunc(k.All(), func(r *Room[S]) bool { return !keep(r) })
}

// Len counts the rooms.
func (k *Rooms[S]) Len() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.list)
}

// Of returns the room that a socket is in, and its Member there; nil if there is none.
func (k *Rooms[S]) Of(s *smartsocket.Socket) (*Room[S], *Member) {
	m, r := k.of(s)
	return r, m
}

func (k *Rooms[S]) of(s *smartsocket.Socket) (*Member, *Room[S]) {
	m, _ := s.Get(k.mark).(*Member)
	if m == nil {
		return nil, nil
	}
	return m, m.room.(*Room[S])
}

// Create makes a room. An empty name becomes a random one of 12 letters and digits. label is what
// the room is found by, see Room.Label. The error is ErrExists, what Load or OnOpen returned,
// ErrInside, or, with Options.Drain, ErrShuttingDown while the server drains.
func (k *Rooms[S]) Create(name string, label any) (*Room[S], error) {
	if inside() {
		return nil, ErrInside
	}
	k.mu.Lock()
	r, err := k.create(name, label)
	k.mu.Unlock()
	if err != nil {
		return nil, err
	}
	r.run(atOnce)
	return r, r.Err()
}

// create makes a room whose turn is taken: the caller runs it, and not under mu, which is held.
func (k *Rooms[S]) create(name string, label any) (*Room[S], error) {
	switch {
	case k.closed:
		return nil, ErrOver
	case k.byName[name] != nil:
		return nil, ErrExists
	case name == "":
		name = strings.ToLower(rand.Text()[:12])
	}
	r := newRoom(k, name, label)
	if len(r.hall) > maxHall {
		e := *smartsocket.ErrInvalidFormat.(*smartsocket.Error)
		e.Message = fmt.Sprintf("room name %.40q: use at most %d bytes", name,
			maxHall-len(k.opts.Name)-1)
		return nil, &e
	}
	if k.opts.Drain > 0 {
		var err error
		if r.hold, err = k.srv.Hold("room "+r.hall, k.opts.Drain); err != nil {
			return nil, err
		}
	}
	k.byName[name] = r
	k.list = append(k.list, r)
	k.stats.opened.Add(1)
	r.jobs = append(r.jobs, job{do: r.open})
	r.running = true
	return r, nil
}

// Wish says which room a socket is to be placed in, see Rooms.Place.
type Wish[S any] struct {
	// Label is what the room's Label must be equal to. A new room gets it.
	Label any
	// Where chooses among the rooms of that label; nil takes any. It may use what of a Room is not
	// for its turn alone, and no method of Rooms.
	Where func(*Room[S]) bool
	// Value is for Member.Value of somebody who enters, and of no use for one who comes back.
	Value any
}

// Place gives a socket a seat: the one that waits for him if there is one, whatever he wishes now,
// otherwise one in the oldest room that fits, and in a new room if none does. When it returns the
// socket is in the room, and has been sent the state.
func (k *Rooms[S]) Place(s *smartsocket.Socket, w Wish[S]) (*Room[S], *Member, error) {
	if inside() {
		return nil, nil, ErrInside
	}
	if at, _ := k.of(s); at != nil && at.spectator {
		return nil, nil, ErrElsewhere
	}
	for {
		m := k.newMember(s, nil, w.Value)
		r, fresh, err := k.choose(m, w)
		if err != nil {
			return nil, nil, err
		}
		if fresh {
			r.run(atOnce)
		}
		got, err := r.let(m)
		if err != nil && !fresh && err == r.Err() { // it ended meanwhile
			continue
		}
		return r, got, err
	}
}

// choose finds a room for m and reserves a seat there, or makes one, whose turn is taken.
func (k *Rooms[S]) choose(m *Member, w Wish[S]) (r *Room[S], fresh bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if at := k.holders[m.key]; at != nil {
		m.room = at.room
		return at.room.(*Room[S]), false, nil
	}
	for _, r := range k.list {
		if r.fits() && r.Label() == w.Label && (w.Where == nil || w.Where(r)) {
			k.take(r, m)
			return r, false, nil
		}
	}
	if r, err = k.create("", w.Label); err == nil {
		k.take(r, m)
	}
	return r, err == nil, err
}

// fits reports whether a player may be placed in r. Rooms.mu is held.
func (r *Room[S]) fits() bool { return !r.shut && !r.Locked() && !r.Full() && r.Err() == nil }

// take reserves a seat for m. mu is held.
func (k *Rooms[S]) take(r *Room[S], m *Member) {
	m.reserved, m.room = true, r
	r.taken.Add(1)
	k.holders[m.key] = m
}

// reserve takes a place for m, unless that is done.
func (r *Room[S]) reserve(m *Member) error {
	k := r.rooms
	k.mu.Lock()
	defer k.mu.Unlock()
	if m.reserved {
		return nil
	}
	if m.spectator {
		limit := k.opts.Spectators
		if limit >= 0 && int(r.audience.Load()) >= limit {
			return ErrFull
		}
		m.reserved = true
		r.audience.Add(1)
		return nil
	}
	at := k.holders[m.key]
	switch {
	case at != nil && at.room == lodging(r) && !at.in: // he enters twice at once, or on two sockets
		at.reserved, m.reserved = false, true
		k.holders[m.key] = m
		return nil
	case at != nil:
		return ErrElsewhere
	case r.Locked():
		return ErrLocked
	case r.Full():
		return ErrFull
	}
	k.take(r, m)
	return nil
}

// release gives back what reserve took.
func (k *Rooms[S]) release(m *Member) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !m.reserved {
		return
	}
	m.reserved = false
	r := m.room.(*Room[S])
	if m.spectator {
		r.audience.Add(-1)
		return
	}
	r.taken.Add(-1)
	if k.holders[m.key] == m {
		delete(k.holders, m.key)
	}
}

// shut keeps everybody out of a room that is about to end because nobody is in it. It returns false
// if somebody is about to enter.
func (k *Rooms[S]) shut(r *Room[S]) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	r.shut = r.taken.Load()+r.audience.Load() == 0
	return r.shut
}

// forget takes a room that is over out of the lists.
func (k *Rooms[S]) forget(r *Room[S]) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.byName[r.name] == r {
		delete(k.byName, r.name)
		i := slices.Index(k.list, r)
		k.list = slices.Delete(k.list, i, i+1)
		k.stats.ended.Add(1)
	}
}

// Close ends all rooms, with this reason, and makes no further ones. When it returns, all have
// ended, and what Save has returned has been written. It is not for a room's own code.
func (k *Rooms[S]) Close(why error) {
	k.mu.Lock()
	k.closed = true
	k.mu.Unlock()
	for _, r := range k.All() {
		_ = r.Call(func(r *Room[S]) error { r.Close(why); return nil })
	}
	k.writes.Wait()
}

// Leave lets a socket out of the room that it is in. Its Member leaves for good.
func (k *Rooms[S]) Leave(s *smartsocket.Socket) {
	if r, _ := k.Of(s); r != nil {
		r.Leave(s)
	}
}
