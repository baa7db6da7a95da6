package room

import (
	"reflect"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/room/state"
)

const (
	// checkEvery is how often a client's state is checked by a checksum.
	checkEvery = 5 * time.Second
	// askEvery is how often a client may ask for the whole state.
	askEvery = 500 * time.Millisecond
)

// sight is what a member's client has of the state, for the room's turn.
type sight struct {
	view  *state.View // nil until it is asked for
	shown bool        // the client has been sent the state
	check time.Duration
}

// volatile is how states are sent: a client that is behind gets what has changed once it is not.
var volatile = []smartsocket.EmitOption{smartsocket.Volatile}

// describes reports whether the fields of S are a state for clients. It panics if they should be
// and cannot.
func describes[S any]() bool {
	t := reflect.TypeFor[S]()
	if t.Kind() != reflect.Struct {
		return false
	}
	for i := range t.NumField() {
		if _, tagged := t.Field(i).Tag.Lookup("state"); tagged {
			if _, err := state.Describe[S](); err != nil {
				badOption("S", "the type of the state: %v", err)
			}
			return true
		}
	}
	return false
}

// draw makes the encoder of an occupied room.
func (r *Room[S]) draw() {
	if !r.rooms.stateful {
		return
	}
	e, err := state.NewEncoder(&r.State, r.rooms.step)
	if err != nil {
		panic(err) // Register has described the type
	}
	r.out.encoder = e
}

// show sends a member all that it may see, with what this turn has changed so far.
func (r *Room[S]) show(m *Member) {
	if r.view(m) == nil {
		return
	}
	m.sight.shown = true
	r.keep()
	m.sight.view.Reset()
	r.update(m, r.rooms.schedule.now())
}

// view implements lodging.
func (r *Room[S]) view(m *Member) *state.View {
	o := r.out
	if o == nil || o.encoder == nil || !m.in {
		return nil
	}
	if m.sight.view == nil {
		m.sight.view = o.encoder.View()
		if f := r.rooms.opts.OnView; f != nil {
			f(r, m, m.sight.view)
		}
	}
	return m.sight.view
}

// keep has the encoder take the state as it is. If the room ticks, the number stays that of the
// last tick, so that those who have that already get the rest with the next one.
func (r *Room[S]) keep() {
	at := r.at
	if r.rooms.step == 0 && !r.replays { // a replay has the ticks of its recording
		r.tick++
	} else if r.next != 0 {
		at = r.timeOf(r.next - r.rooms.step)
	}
	if err := r.out.encoder.Commit(r.tick, time.UnixMicro(at)); err != nil {
		r.rooms.log.Error("a state cannot be sent as it is", "room", r.hall, "error", err)
	}
}

// commit sends the members what has changed, at the end of a turn that has ticked, or of any turn
// if the room does not tick.
func (r *Room[S]) commit() {
	o := r.out
	if o == nil || o.encoder == nil || r.rooms.step > 0 && o.shown == r.tick {
		return
	}
	r.keep()
	o.shown = r.tick
	now := r.rooms.schedule.now()
	for _, list := range [...][]*Member{r.seats, r.watching} {
		for _, m := range list {
			if m.in && !m.away && m.sight.shown {
				r.update(m, now)
			}
		}
	}
}

// update sends one member what it does not have yet, unless its client is behind.
func (r *Room[S]) update(m *Member, now time.Duration) {
	k, o, v := r.rooms, r.out, m.sight.view
	if k.srv.Behind(m.socket) {
		k.stats.behind.Add(1)
		return
	}
	if f := k.opts.Interest; f != nil {
		f(r, m, v)
	}
	v.SetInput(m.seq)
	whole := v.Base() == 0
	check := now >= m.sight.check
	message, any := v.AppendDelta(o.message[:0], check)
	if o.message = message; !any {
		return
	}
	if check || whole {
		m.sight.check = now + checkEvery
	}
	d, err := m.socket.Emit(k.opts.Name, &o.message, volatile...)
	if err != nil {
		k.log.Error("a state cannot be sent", "room", r.hall, "error", err)
	}
	if d.Queued == 0 { // it is lost, so what follows would not fit
		v.Reset()
		k.stats.behind.Add(1)
		return
	}
	k.stats.stateBytes.Add(int64(len(o.message)))
	if whole {
		k.stats.snapshots.Add(1)
	} else {
		k.stats.deltas.Add(1)
	}
}

// sendEnd tells a member's client that its state is not kept up any more.
func (r *Room[S]) sendEnd(m *Member) {
	if o := r.out; o != nil && o.encoder != nil && m.sight.shown {
		o.message = o.encoder.AppendEnd(o.message[:0])
		_, _ = m.socket.Emit(r.rooms.opts.Name, &o.message)
	}
}

// sync is a client's wish to be sent the whole state, because what it has is not what it should be.
func (k *Rooms[S]) sync(s *smartsocket.Socket, _ smartsocket.Data, ack smartsocket.Ack) {
	m, r := k.of(s)
	if m == nil {
		ack.Fail(ErrOutside)
		return
	}
	now, last := k.schedule.now(), m.asked.Load()
	due := last == 0 || now >= time.Duration(last)+askEvery // otherwise a flood costs no turns
	if due && m.asked.CompareAndSwap(last, int64(now)) {
		r.post(job{do: func() {
			if m.in && m.socket == s && !m.away {
				r.show(m)
			}
		}})
	}
	ack.Reply(nil)
}
