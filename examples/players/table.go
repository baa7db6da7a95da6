package main

import (
	"errors"
	"sync"

	"github.com/smartsocket/smartsocket"
)

// room is where everybody at the table is.
const room = "table"

// table has a few seats. A seat belongs to a player, and is held by the socket that took it, from
// join until that socket has ended.
type table struct {
	mu     sync.Mutex
	size   int
	seats  map[string]*smartsocket.Socket // by player
	banned map[string]bool
}

func newTable(size int) *table {
	return &table{size: size, seats: make(map[string]*smartsocket.Socket),
		banned: make(map[string]bool)}
}

func (t *table) register(v *smartsocket.Server) {
	smartsocket.Handle(v, "join", t.join)
	smartsocket.Handle(v, "kick", t.kick)
	v.OnConnected(func(s *smartsocket.Socket) {
		if s.Recovered() {
			t.tell(s, "back")
		}
	})
	v.OnDisconnected(func(s *smartsocket.Socket, _ smartsocket.Reason) { t.tell(s, "away") })
	v.OnEnded(func(s *smartsocket.Socket, _ smartsocket.Reason) { t.leave(s) })
}

// player is who is at the other end. See docs/guides/AUTHENTICATION.md.
func player(s *smartsocket.Socket) string { return s.Identity().(string) }

// join takes a seat, and returns who has one. A player who has one already, at another device or in
// a session that was lost, moves here with it.
func (t *table) join(s *smartsocket.Socket, _ struct{}) ([]string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	name := player(s)
	old := t.seats[name]
	switch {
	case t.banned[name]:
		return nil, errors.New("you were kicked")
	case old == nil && len(t.seats) == t.size:
		return nil, errors.New("the table is full")
	}
	if err := s.Join(room); err != nil {
		return nil, err
	}
	t.seats[name] = s
	if old != nil && old != s {
		old.Disconnect()
	}
	if old == nil {
		s.To(room).Emit("joined", name)
	}
	players := make([]string, 0, len(t.seats))
	for name := range t.seats {
		players = append(players, name)
	}
	return players, nil
}

// kick sends a player away. That works as well while the player's connection is lost.
func (t *table) kick(s *smartsocket.Socket, name string) (bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if player(s) != "admin" {
		return false, errors.New("only the admin may kick")
	}
	t.banned[name] = true
	seat := t.seats[name]
	if seat != nil {
		seat.Disconnect() // leave follows
	}
	return seat != nil, nil
}

// leave frees the seat of a socket that has ended, if it has not moved to another one.
func (t *table) leave(s *smartsocket.Socket) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if name := player(s); t.seats[name] == s {
		delete(t.seats, name)
		s.To(room).Emit("left", name)
	}
}

// tell tells the others what has become of a player.
func (t *table) tell(s *smartsocket.Socket, what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if name := player(s); t.seats[name] == s {
		s.To(room).Emit(what, name)
	}
}
