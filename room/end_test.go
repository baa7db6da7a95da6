//go:build linux || darwin

package room_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/room"
	"github.com/smartsocket/smartsocket/smartsockettest"
)

func TestCloseTellsEverybody(t *testing.T) {
	o := hooks(room.Options[world]{Spectators: -1})
	var closed []string
	o.OnClose = func(r *room.Room[world], why error) {
		for m := range r.Members() {
			closed = append(closed, m.Key())
		}
		for m := range r.Spectators() {
			closed = append(closed, m.Key())
		}
		closed = append(closed, why.Error())
	}
	s, k := start(t, smartsocket.Options{}, o)
	a, b, w := s.Client(t), s.Client(t), s.Client(t)
	name := enter(t, a, play{Who: "ann"})
	enter(t, b, play{Who: "bob"})
	enter(t, w, play{Who: "eve", Room: name, Watch: true})
	won := smartsocket.NewCode("TEST_WON", "ann has won")
	r := k.Room(name)
	if err := r.Call(func(r *room.Room[world]) error { r.Close(won); return nil }); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*smartsockettest.Client{a, b, w} {
		told(t, c, "arena", won)
	}
	if want := []string{"ann", "bob", "eve", won.Error()}; !slices.Equal(closed, want) {
		t.Errorf("OnClose saw %q, want %q", closed, want)
	}
	if k.Len() != 0 || k.Stats().Players != 0 || r.Len() != 0 || r.Watching() != 0 {
		t.Errorf("something is left: %+v", k.Stats())
	}
	if again := enter(t, a, play{Who: "ann"}); again == name {
		t.Error("ann was placed in a room that is over")
	}
	k.Close(nil)
	told(t, a, "arena", room.ErrOver)
	a.CallFails("play", play{Who: "ann"}, room.ErrOver.Code)
}

func TestKick(t *testing.T) {
	s, k := start(t, smartsocket.Options{}, hooks(room.Options[world]{}))
	c := s.Client(t)
	r := k.Room(enter(t, c, play{Who: "ann"}))
	if err := r.Call(func(r *room.Room[world]) error {
		m := r.Member("ann")
		for m := range r.Members() {
			r.Kick(m, errBanned) // while the list is walked
		}
		r.Kick(m, errBanned) // who is out already
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	told(t, c, "arena", errBanned)
	want(t, "the room", noted(t, r), []string{"enter ann", "leave ann: " + errBanned.Error()})
	c.ExpectNothing()
	enter(t, c, play{Who: "ann"})
}

func TestOpenThatFailsIsTheAnswer(t *testing.T) {
	o := hooks(room.Options[world]{})
	broken := smartsocket.NewCode("TEST_NO_MAP", "there is no such map")
	var loaded []string
	o.Load = func(r *room.Room[world]) error {
		loaded = append(loaded, r.Name())
		return nil
	}
	o.OnOpen = func(r *room.Room[world]) error {
		if r.Label() == "broken" {
			return broken
		}
		return nil
	}
	s, k := start(t, smartsocket.Options{}, o)
	s.Client(t).CallFails("play", play{Who: "ann", Label: "broken"}, broken.Code)
	if _, err := k.Create("x", "broken"); !errors.Is(err, broken) {
		t.Errorf("Create: %v", err)
	}
	if k.Len() != 0 || len(loaded) != 2 || loaded[1] != "x" {
		t.Errorf("%d rooms are left; loaded were %q", k.Len(), loaded)
	}
}

func TestSave(t *testing.T) {
	o := hooks(room.Options[world]{SaveEvery: time.Minute})
	saved := make(chan int, 10)
	var mu sync.Mutex
	var failing error
	o.Save = func(r *room.Room[world]) func() error {
		n := len(r.State.log)
		return func() error {
			saved <- n
			mu.Lock()
			defer mu.Unlock()
			return failing
		}
	}
	s, k := start(t, smartsocket.Options{}, o)
	r := k.Room(enter(t, s.Client(t), play{Who: "ann"}))
	s.Advance(59 * time.Second)
	if len(saved) != 0 {
		t.Error("the room was saved too early")
	}
	mu.Lock()
	failing = errors.New("the disk is full")
	mu.Unlock()
	s.Advance(2 * time.Second)
	if n := <-saved; n != 1 {
		t.Errorf("%d lines were saved", n)
	}
	enter(t, s.Client(t), play{Who: "bob"})
	r.Save()
	if n := <-saved; n != 2 {
		t.Errorf("%d lines were saved", n)
	}
	k.Close(nil)
	if n := <-saved; n != 2 {
		t.Errorf("%d lines were saved at the end", n)
	}
	if n := k.Stats().SaveErrors; n != 3 {
		t.Errorf("%d errors were counted, want 3", n)
	}
}

func TestDrainWaitsForTheRoom(t *testing.T) {
	s, k := start(t, smartsocket.Options{}, hooks(room.Options[world]{Drain: time.Hour}))
	c := s.Client(t)
	r := k.Room(enter(t, c, play{Who: "ann"}))
	if n := s.ConnectionStats().Holds; n != 1 {
		t.Fatalf("%d holds", n)
	}
	begun := make(chan struct{})
	s.OnDrain(func(context.Context) { close(begun) })
	var drained sync.WaitGroup
	drained.Go(func() {
		if err := s.Drain(context.Background()); err != nil {
			t.Error(err)
		}
	})
	<-begun
	if _, err := k.Create("late", nil); !errors.Is(err, smartsocket.ErrShuttingDown) {
		t.Errorf("a new room while the server drains: %v", err)
	}
	if err := r.Call(func(r *room.Room[world]) error { r.Close(nil); return nil }); err != nil {
		t.Fatal(err)
	}
	drained.Wait()
}

func TestHandle(t *testing.T) {
	var k *room.Rooms[world]
	s := smartsockettest.New(t, smartsocket.Options{}, func(v *smartsocket.Server) {
		k = room.Register(v.Namespace("/"), room.Options[world]{Name: "arena", Spectators: 1})
		room.Handle(k, "buy", func(r *room.Room[world], m *room.Member, item string) (int, error) {
			if item == "" {
				return 0, errBanned
			}
			r.State.note("buy %s", item)
			return len(r.State.log), nil
		})
		room.On(k, "say", func(r *room.Room[world], m *room.Member, text string) {
			_, _ = r.To().ExceptSocket(m.Socket()).Emit("said", text)
		})
	})
	r, err := k.Create("one", nil)
	if err != nil {
		t.Fatal(err)
	}
	a, b := s.Client(t), s.Client(t)
	a.CallFails("buy", "hat", room.ErrOutside.Code)
	if _, err := r.Watch(b.Socket(), nil); err != nil {
		t.Fatal(err)
	}
	b.CallFails("buy", "hat", room.ErrWatching.Code)
	if _, err := r.Enter(b.Socket(), nil); !errors.Is(err, room.ErrElsewhere) {
		t.Errorf("a spectator who enters: %v", err)
	}
	m, err := r.Enter(a.Socket(), 7)
	if err != nil || m.Key() != a.ID() || m.Value != 7 {
		t.Fatalf("%+v, %v", m, err)
	}
	if same, err := r.Enter(a.Socket(), nil); same != m || err != nil {
		t.Errorf("the second time: %v", err)
	}
	if n := smartsockettest.Call[int](a, "buy", "hat"); n != 1 {
		t.Errorf("the answer is %d", n)
	}
	a.CallFails("buy", "", errBanned.Code)
	a.Call("say", "hello")
	b.Expect("said", "hello")
	a.ExpectNothing()
	k.Leave(a.Socket())
	a.CallFails("buy", "hat", room.ErrOutside.Code)
}

func TestOptionsThatCannotBe(t *testing.T) {
	s := smartsockettest.New(t, smartsocket.Options{}, nil)
	for field, o := range map[string]room.Options[int]{
		"Name":       {Name: "an arena"},
		"Rate":       {Name: "a", Rate: 1001},
		"CatchUp":    {Name: "a", CatchUp: -1},
		"Capacity":   {Name: "a", Capacity: -1},
		"Spectators": {Name: "a", Spectators: -2},
		"Seats":      {Name: "a", Seats: -1},
		"Empty":      {Name: "a", Empty: -2},
		"Inputs":     {Name: "a", Inputs: -1},
		"SaveEvery":  {Name: "a", SaveEvery: 1},
	} {
		var e *room.OptionError
		func() {
			defer func() {
				err, _ := recover().(error)
				if !errors.As(err, &e) || e.Field != field || e.Fix == "" {
					t.Errorf("%s: %v", field, err)
				}
			}()
			room.Register(s.Namespace("/"), o)
		}()
	}
}
