package refusal

import (
	"github.com/smartsocket/smartsocket/internal/fault"
	"github.com/smartsocket/smartsocket/internal/hub"
	"github.com/smartsocket/smartsocket/message"
)

// OfRoom says in the words of the wire why a socket does not get into a room, by what hub.Hub.Join
// has returned. It returns nil if it does.
func OfRoom(room string, err error) error {
	switch err {
	case nil:
		return nil
	case hub.ErrAbsent:
		return fault.Lost("the socket has left: join rooms while it is connected")
	case hub.ErrFull:
		return fault.Errorf(message.CodeInvalidFormat,
			"the socket is in %d rooms already: leave one first", hub.MaxRooms)
	case hub.ErrReserved:
		return fault.Errorf(message.CodeInvalidFormat,
			"room name %q has the form of a socket id: use another", room)
	}
	return fault.Errorf(message.CodeInvalidFormat,
		"room name %.40q: use 1 to %d bytes", room, hub.MaxName)
}
