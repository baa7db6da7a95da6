// Package room has rooms for games and whatever else several people do together: one room's code
// never runs twice at a time, ticks at a fixed step, keeps the seats of players who drop, and is
// over when it should be.
//
//	type Arena struct {
//		Ships state.Map[string, Ship] `state:"ships"`
//	}
//	type Ship struct {
//		X float64 `state:"x,min=0,max=1000,step=0.1"`
//	}
//
//	arenas := room.Register(server.Namespace("/game"), room.Options[Arena]{
//		Name: "arena", Rate: 30, Capacity: 16, Seats: 20 * time.Second,
//		OnOpen:  func(r *room.Room[Arena]) error { … },
//		OnEnter: func(r *room.Room[Arena], m *room.Member) error { … },
//		OnInput: func(r *room.Room[Arena], m *room.Member, in room.Input) { … },
//		OnTick:  func(r *room.Room[Arena]) { … },
//		OnLeave: func(r *room.Room[Arena], m *room.Member, why error) { … },
//	})
//	smartsocket.Handle(game, "play", func(s *smartsocket.Socket, p Play) (string, error) {
//		r, _, err := arenas.Place(s, room.Wish[Arena]{Label: p.Mode, Value: p.Name})
//		…
//		return r.Name(), nil
//	})
//	room.Handle(arenas, "buy",
//		func(r *room.Room[Arena], m *room.Member, o Order) (Receipt, error) { … })
//
// # The turn
//
// A room is its State and the code that works on it. That code runs in the room's turn: the hooks
// of Options, handlers of Handle and On, and functions given to Room.Do and Room.Call. There is one
// turn at a time for each room, so none of this needs a lock. A turn has no goroutine of its own.
// Whoever comes when the room is free takes the turn, and what comes meanwhile is done in the same
// turn, in the order in which it came. A room in which nothing happens is memory and nothing else:
// less than 1 KB, and no timer. Code that blocks in its turn holds up its own room alone.
//
// What is emitted in a turn leaves in one write for each client when the turn ends, and the state
// behind it. Room.Urgent does not wait for that, and neither do answers of handlers.
//
// A room lives on one server. Behind a balancer, players of one room must come to the same one.
//
// # Ticks
//
// A room with a Rate ticks while somebody is in it. A tick first hands the inputs that have come to
// OnInput, then it calls OnTick. The time from tick to tick is always Room.Step, whatever the clock
// says. A tick that cannot begin in time is late, which Stats measures. If several are due, up to
// Options.CatchUp of them run one after the other. If more are, the oldest are left out, and so are
// their numbers: while the room ticks, its ticks are numbered by the time at which they were due.
//
// The ticks of different rooms lie on different milliseconds of a step, as far as there are enough.
// Rooms of one millisecond share a wake-up. NewTicker ticks without a room.
//
// # Members
//
// Enter and Place give a socket a seat and Watch lets it in as a spectator. Entering is one step:
// when it returns the client has been sent the state, and gets whatever follows. A Member is a
// player as the room knows him, by his Key, whatever happens to his connections:
//
//	Enter ──▶ OnEnter ──▶ here ──OnAway──▶ away ──▶ OnLeave
//	                        ▲                │
//	                        └──── OnBack ────┘
//
// He is away when his connection is lost. While his session waits for him, the seat does. When the
// session has ended it waits for Options.Seats more, and whoever then enters under the same Key
// gets the seat, on this device or another. Who says goodbye or is kicked has left at once.
//
// # The end
//
// A room ends by Close, when nobody has been in it for Options.Empty, when OnOpen fails, or when
// its code panics. A panic is logged and counted and ends that room alone. Members get the event
// name:over with an Over, and whatever still wants to enter gets the error that Room.Err says.
//
// # The state
//
// If fields of State have tags of package room/state, clients hold the same state. What has changed
// travels at the end of each tick, also what handlers changed since the last one. In a room that
// does not tick it travels at the end of each turn. A
// client that is behind is sent nothing until it is not, and then all that has changed since. Who
// enters, comes back or asks for it gets the whole state. Options.OnView says which entries are a
// member's own, and Options.Interest what he sees: what lies outside is never sent to him.
//
// # Recordings
//
// Options.Record writes what comes to a room into a file, bounded and redacted: members, inputs,
// ticks, and the events of Handle and On. Replay plays it with the same code, for debugging, as a
// test of what should not change, or as a load. The states are equal if the code asks for time and
// chance by Room.Now and Room.Rand alone, and changes the State in hooks and handlers.
//
// # Events
//
// With the Name "arena" these events are the room's: arena carries the state, arena:over says that
// a member is out, arena:input brings an Input, and arena:sync asks for the whole state.
//
// # Locks
//
// Rooms.mu guards the lists of rooms, who has which seat, the counts of seats, and what is to be
// saved. It is held for memory work and for Wish.Where. turns.mu guards what waits for a room's
// turn, schedule.mu what is due when, inputs.mu the inputs that wait, recorder.mu what is to be
// recorded. Under Rooms.mu the server's lock of holds is taken; all others are leaves. None is held
// while code of the application runs, except Where.
//
// # Reading order
//
// options.go and rooms.go are the kind, room.go is one room, turns.go how its code runs and
// schedule.go when. tick.go, input.go, member.go, state.go and send.go are what happens in a turn,
// interest.go what members see. handle.go, ticker.go, record.go and replay.go stand on the rest,
// save.go and stats.go are what one would expect.
package room
