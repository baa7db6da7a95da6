package hub

// Place is where a member stands in its hub. It lies inside the member, one Place in one hub. The
// hub guards all of it except ID. A Place must not be copied once its member was added.
type Place[M any] struct {
	// ID is the member's name in the hub. The owner sets it before Add and does
	// not change it afterwards, so that anybody may read it without a lock.
	ID string

	seats []seat[M] // the member's rooms, in the order in which it joined them
	mark  uint64    // the last selection that has met the member
	index int32     // in Hub.all
	away  bool      // not counted, see SetAway
}

// seat is a place in a room.
type seat[M any] struct {
	room *room[M]
	at   int32 // in room.members
}

// in returns the position of r among the member's seats, -1 if it is not in r.
func (p *Place[M]) in(r *room[M]) int {
	for i := range p.seats {
		if p.seats[i].room == r {
			return i
		}
	}
	return -1
}

// room is a named group. An empty room does not exist.
type room[M any] struct {
	name    string
	members group[M]
	present int // members that are not away
}

// group is a list of members that broadcasts may walk while it changes.
type group[M any] struct {
	list   []M
	places []*Place[M] // of the members of list, so that a selection finds them without a call
	lent   bool        // somebody may read list at any time; places is never lent
}

// add puts m at the end and returns its position. It never copies for readers:
// they do not look past the length of what they were lent.
func (g *group[M]) add(m M, p *Place[M]) int32 {
	g.list = append(g.list, m)
	g.places = append(g.places, p)
	return int32(len(g.list) - 1)
}

// drop removes position i. The last member moves there: drop returns its Place,
// or nil when the last one was to go.
func (g *group[M]) drop(i int32) (moved *Place[M]) {
	g.own()
	var none M
	last := len(g.list) - 1
	if int(i) != last {
		moved = g.places[last]
		g.list[i], g.places[i] = g.list[last], moved
	}
	g.list[last], g.places[last] = none, nil // so that the group keeps nobody alive
	g.list, g.places = g.list[:last], g.places[:last]
	return moved
}

// own makes sure that nobody else reads the list.
func (g *group[M]) own() {
	if g.lent {
		g.list = append(make([]M, 0, len(g.list)), g.list...)
		g.lent = false
	}
}

// lend hands the list out for reading, without room to append to.
func (g *group[M]) lend() []M {
	g.lent = true
	return g.list[:len(g.list):len(g.list)]
}
