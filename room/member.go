package room

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/room/state"
)

// Member is somebody in a room: a player, who has a seat, or a spectator. It stays the same from
// entering to leaving, whatever happens to the connections of his client. Except for Key, its
// fields and methods are for the room's turn.
type Member struct {
	// Value is the application's. It begins with what Enter, Watch or Place was given.
	Value any

	key       string
	socket    *smartsocket.Socket
	room      lodging
	spectator bool
	away      bool
	in        bool // entered, and not out again
	named     bool // the key is more than the session
	reserved  bool // guarded by Rooms.mu: the room counts it

	until time.Duration // when the seat is over, by the schedule; 0 = the session is not
	seq   uint64        // of the last input that was handled
	sight sight         // what its client has of the state

	asked atomic.Int64 // when it was last sent the state because it asked, by the schedule

	// Guarded by inputs.mu.
	queued int    // inputs that wait
	last   uint64 // seq of the last input that came
	epoch  uint32 // counts the sockets of the member
}

// lodging is a room of any kind, as its members see it.
type lodging interface {
	view(m *Member) *state.View
}

// Key says who the member is: what Options.Key said, the identity, or the id of the socket.
func (m *Member) Key() string { return m.key }

// Socket is the member's socket, the last one if he is away.
func (m *Member) Socket() *smartsocket.Socket { return m.socket }

// Spectator reports whether the member only watches.
func (m *Member) Spectator() bool { return m.spectator }

// Away reports whether the member's client is gone, and his seat waits for it.
func (m *Member) Away() bool { return m.away }

// Seq is the number of the member's last input that OnInput was given.
func (m *Member) Seq() uint64 { return m.seq }

// View is the member's view of the room's State, from OnEnter until he is out, whatever his client
// does. It is nil if the State is none for clients.
func (m *Member) View() *state.View { return m.room.view(m) }

// Emit sends an event to the member alone, see smartsocket.Socket.Emit.
func (m *Member) Emit(event string, data any, opts ...smartsocket.EmitOption) (
	smartsocket.Delivery, error,
) {
	return m.socket.Emit(event, data, opts...)
}

// newMember makes the member that s would be.
func (k *Rooms[S]) newMember(s *smartsocket.Socket, r *Room[S], value any) *Member {
	m := &Member{Value: value, socket: s, room: r}
	if k.opts.Key != nil {
		m.key = k.opts.Key(s)
	} else {
		m.key = smartsocket.IdentityOf[string](s)
	}
	if m.named = m.key != ""; !m.named {
		m.key = s.ID()
	}
	return m
}

// left is told that the connection of a socket has ended. If its session ends too, ended follows.
func (k *Rooms[S]) left(s *smartsocket.Socket, why smartsocket.Reason) {
	if m, r := k.of(s); m != nil && comesBack(why) {
		r.post(job{do: func() { r.away(m, s) }})
	}
}

// back is told that a socket is connected. A new one is in no room.
func (k *Rooms[S]) back(s *smartsocket.Socket) {
	if m, r := k.of(s); m != nil {
		r.post(job{do: func() { r.back(m, s) }})
	}
}

// ended is told that the session of a socket is over.
func (k *Rooms[S]) ended(s *smartsocket.Socket, why smartsocket.Reason) {
	if m, r := k.of(s); m != nil {
		r.post(job{do: func() { r.ended(m, s, why) }})
	}
}

// away notes that the member's client is gone.
func (r *Room[S]) away(m *Member, s *smartsocket.Socket) {
	if !m.in || m.socket != s || m.away {
		return
	}
	m.away = true
	r.noteOf(m, "away", nil)
	r.present--
	r.rooms.stats.away.Add(1)
	if f := r.rooms.opts.OnAway; f != nil {
		f(r, m)
	}
}

// back notes that it is here again.
func (r *Room[S]) back(m *Member, s *smartsocket.Socket) {
	if !m.in || m.socket != s || !m.away {
		return
	}
	r.noteOf(m, "back", nil)
	r.returned(m)
}

// returned is back for whatever socket the member has now.
func (r *Room[S]) returned(m *Member) {
	if r.welcome(m); m.in {
		r.show(m)
	}
}

// welcome tells the application that a member is here again.
func (r *Room[S]) welcome(m *Member) {
	if m.away {
		m.away, m.until = false, 0
		r.present++
		r.rooms.stats.away.Add(-1)
	}
	if f := r.rooms.opts.OnBack; f != nil {
		f(r, m)
	}
}

// ended notes that the member's session is over. The seat of a player may wait for another one.
func (r *Room[S]) ended(m *Member, s *smartsocket.Socket, why smartsocket.Reason) {
	if !m.in || m.socket != s {
		return
	}
	keep := r.rooms.opts.Seats
	if m.spectator || !m.named || keep == 0 || !comesBack(why) {
		r.lost(m, ending(why))
		return
	}
	r.away(m, s)
	m.until = r.rooms.schedule.now() + keep
}

// comesBack reports whether a client may connect again after its session has ended like that.
func comesBack(why smartsocket.Reason) bool {
	return uint16(why.Code) != message.CloseNormal && message.Reconnects(uint16(why.Code))
}

// ending is why a member left whose session has ended; nil if he said goodbye.
func ending(why smartsocket.Reason) error {
	if uint16(why.Code) == message.CloseNormal {
		return nil
	}
	e := *message.ErrConnectionLost
	e.Message = "the session of the player has ended: " + why.String()
	e.Cause = why.Err
	return &e
}

// enter lets m in, as a player or a spectator, or gives the seat of the same key to m's socket.
func (r *Room[S]) enter(m *Member) (*Member, error) {
	k, s := r.rooms, m.socket
	if err := r.Err(); err != nil {
		return nil, err
	}
	if s.Context().Err() != nil {
		return nil, smartsocket.ErrConnectionLost
	}
	if at, _ := k.of(s); at != nil {
		if at.room == lodging(r) && at.spectator == m.spectator {
			return at, nil
		}
		return nil, ErrElsewhere
	}
	if seat := r.Member(m.key); seat != nil && !m.spectator {
		return seat, r.moved(seat, s)
	}
	if err := r.admit(m); err != nil {
		return nil, err
	}
	return m, nil
}

// moved gives a seat to another socket of its player.
func (r *Room[S]) moved(m *Member, s *smartsocket.Socket) error {
	old := m.socket
	r.dismiss(m, ErrReplaced)
	old.Leave(r.hall)
	old.Set(r.rooms.mark, nil)
	m.socket = s
	s.Set(r.rooms.mark, m)
	r.inbox.Load().restart(m)
	if r.rec != nil {
		r.note(&Record{Kind: "back", Key: m.key, Moved: true})
	}
	if r.welcome(m); !m.in {
		return ErrOutside
	}
	if err := s.Join(r.hall); err != nil { // the socket has died, and the seat may wait for another
		r.ended(m, s, diedOnTheWay)
		return err
	}
	r.show(m)
	err := r.missed(m)
	if err != nil {
		r.ended(m, s, diedOnTheWay)
	}
	return err
}

var diedOnTheWay = smartsocket.Reason{Code: 1006, Text: "the connection was lost on the way in"}

// admit lets in somebody new.
func (r *Room[S]) admit(m *Member) error {
	k, s := r.rooms, m.socket
	if err := r.reserve(m); err != nil {
		return err
	}
	m.in = true
	r.noteOf(m, "enter", nil)
	r.add(m)
	if f := k.opts.OnEnter; f != nil {
		if err := f(r, m); err != nil {
			r.drop(m)
			return err
		}
	}
	if !m.in { // OnEnter has sent him out again
		return ErrOutside
	}
	if err := s.Join(r.hall); err != nil {
		r.lost(m, err)
		return err
	}
	s.Set(k.mark, m)
	r.show(m)
	err := r.missed(m)
	if err != nil {
		r.lost(m, err)
	}
	return err
}

// missed looks after a socket that has gone while it entered, whose end nobody has told the room.
// The error says that its session is over.
func (r *Room[S]) missed(m *Member) error {
	switch s := m.socket; {
	case s.Connected():
	case s.Context().Err() == nil:
		r.away(m, s)
	default:
		return smartsocket.ErrConnectionLost
	}
	return nil
}

// add puts m on the list of its kind.
func (r *Room[S]) add(m *Member) {
	r.occupied()
	r.present++
	if m.spectator {
		r.watching = append(r.watching, m)
		r.rooms.stats.spectators.Add(1)
		return
	}
	r.seats = append(r.seats, m)
	r.rooms.stats.players.Add(1)
}

// lost lets m out for a reason that the room's own code does not have.
func (r *Room[S]) lost(m *Member, why error) {
	if m.in {
		r.noteOf(m, "leave", why)
	}
	r.remove(m, why)
}

// remove lets m out, and tells him and the application.
func (r *Room[S]) remove(m *Member, why error) {
	if !m.in {
		return
	}
	if why != nil {
		r.dismiss(m, why)
	} else {
		r.sendEnd(m)
	}
	r.drop(m)
	if f := r.rooms.opts.OnLeave; f != nil {
		f(r, m, why)
	}
}

// drop takes m out of everything.
func (r *Room[S]) drop(m *Member) {
	k := r.rooms
	m.in, m.sight = false, sight{}
	if m.away {
		k.stats.away.Add(-1)
	} else {
		r.present--
	}
	m.socket.Leave(r.hall)
	if at, _ := m.socket.Get(k.mark).(*Member); at == m {
		m.socket.Set(k.mark, nil)
	}
	if m.spectator {
		r.watching = without(r.watching, m)
		k.stats.spectators.Add(-1)
	} else {
		r.seats = without(r.seats, m)
		k.stats.players.Add(-1)
	}
	k.release(m)
}

// without returns a list without m, in order. The old one stays as it is for who walks it.
func without(list []*Member, m *Member) []*Member {
	i := slices.Index(list, m)
	if i < 0 || len(list) == 1 {
		return nil
	}
	return slices.Concat(list[:i], list[i+1:])
}
