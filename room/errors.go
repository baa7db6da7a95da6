package room

import (
	"fmt"

	"github.com/smartsocket/smartsocket"
)

// The errors of rooms, for errors.Is. All reach a client as they are.
var (
	// ErrFull says that all seats are taken, or all places of spectators.
	ErrFull = smartsocket.NewCode("ROOM_FULL", "the room is full: watch, or try another")
	// ErrLocked says that a room lets in nobody but those who have a seat, see Room.Lock.
	ErrLocked = smartsocket.NewCode("ROOM_LOCKED", "the room is closed to newcomers: try another")
	// ErrOver says that a room has ended.
	ErrOver = smartsocket.NewCode("ROOM_OVER", "the room is over: find another")
	// ErrFailed says that a room has ended because its code panicked.
	ErrFailed = smartsocket.NewCode("ROOM_FAILED", "the room failed and is over: find another")
	// ErrNone says that there is no room of this name.
	ErrNone = smartsocket.NewCode("ROOM_NONE", "there is no such room: check its name")
	// ErrExists says that there is a room of this name already.
	ErrExists = smartsocket.NewCode("ROOM_EXISTS", "there is a room of this name: take another")
	// ErrElsewhere says that the client is in another room of this kind.
	ErrElsewhere = smartsocket.NewCode("ROOM_ELSEWHERE", "you are in another room: leave it first")
	// ErrOutside says that the client is in no room of this kind.
	ErrOutside = smartsocket.NewCode("ROOM_OUTSIDE", "you are in no such room: enter one first")
	// ErrWatching says that a spectator asked for what only players may do.
	ErrWatching = smartsocket.NewCode("ROOM_WATCHING", "you only watch: enter the room to play")
	// ErrInside is returned by what waits for a room if a room's own code calls it: it could wait
	// for itself.
	ErrInside = smartsocket.NewCode("ROOM_INSIDE",
		"a room's own code cannot wait for a room: use Do, or call from a handler")
	// ErrReplaced is why a socket is out of a room when its player has come back on another.
	ErrReplaced = smartsocket.NewCode("ROOM_REPLACED", "you went on in another window or device")
)

// OptionError says which field of Options cannot be used, and how to mend it. Register panics with
// it, because that is a mistake in the program.
type OptionError struct {
	Field string // the field's Go name
	Fix   string // what is wrong with the value and what to give instead
}

// Error names the field and the fix.
func (e *OptionError) Error() string { return "room: Options." + e.Field + ": " + e.Fix }

func badOption(field, format string, args ...any) {
	panic(&OptionError{field, fmt.Sprintf(format, args...)})
}
