package main

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/smartsocket/smartsocket"
)

// game has the matches that are played, by the names of their rooms.
type game struct {
	server  *smartsocket.Server
	mu      sync.Mutex // before match.mu
	matches map[string]*match
	place   func() Point // see world
}

// match is one room: its world, and who plays in it. All that is emitted to the room is emitted
// under mu, so that everybody gets it in the order in which it happened.
type match struct {
	name   string
	room   *smartsocket.Target
	hold   *smartsocket.Hold // Drain waits for it
	mu     sync.Mutex
	world  *world
	seats  map[string]*seat // by player
	banned map[string]bool
}

// seat is a player's place in a match. A socket holds it.
type seat struct {
	match  *match
	id     string // of the player
	socket *smartsocket.Socket
	to     atomic.Pointer[Dir] // where the player wants to go
}

func newGame() *game { return &game{matches: make(map[string]*match), place: anywhere} }

// seatOf is the seat that a socket has taken, nil if none.
func seatOf(s *smartsocket.Socket) *seat {
	seat, _ := s.Get("seat").(*seat)
	return seat
}

// change does something to the player at a socket, and tells the room.
func change[T any](s *smartsocket.Socket, do func(*Player) (T, error)) (result T, err error) {
	seat := seatOf(s)
	if seat == nil {
		return result, errNoSeat
	}
	m := seat.match
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seats[seat.id] != seat { // the match is over, or the player has moved to another socket
		return result, errNoSeat
	}
	p := m.world.players[seat.id]
	if result, err = do(p); err == nil {
		m.room.Emit("player", p)
	}
	return result, err
}

// steer notes where a player wants to go. It runs on the event loop, and takes no lock.
func steer(s *smartsocket.Socket, to Dir, _ smartsocket.Ack) {
	if seat := seatOf(s); seat != nil {
		seat.to.Store(&to)
	}
}

// show lets a socket see the match: first all of it, then whatever happens.
func (m *match) show(s *smartsocket.Socket) error {
	s.Emit("state", m.world.state())
	return s.Join(m.name)
}

// begin returns the match of a room, a new one if there is none. g.mu is held.
func (g *game) begin(name string) (*match, error) {
	if m := g.matches[name]; m != nil {
		return m, nil
	}
	hold, err := g.server.Hold("match "+name, length+time.Minute)
	if err != nil {
		return nil, err // the server drains
	}
	m := &match{name: name, room: g.server.To(name), hold: hold, world: newWorld(g.place),
		seats: make(map[string]*seat), banned: make(map[string]bool)}
	g.matches[name] = m
	return m, nil
}

// join takes a seat in the match of a room, and answers with the player's id. A player who has a
// seat there already, in a session that was lost or on another device, moves here with it.
func (g *game) join(s *smartsocket.Socket, room string) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if seatOf(s) != nil {
		return "", errTwice
	}
	m, err := g.begin(room)
	if err != nil {
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	id := s.Identity().(string)
	old := m.seats[id]
	switch {
	case m.banned[id]:
		return "", errBanned
	case old == nil && len(m.seats) == places:
		return "", errFull
	}
	seat := &seat{match: m, id: id, socket: s}
	m.seats[id] = seat
	s.Set("seat", seat)
	if old == nil {
		m.world.enter(id)
	} else {
		old.socket.Disconnect()
	}
	p := m.world.players[id]
	p.Away = false
	m.room.Emit("player", p)
	return id, m.show(s)
}

// watch shows the match of a room to a spectator.
func (g *game) watch(s *smartsocket.Socket, room string) (bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	m := g.matches[room]
	if m == nil {
		return false, errNoMatch
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return true, m.show(s)
}

// kick sends a player out of the match of a room, for good.
func (g *game) kick(s *smartsocket.Socket, k Kick) (bool, error) {
	if s.Get("admin") != true {
		return false, smartsocket.ErrRejected
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	m := g.matches[k.Room]
	if m == nil {
		return false, errNoMatch
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.banned[k.Player] = true
	seat := m.seats[k.Player]
	if seat != nil {
		seat.socket.Disconnect() // left follows
	}
	return seat != nil, nil
}

// left frees the seat of a socket that has ended. Who leaves last ends the match.
func (g *game) left(s *smartsocket.Socket) {
	seat := seatOf(s)
	if seat == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	m := seat.match
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seats[seat.id] != seat {
		return
	}
	delete(m.seats, seat.id)
	delete(m.world.players, seat.id)
	m.room.Emit("left", seat.id)
	if len(m.seats) == 0 {
		g.end(m)
	}
}

// end ends a match. Both locks are held.
func (g *game) end(m *match) {
	m.room.Emit("over", m.world.state())
	for _, seat := range m.seats {
		seat.socket.Set("seat", nil) // so that the player may join again
	}
	clear(m.seats)
	m.room.Leave(m.name)
	delete(g.matches, m.name)
	m.hold.Release()
}

// run calls tick, until the program ends.
func (g *game) run(ticks <-chan time.Time) {
	for range ticks {
		g.tick()
	}
}

// tick moves every match on by one step, and ends those whose time is over.
func (g *game) tick() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, m := range g.matches {
		m.mu.Lock()
		for id, seat := range m.seats {
			if to := seat.to.Load(); to != nil {
				m.world.players[id].to = *to
			}
		}
		for _, p := range m.world.step() {
			m.room.Emit("player", p)
		}
		m.room.Emit("tick", m.world.frame())
		if m.world.tick >= ticks {
			g.end(m)
		}
		m.mu.Unlock()
	}
}
