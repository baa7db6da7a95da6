package room

import (
	"cmp"
	"io"
	"strings"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/room/state"
)

// Forever is how long an empty room is kept that is never to end by itself.
const Forever time.Duration = -1

// Options say what the rooms of one kind are. Only Name is needed. Hooks run in the room's turn:
// one at a time for each room, on changing goroutines. They may read and change the State, and
// should not block, because the room's ticks wait.
type Options[S any] struct {
	// Name is that of the kind: 1 to 64 letters, digits, hyphens and underscores. It is also the
	// name of the event that carries the state, and the first part of name:input and the like.
	Name string
	// Rate is how many ticks the room has in a second, up to 1000; 0 means that it does not tick.
	Rate int
	// CatchUp is how many ticks run at once when the room is late; the default is 3. If more are
	// due, the oldest are left out, and their numbers with them. 1 never catches up.
	CatchUp int
	// Always says that a room also ticks while nobody is in it.
	Always bool
	// Capacity is the number of seats; 0 means no limit.
	Capacity int
	// Spectators is how many may watch; 0 means nobody, -1 no limit.
	Spectators int
	// Seats is how long a seat is kept for a player whose session has ended, so that he may come
	// back under the same Key. 0 frees it at once. While a session waits for its client
	// (smartsocket.Options.EnableMessageCache), the seat waits in any case. A player who says
	// goodbye, or is kicked, loses it at once.
	Seats time.Duration
	// Empty is how long a room is kept that nobody is in. The default is 10 s. See Forever.
	Empty time.Duration
	// Inputs is how many inputs of one player may wait for the next tick; the default is 32.
	// Further ones are dropped and counted.
	Inputs int
	// InputBytes limits the data of one input; the default is 1024.
	InputBytes int
	// Key says who a client is, so that another session of his gets his seat. By default that is
	// the socket's Identity if that is a string, and otherwise its session alone. "" means the
	// latter, too. It is asked outside of the room's turn.
	Key func(s *smartsocket.Socket) string

	// OnOpen fills the State of a new room. An error ends the room, and is the answer to whoever
	// wanted it.
	OnOpen func(r *Room[S]) error
	// OnEnter lets a member in, a player or a spectator: the state that it sees follows behind it.
	// An error refuses him.
	OnEnter func(r *Room[S], m *Member) error
	// OnInput gets the inputs of the players, in their order, ahead of OnTick, or as they come if
	// the room does not tick.
	OnInput func(r *Room[S], m *Member, in Input)
	// OnTick moves the room on by one step, which is always as long, see Room.Step and Room.Tick.
	OnTick func(r *Room[S])
	// OnAway is told that a member's client has lost its connection and may come back.
	OnAway func(r *Room[S], m *Member)
	// OnBack is told that it has come back, perhaps on another socket.
	OnBack func(r *Room[S], m *Member)
	// OnView is given the view of a member before it is used for the first time, to say which
	// entries of the State are the member's own, and which he will see for as long as he is there.
	// Without OnView and Interest he sees all, except for what only owners see.
	OnView func(r *Room[S], m *Member, v *state.View)
	// Interest says what a member sees of the State, ahead of each message to him. See, SeeTeam and
	// SeeNear make one for a map of the State.
	Interest Interest[S]
	// OnLeave is told that a member is out of the room. why is nil if he has left by himself,
	// otherwise the reason that Kick was given, or an error that says how his session ended.
	OnLeave func(r *Room[S], m *Member, why error)
	// OnClose is told that the room ends, while its members are still in it. It does not run after
	// a panic.
	OnClose func(r *Room[S], why error)

	// Save copies what is to be kept of a room, in its turn, and returns what writes that, which
	// runs on a goroutine of its own, one at a time for each room; nil writes nothing. It is asked
	// every SaveEvery while somebody is in the room, when the room ends, and by Room.Save. A
	// failure is logged and counted.
	Save func(r *Room[S]) func() error
	// SaveEvery is how often Save is asked; 0 means not by time.
	SaveEvery time.Duration
	// Load fills the State of a new room from what Save has kept under its Name, ahead of OnOpen.
	// It is asked when that is written.
	Load func(r *Room[S]) error

	// Record says where a new room is recorded, for Replay; nil, or a nil writer, is nowhere. It is
	// written on a goroutine, and closed when the room ends. What comes to the room is recorded:
	// members, inputs, ticks, and the events of Handle and On. What Do and Call change is not.
	Record func(r *Room[S]) (io.WriteCloser, error)
	// RecordBytes limits a recording; the default is 64 MiB. The rest is left out.
	RecordBytes int64
	// Redact sees each Record before it is written, and may change it, as to take out what is
	// private. It leaves out those for which it returns false. What it takes out, a replay lacks.
	// If it panics, nothing more is recorded.
	Redact func(e *Record) bool

	// Drain is how long Server.Drain waits for a room with players; 0 means not at all.
	Drain time.Duration
}

// defaults used where Options have 0.
const (
	defaultCatchUp    = 3
	defaultEmpty      = 10 * time.Second
	defaultInputs     = 32
	defaultInputBytes = 1024
	defaultRecord     = 64 << 20
	maxRate           = 1000
	maxKind           = 64
)

// checked fills the defaults in, and panics on what cannot be.
func (o Options[S]) checked() Options[S] {
	switch {
	case !validKind(o.Name):
		badOption("Name", "%.80q: use 1 to %d letters, digits, hyphens and underscores",
			o.Name, maxKind)
	case o.Rate < 0 || o.Rate > maxRate:
		badOption("Rate", "%d ticks in a second: use 0 to %d", o.Rate, maxRate)
	case o.Rate == 0 && o.OnTick != nil:
		badOption("Rate", "there is an OnTick, but 0 ticks in a second: use 1 to %d", maxRate)
	case o.CatchUp < 0:
		badOption("CatchUp", "%d: use 1 or more, or 0 for %d", o.CatchUp, defaultCatchUp)
	case o.Capacity < 0:
		badOption("Capacity", "%d: use 0 for no limit", o.Capacity)
	case o.Spectators < -1:
		badOption("Spectators", "%d: use -1 for no limit", o.Spectators)
	case o.Seats < 0:
		badOption("Seats", "%v: use 0 for not at all", o.Seats)
	case o.Empty < Forever:
		badOption("Empty", "%v: use room.Forever to keep empty rooms", o.Empty)
	case o.Inputs < 0 || o.InputBytes < 0:
		badOption("Inputs", "%d inputs of %d bytes: use 0 for the defaults, %d of %d",
			o.Inputs, o.InputBytes, defaultInputs, defaultInputBytes)
	case o.RecordBytes < 0:
		badOption("RecordBytes", "%d: use 0 for %d", o.RecordBytes, defaultRecord)
	case o.SaveEvery < 0 || o.SaveEvery > 0 && o.Save == nil:
		badOption("SaveEvery", "%v without something to do: set Save, too", o.SaveEvery)
	}
	o.CatchUp = cmp.Or(o.CatchUp, defaultCatchUp)
	o.Empty = cmp.Or(o.Empty, defaultEmpty)
	o.Inputs = cmp.Or(o.Inputs, defaultInputs)
	o.InputBytes = cmp.Or(o.InputBytes, defaultInputBytes)
	o.RecordBytes = cmp.Or(o.RecordBytes, defaultRecord)
	return o
}

func validKind(name string) bool {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	return name != "" && len(name) <= maxKind && strings.Trim(name, allowed) == ""
}
