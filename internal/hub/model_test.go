package hub

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// member is the simplest thing that can be in a hub.
type member struct {
	place Place[*member]
	home  int // the index of its hub in the world
}

func placeOf(m *member) *Place[*member] { return &m.place }

func isReserved(name string) bool { return strings.HasPrefix(name, "id") }

// world is hubs with one Directory.
type world struct {
	all  *Directory[*member]
	hubs []*Hub[*member]
}

func newWorld(n int) *world {
	w := &world{hubs: make([]*Hub[*member], n)}
	w.all = NewDirectory(placeOf, func(m *member) *Hub[*member] { return w.hubs[m.home] })
	for i := range w.hubs {
		w.hubs[i] = New(w.all, isReserved)
	}
	return w
}

func newHub() *Hub[*member] { return newWorld(1).hubs[0] }

func newMember(id string) *member { return &member{place: Place[*member]{ID: id}} }

// model is the same as a Hub, as naively as can be.
type model struct {
	members map[string]*member
	rooms   map[*member][]string // in the order of joining
	away    map[*member]bool
}

func (x *model) here(m *member) bool { return m != nil && x.members[m.place.ID] == m }

func (x *model) join(m *member, names []string) (string, error) {
	if !x.here(m) {
		return "", ErrAbsent
	}
	for _, name := range names {
		switch {
		case name == "" || len(name) > MaxName:
			return name, ErrName
		case isReserved(name):
			return name, ErrReserved
		case slices.Contains(x.rooms[m], name):
		case len(x.rooms[m]) >= MaxRooms:
			return name, ErrFull
		default:
			x.rooms[m] = append(x.rooms[m], name)
		}
	}
	return "", nil
}

func (x *model) leave(m *member, names []string) {
	x.rooms[m] = slices.DeleteFunc(x.rooms[m], func(r string) bool {
		return slices.Contains(names, r)
	})
}

func (x *model) remove(m *member) bool {
	if !x.here(m) {
		return false
	}
	delete(x.members, m.place.ID)
	delete(x.rooms, m)
	delete(x.away, m)
	return true
}

// addressed is the set of members that a name stands for.
func (x *model) addressed(name string) map[*member]bool {
	set := make(map[*member]bool)
	for _, m := range x.members {
		if name == m.place.ID || slices.Contains(x.rooms[m], name) {
			set[m] = true
		}
	}
	return set
}

func (x *model) selection(names, except []string, out []*member) map[*member]bool {
	set := make(map[*member]bool)
	for _, m := range x.members {
		set[m] = len(names) == 0
	}
	for _, name := range names {
		for m := range x.addressed(name) {
			set[m] = true
		}
	}
	for _, name := range except {
		for m := range x.addressed(name) {
			set[m] = false
		}
	}
	for _, m := range out {
		if here := x.members[m.place.ID]; here != nil {
			set[here] = false
		}
	}
	maps.DeleteFunc(set, func(_ *member, in bool) bool { return !in })
	return set
}

// pair is a Hub, the model of it, and what was lent so far.
type pair struct {
	t     testing.TB
	hub   *Hub[*member]
	model model
	ever  []*member // all members, also those that are gone
	lent  [][2][]*member
	next  func() int // the source of chance: 0 to 255
}

func newPair(t testing.TB, next func() int) *pair {
	return &pair{t: t, hub: newHub(), next: next, model: model{
		members: make(map[string]*member),
		rooms:   make(map[*member][]string),
		away:    make(map[*member]bool),
	}}
}

// member picks one of all there ever were.
func (x *pair) member() *member {
	if len(x.ever) == 0 {
		x.add()
	}
	return x.ever[x.next()%len(x.ever)]
}

func (x *pair) add() {
	m := newMember(fmt.Sprint("id", len(x.ever)))
	x.ever = append(x.ever, m)
	x.model.members[m.place.ID] = m
	x.hub.Add(m)
}

// names picks up to three rooms, now and then a name that is none or an id.
func (x *pair) names() []string {
	names := make([]string, x.next()%4)
	for i := range names {
		switch n := x.next(); {
		case n < 200:
			names[i] = fmt.Sprint("room", n%12)
		case n < 205:
			names[i] = ""
		case n < 210:
			names[i] = strings.Repeat("x", MaxName+1)
		case len(x.ever) > 0:
			names[i] = x.ever[n%len(x.ever)].place.ID
		}
	}
	return names
}

// step does one thing to both and compares what they return.
func (x *pair) step() {
	switch op := x.next() % 16; op {
	case 0, 1, 3:
		x.add()
	case 2:
		m := x.member()
		if got, want := x.hub.Remove(m), x.model.remove(m); got != want {
			x.t.Fatalf("Remove(%s) = %v, want %v", m.place.ID, got, want)
		}
	case 4, 5:
		m, away := x.member(), op == 4
		x.hub.SetAway(m, away)
		if x.model.here(m) {
			x.model.away[m] = away
		}
	case 6, 7:
		m, names := x.member(), x.names()
		x.hub.Leave(m, names)
		x.model.leave(m, names)
	case 8:
		x.borrow()
	case 9, 10:
		x.selection()
	default:
		m, names := x.member(), x.names()
		refused, err := x.hub.Join(m, names)
		if name, want := x.model.join(m, names); refused != name || err != want {
			x.t.Fatalf("Join(%q) = %q, %v, want %q, %v", names, refused, err, name, want)
		}
	}
}

// borrow takes a list, and notes what is in it.
func (x *pair) borrow() {
	name := fmt.Sprint("room", x.next()%12)
	if x.next()%3 == 0 {
		name = ""
	}
	list := x.hub.Named(name)
	x.lent = append(x.lent, [2][]*member{list, slices.Clone(list)})
}

func (x *pair) selection() {
	names, except := x.names(), x.names()
	var out []*member
	for range x.next() % 3 {
		m := x.member()
		if x.next()%4 == 0 {
			m = newMember(m.place.ID) // of another hub, as it were
		}
		out = append(out, m)
	}
	before := newMember("before")
	self, others := "", out
	if len(out) > 0 && x.next()%2 == 0 {
		self, others = out[0].place.ID, out[1:] // by its id alone
	}
	got := x.hub.Selection([]*member{before}, names, except, others, self)
	if got[0] != before {
		x.t.Fatal("Selection does not append")
	}
	x.sameSet(fmt.Sprintf("selection %q without %q and %d", names, except, len(out)),
		got[1:], x.model.selection(names, except, out))
}

func (x *pair) sameSet(what string, got []*member, want map[*member]bool) {
	x.t.Helper()
	seen := make(map[*member]bool)
	for _, m := range got {
		if seen[m] || !want[m] {
			x.t.Fatalf("%s: %s is there twice (%v) or wrongly", what, m.place.ID, seen[m])
		}
		seen[m] = true
	}
	if len(seen) != len(want) {
		x.t.Fatalf("%s: %d members, want %d", what, len(seen), len(want))
	}
}

// present is the part of a set that is away, or that is not.
func (x *pair) present(set map[*member]bool, away bool) map[*member]bool {
	maps.DeleteFunc(set, func(m *member, _ bool) bool { return x.model.away[m] != away })
	return set
}

// check compares all that can be asked.
func (x *pair) check() {
	x.t.Helper()
	rooms, occupied := make(map[string]int), make(map[string]int)
	for _, m := range x.ever {
		want := x.model.rooms[m]
		if got := x.hub.RoomsOf(m); !slices.Equal(got, want) {
			x.t.Fatalf("%s is in %q, want %q", m.place.ID, got, want)
		}
		for _, r := range want {
			rooms[r]++
			if !x.model.away[m] {
				occupied[r]++
			}
			if !x.hub.In(m, r) {
				x.t.Fatalf("%s is not in %q", m.place.ID, r)
			}
		}
		if m := m.place.ID; x.hub.ByID(m) != x.model.members[m] {
			x.t.Fatalf("ByID(%s) is another", m)
		}
		x.sameSet("the id", x.hub.Named(m.place.ID), x.model.addressed(m.place.ID))
		x.sameSet("the present id", x.hub.Present(m.place.ID),
			x.present(x.model.addressed(m.place.ID), false))
	}
	away, everybody := x.present(x.model.selection(nil, nil, nil), true), len(x.model.members)
	if n, r := x.hub.Size(); n != everybody-len(away) || r != len(occupied) {
		x.t.Fatalf("Size() = %d, %d, want %d, %d", n, r, everybody-len(away), len(occupied))
	}
	if got := x.hub.RoomNames(); !slices.Equal(got, slices.Sorted(maps.Keys(occupied))) {
		x.t.Fatalf("rooms %q, want %v", got, occupied)
	}
	for name := range rooms {
		if got := x.hub.RoomSize(name); got != occupied[name] {
			x.t.Fatalf("%d in %s, want %d", got, name, occupied[name])
		}
		x.sameSet(name, x.hub.Named(name), x.model.addressed(name))
		x.sameSet(name, x.hub.Present(name), x.present(x.model.addressed(name), false))
	}
	x.sameSet("everybody", x.hub.Named(""), x.model.selection(nil, nil, nil))
	x.sameSet("away", x.hub.Away(), away)
	x.sameSet("present", x.hub.Present(""), x.present(x.model.selection(nil, nil, nil), false))
	for _, l := range x.lent {
		if !slices.Equal(l[0], l[1]) {
			x.t.Fatal("a list that was lent has changed")
		}
	}
}

// TestModel does random things to a hub and to the model, and compares.
func TestModel(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		x := newPair(t, func() int { return random.IntN(256) })
		for i := range 1000 {
			x.step()
			if i%50 == 0 {
				x.check()
			}
		}
		x.check()
	}
}

// FuzzOperations reads what is done to the hub from the input.
func FuzzOperations(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("0000 join leave remove replace"))
	for seed := range uint64(4) {
		random := rand.New(rand.NewPCG(seed, 2))
		b := make([]byte, 300)
		for i := range b {
			b[i] = byte(random.IntN(256))
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = b[:min(len(b), 2000)]
		x := newPair(t, func() int {
			if len(b) == 0 {
				return 0
			}
			n := int(b[0])
			b = b[1:]
			return n
		})
		for len(b) > 0 {
			x.step()
		}
		x.check()
	})
}
