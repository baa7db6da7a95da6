//go:build linux || darwin

package room_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/room"
	"github.com/smartsocket/smartsocket/room/state"
	"github.com/smartsocket/smartsocket/smartsockettest"
)

// sea is a room's state as clients see it.
type (
	sea struct {
		Wind  int                     `state:"wind"`
		Ships state.Map[string, ship] `state:"ships"`
	}
	ship struct {
		Name  string  `state:"name"`
		X     float64 `state:"x,min=0,max=1000,step=0.5"`
		Gold  int     `state:"gold,owner"`
		Cargo string  `state:"cargo"`
		crew  int
	}
)

// serveSeas serves rooms of seas, which their players' names are the keys of.
func serveSeas(t *testing.T, so smartsocket.Options, o room.Options[sea]) (
	*smartsockettest.Server, *room.Rooms[sea],
) {
	t.Helper()
	o.Name = "sea"
	o.Key = func(s *smartsocket.Socket) string { return smartsocket.Value[string](s, "who") }
	o.OnView = func(r *room.Room[sea], m *room.Member, v *state.View) {
		r.State.Ships.Own(v, m.Key())
	}
	o.OnEnter = func(r *room.Room[sea], m *room.Member) error {
		if !m.Spectator() {
			r.State.Ships.Put(m.Key(), ship{Name: "the " + m.Key(), Gold: 7, crew: 1})
		}
		return nil
	}
	o.OnLeave = func(r *room.Room[sea], m *room.Member, _ error) { r.State.Ships.Delete(m.Key()) }
	var k *room.Rooms[sea]
	s := smartsockettest.New(t, so, func(v *smartsocket.Server) {
		k = room.Register(v.Namespace("/"), o)
		smartsocket.Handle(v, "play", func(s *smartsocket.Socket, p play) (string, error) {
			s.Set("who", p.Who)
			if p.Watch {
				r := k.All()[0]
				_, err := r.Watch(s, nil)
				return r.Name(), err
			}
			r, _, err := k.Place(s, room.Wish[sea]{})
			if err != nil {
				return "", err
			}
			return r.Name(), nil
		})
	})
	return s, k
}

// seen is what a client has of the state.
type seen struct {
	*state.Decoder[sea]
	t *testing.T
	c *smartsockettest.Client
}

func look(t *testing.T, c *smartsockettest.Client) seen {
	t.Helper()
	d, err := state.NewDecoder[sea]()
	if err != nil {
		t.Fatal(err)
	}
	return seen{d, t, c}
}

// next applies the next message, and returns what it changed.
func (d seen) next() state.Changes {
	d.t.Helper()
	changes, err := d.Apply(d.c.Expect("sea", smartsockettest.Any).Bytes())
	if err != nil {
		d.t.Fatal(err)
	}
	return changes
}

// shows checks what the client sees.
func (d seen) shows(want string) {
	d.t.Helper()
	var b strings.Builder
	s := d.State()
	fmt.Fprintf(&b, "wind %d", s.Wind)
	for key, ship := range s.Ships.All() {
		fmt.Fprintf(&b, ", %s %s at %v with %d", key, ship.Name, ship.X, ship.Gold)
	}
	if b.String() != want {
		d.t.Fatalf("the client sees %q, want %q", b.String(), want)
	}
}

func TestLateJoinerIsRightAfterOneMessage(t *testing.T) {
	s, k := serveSeas(t, smartsocket.Options{}, room.Options[sea]{
		Rate: 20, Spectators: 1,
		OnInput: func(r *room.Room[sea], m *room.Member, in room.Input) {
			r.State.Ships.Get(m.Key()).X += 2
		},
		OnTick: func(r *room.Room[sea]) { r.State.Wind++ },
	})
	a := s.Client(t)
	name := smartsockettest.Call[string](a, "play", play{Who: "ann"})
	ann := look(t, a)
	if c := ann.next(); !c.Snapshot || c.Tick != 1 {
		t.Errorf("the first message is %+v", c)
	}
	ann.shows("wind 0, ann the ann at 0 with 7")
	s.Advance(step)
	if c := ann.next(); c.Snapshot || c.Tick != 2 || len(c.List) != 1 {
		t.Errorf("the second message is %+v", c)
	}
	ann.shows("wind 1, ann the ann at 0 with 7")
	a.Emit("sea:input", map[string]any{"seq": 5, "data": nil})
	s.Advance(step)
	if c := ann.next(); c.Input != 5 || c.Time.Sub(s.Now()) > 0 || s.Now().Sub(c.Time) > step {
		t.Errorf("the third message is %+v", c)
	}

	b := s.Client(t)
	b.Call("play", play{Who: "bob"})
	bob := look(t, b)
	if c := bob.next(); !c.Snapshot || c.Tick != 3 {
		t.Errorf("the first message of the late one is %+v", c)
	}
	bob.shows("wind 2, ann the ann at 2 with 0, bob the bob at 0 with 7")
	w := s.Client(t)
	w.Call("play", play{Who: "eve", Watch: true})
	eve := look(t, w)
	eve.next()
	eve.shows("wind 2, ann the ann at 2 with 0, bob the bob at 0 with 0")
	s.Advance(step)
	for _, d := range []seen{ann, bob, eve} {
		if c := d.next(); c.Snapshot || c.Tick != 4 {
			t.Errorf("the next message is %+v", c)
		}
	}
	ann.shows("wind 3, ann the ann at 2 with 7, bob the bob at 0 with 0")
	bob.shows("wind 3, ann the ann at 2 with 0, bob the bob at 0 with 7")
	eve.shows("wind 3, ann the ann at 2 with 0, bob the bob at 0 with 0")
	k.Room(name).Leave(b.Socket())
	if c := bob.next(); !c.End {
		t.Errorf("who leaves is sent %+v", c)
	}
	s.Advance(step)
	ann.next()
	ann.shows("wind 4, ann the ann at 2 with 7")
	b.ExpectNothing()
}

func TestReturningPlayerGetsASnapshotFirst(t *testing.T) {
	s, k := serveSeas(t, smartsocket.Options{EnableMessageCache: true}, room.Options[sea]{
		Rate: 20, OnTick: func(r *room.Room[sea]) { r.State.Wind++ },
	})
	a, b := s.Client(t), s.Client(t)
	a.Call("play", play{Who: "ann"})
	b.Call("play", play{Who: "bob"})
	ann := look(t, a)
	ann.next()
	s.Advance(step)
	ann.next()
	a.Cut()
	s.Advance(5 * step)
	a.Reconnect()
	s.Quiet()
	if c := ann.next(); !c.Snapshot || c.Tick != 7 {
		t.Errorf("the first message after the return is %+v", c)
	}
	ann.shows("wind 6, ann the ann at 0 with 7, bob the bob at 0 with 0")
	s.Advance(step)
	ann.next()
	ann.shows("wind 7, ann the ann at 0 with 7, bob the bob at 0 with 0")
	a.ExpectNothing()
	if st := k.Stats(); st.Snapshots != 3 {
		t.Errorf("%d snapshots", st.Snapshots)
	}
}

// Another socket of a player gets the state first, with what OnBack has changed, and the view is
// the same.
func TestAnotherSocketGetsASnapshotFirst(t *testing.T) {
	var views []*state.View
	s, k := serveSeas(t, smartsocket.Options{}, room.Options[sea]{
		Rate: 20,
		OnBack: func(r *room.Room[sea], m *room.Member) {
			views = append(views, m.View())
			r.State.Wind++
			_, _ = r.Emit("back", m.Key())
		},
	})
	a, b, c := s.Client(t), s.Client(t), s.Client(t)
	b.Call("play", play{Who: "bob"})
	r := k.Room(smartsockettest.Call[string](a, "play", play{Who: "ann"}))
	look(t, a).next()
	r.Do(func(r *room.Room[sea]) { views = append(views, r.Member("ann").View()) })
	c.Call("play", play{Who: "ann"})
	b.Expect("back", "ann")
	ann := look(t, c)
	if changes := ann.next(); !changes.Snapshot {
		t.Errorf("the first message is %+v", changes)
	}
	ann.shows("wind 1, bob the bob at 0 with 0, ann the ann at 0 with 7")
	c.ExpectNothing()
	if len(views) != 2 || views[0] == nil || views[0] != views[1] {
		t.Errorf("the views are %p", views)
	}
	told(t, a, "sea", room.ErrReplaced)
}

// Without ticks every turn that changes something sends that.
func TestStateWithoutTicks(t *testing.T) {
	s, k := serveSeas(t, smartsocket.Options{}, room.Options[sea]{})
	a, b := s.Client(t), s.Client(t)
	r := k.Room(smartsockettest.Call[string](a, "play", play{Who: "ann"}))
	ann := look(t, a)
	ann.next()
	b.Call("play", play{Who: "bob"})
	ann.next()
	ann.shows("wind 0, ann the ann at 0 with 7, bob the bob at 0 with 0")
	r.Do(func(r *room.Room[sea]) { r.State.Wind = 3 })
	r.Do(func(r *room.Room[sea]) { r.State.Ships.Get("ann").crew++ }) // which nobody sees
	ann.next()
	ann.shows("wind 3, ann the ann at 0 with 7, bob the bob at 0 with 0")
	a.ExpectNothing()
}

func TestSyncAsksForASnapshot(t *testing.T) {
	s, _ := serveSeas(t, smartsocket.Options{}, room.Options[sea]{Rate: 20})
	a := s.Client(t)
	a.CallFails("sea:sync", nil, room.ErrOutside.Code)
	a.Call("play", play{Who: "ann"})
	ann := look(t, a)
	ann.next()
	for range 10 {
		a.Call("sea:sync", map[string]any{"tick": 0})
	}
	if c := ann.next(); !c.Snapshot {
		t.Errorf("the answer is %+v", c)
	}
	a.ExpectNothing() // more often than that it is not sent
	s.Advance(time.Second)
	a.Call("sea:sync", nil)
	if c := ann.next(); !c.Snapshot {
		t.Errorf("the answer is %+v", c)
	}
	a.ExpectNothing()
}

// A checksum comes now and then, also when nothing changes.
func TestChecksumsComeNowAndThen(t *testing.T) {
	s, k := serveSeas(t, smartsocket.Options{}, room.Options[sea]{Rate: 20})
	a := s.Client(t)
	a.Call("play", play{Who: "ann"})
	ann := look(t, a)
	ann.next()
	s.Advance(21 * time.Second)
	if n := k.Stats().Deltas; n != 4 {
		t.Fatalf("%d messages in 21 seconds without a change", n)
	}
	for range 4 {
		if c := ann.next(); len(c.List) != 0 {
			t.Errorf("it changes %+v", c)
		}
	}
}

// A client that does not read is sent nothing while it is behind, and then what is new.
func TestSlowClientGetsTheNewest(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	cargo := func() string {
		b := make([]byte, 8<<10)
		for i := range b {
			b[i] = 'a' + byte(random.IntN(26))
		}
		return string(b)
	}
	s, k := serveSeas(t, smartsocket.Options{}, room.Options[sea]{
		Rate: 20, OnTick: func(r *room.Room[sea]) {
			r.State.Wind++
			r.State.Ships.Get("ann").Cargo = cargo()
		},
	})
	a, b := s.Client(t), s.Client(t)
	a.Call("play", play{Who: "ann"})
	b.Call("play", play{Who: "bob"})
	slow := look(t, b)
	slow.next()
	b.Pause()
	ticks := 0
	for k.Stats().Behind < 20 && ticks < 5000 {
		s.Advance(step)
		ticks++
	}
	queued := b.Socket().Queued()
	s.Advance(20 * step)
	ticks += 20
	if more := b.Socket().Queued(); more > queued {
		t.Errorf("%d bytes more wait for a client that is behind", more-queued)
	}
	b.Resume()
	s.Quiet()
	s.Advance(step)
	ticks++
	s.Quiet()
	messages := 0
	for slow.State().Wind < ticks {
		slow.next()
		messages++
	}
	if messages > ticks-30 {
		t.Errorf("%d messages in %d ticks", messages, ticks)
	}
	var want string
	if err := k.All()[0].Call(func(r *room.Room[sea]) error {
		want = r.State.Ships.Get("ann").Cargo
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if got := slow.State().Ships.Get("ann").Cargo; got != want || slow.State().Wind != ticks {
		t.Errorf("the slow client has wind %d after %d ticks", slow.State().Wind, ticks)
	}
	b.ExpectNothing()
}
