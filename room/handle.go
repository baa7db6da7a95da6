package room

import (
	"encoding/json"
	"fmt"

	"github.com/smartsocket/smartsocket"
)

// Handle registers a handler for an event of players, which runs in the turn of their room and
// returns the answer, like one of smartsocket.Handle. Who is in no room of this kind gets
// ErrOutside, and a spectator ErrWatching.
func Handle[S, Req, Res any](
	k *Rooms[S], event string, h func(r *Room[S], m *Member, req Req) (Res, error),
	opts ...smartsocket.HandlerOption,
) {
	smartsocket.Handle(k.ns, event, func(s *smartsocket.Socket, req Req) (res Res, err error) {
		r, err := k.playing(s)
		if err != nil {
			return res, err
		}
		err = r.Call(func(r *Room[S]) (err error) {
			m, at := k.of(s)
			if at != r {
				return ErrOutside
			}
			r.noteEvent(m, event, req)
			res, err = h(r, m, req)
			return err
		})
		return res, err
	}, opts...)
	k.events[event] = func(r *Room[S], m *Member, data json.RawMessage) error {
		var req Req
		if err := json.Unmarshal(data, &req); err != nil {
			return err
		}
		_, err := h(r, m, req)
		return err
	}
}

// replays is a handler of Handle as a Replay calls it.
type replays[S any] func(r *Room[S], m *Member, data json.RawMessage) error

// On registers a handler like Handle for an event that needs no answer. An ack says that it has
// run.
func On[S, T any](
	k *Rooms[S], event string, h func(r *Room[S], m *Member, v T),
	opts ...smartsocket.HandlerOption,
) {
	Handle(k, event, func(r *Room[S], m *Member, v T) (any, error) {
		h(r, m, v)
		return nil, nil
	}, opts...)
}

// playing is the room in which a socket has a seat.
func (k *Rooms[S]) playing(s *smartsocket.Socket) (*Room[S], error) {
	m, r := k.of(s)
	switch {
	case m == nil:
		return nil, ErrOutside
	case m.spectator:
		return nil, ErrWatching
	}
	return r, nil
}

// panicError is a panic of what Save has returned.
type panicError struct{ value any }

func (e *panicError) Error() string { return fmt.Sprintf("it panicked: %v", e.value) }
