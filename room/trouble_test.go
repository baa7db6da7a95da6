//go:build linux || darwin

package room_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/room"
	"github.com/smartsocket/smartsocket/room/state"
	"github.com/smartsocket/smartsocket/smartsockettest"
)

// shots remember in which ticks something came.
type shots struct {
	Fired state.Map[string, uint64] `state:"fired"`
}

// Code may use Room.Tick wherever it runs, and a replay comes to the same.
func TestReplayHasTheTicksOfInputsAndEvents(t *testing.T) {
	for _, rate := range []int{20, 0} {
		replaysTicks(t, rate)
	}
}

func replaysTicks(t *testing.T, rate int) {
	t.Helper()
	note := func(r *room.Room[shots], what string) { r.State.Fired.Put(what, r.Tick()) }
	o := room.Options[shots]{
		Name: "range", Rate: rate,
		OnEnter: func(r *room.Room[shots], m *room.Member) error { note(r, "enter"); return nil },
		OnInput: func(r *room.Room[shots], m *room.Member, in room.Input) { note(r, "input") },
	}
	register := func(k *room.Rooms[shots]) {
		room.On(k, "shoot", func(r *room.Room[shots], m *room.Member, _ any) { note(r, "event") })
	}
	out := &tape{closed: make(chan struct{})}
	recorded := o
	recorded.Record = func(*room.Room[shots]) (io.WriteCloser, error) { return out, nil }
	var k *room.Rooms[shots]
	s := smartsockettest.New(t, smartsocket.Options{Logger: slog.New(slog.DiscardHandler)},
		func(v *smartsocket.Server) {
			k = room.Register(v.Namespace("/"), recorded)
			register(k)
			smartsocket.Handle(v, "play", func(s *smartsocket.Socket, _ any) (any, error) {
				_, _, err := k.Place(s, room.Wish[shots]{})
				return nil, err
			})
		})
	c := s.Client(t)
	c.Call("play", nil)
	s.Advance(3 * step)
	c.Call("range:input", map[string]any{"seq": 1})
	s.Advance(4 * step)
	c.Call("shoot", nil)
	s.Advance(step)
	var last []byte
	_ = k.All()[0].Call(func(r *room.Room[shots]) (err error) {
		last, err = json.Marshal(&r.State)
		return err
	})
	k.Close(nil)
	<-out.closed
	played, err := room.Replay[shots]{Options: o, Register: register}.Run(t.Context(),
		bytes.NewReader(out.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := json.Marshal(&played.Room.State); string(text) != string(last) {
		t.Errorf("at rate %d the replay comes to %s, want %s", rate, text, last)
	}
}

// What a room's code does to its recording cannot end the process either.
func TestPanicOfARecordingEndsItAlone(t *testing.T) {
	o := hooks(room.Options[world]{})
	out := &tape{closed: make(chan struct{})}
	o.Record = func(*room.Room[world]) (io.WriteCloser, error) { return out, nil }
	o.Redact = func(e *room.Record) bool {
		if e.Kind != "open" {
			panic("a mistake")
		}
		return true
	}
	s, k := start(t, smartsocket.Options{}, o)
	c := s.Client(t)
	name := enter(t, c, play{Who: "ann"})
	want(t, "the room", noted(t, k.Room(name)), []string{"enter ann"})
	k.Close(nil)
	<-out.closed
	if n := k.Stats().RecordErrors; n != 1 {
		t.Errorf("%d errors were counted, want 1", n)
	}
}

// fragile is a state that cannot be written any more once it is broken.
type fragile struct{ broken bool }

func (f *fragile) MarshalJSON() ([]byte, error) {
	if f.broken {
		panic("broken")
	}
	return []byte("{}"), nil
}

func TestPanicOfAStateThatIsRecordedEndsItsRoomAlone(t *testing.T) {
	out := &tape{closed: make(chan struct{})}
	v, err := smartsocket.New(smartsocket.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	k := room.Register(v.Namespace("/"), room.Options[fragile]{
		Name:   "glass",
		Record: func(*room.Room[fragile]) (io.WriteCloser, error) { return out, nil },
	})
	r, err := k.Create("", nil)
	if err != nil {
		t.Fatal(err)
	}
	err = r.Call(func(r *room.Room[fragile]) error {
		r.State.broken = true
		panic("a mistake")
	})
	if !errors.Is(err, room.ErrFailed) || k.Len() != 0 {
		t.Errorf("the call got %v, %d rooms are left", err, k.Len())
	}
	<-out.closed
}

// A room that was made ahead, and in which nobody is, holds nothing up.
func TestDrainDoesNotWaitForAnEmptyRoom(t *testing.T) {
	s, k := start(t, smartsocket.Options{}, hooks(room.Options[world]{
		Drain: time.Hour, Empty: room.Forever,
	}))
	r, err := k.Create("lobby", nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := s.ConnectionStats().Holds; n != 0 {
		t.Errorf("an empty room has %d holds", n)
	}
	c := s.Client(t)
	enter(t, c, play{Who: "ann", Room: "lobby"})
	if n := s.ConnectionStats().Holds; n != 1 {
		t.Errorf("a room with a player has %d holds", n)
	}
	c.Call("leave", nil)
	if n := s.ConnectionStats().Holds; n != 0 || r.Len() != 0 {
		t.Errorf("a room that was left has %d holds", n)
	}
}

// Who is away when his room ends hears that when he comes back.
func TestWhoWasAwayHearsOfTheEnd(t *testing.T) {
	s, k := start(t, smartsocket.Options{
		EnableMessageCache: true, MessageCacheAge: time.Minute,
	}, hooks(room.Options[world]{}))
	a, b := s.Client(t), s.Client(t)
	r := k.Room(enter(t, a, play{Who: "ann"}))
	enter(t, b, play{Who: "bob"})
	a.Cut()
	b.Cut()
	noted(t, r)
	if err := r.Call(func(r *room.Room[world]) error {
		r.Kick(r.Member("ann"), errBanned)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	a.Reconnect()
	told(t, a, "arena", errBanned)
	k.Close(nil)
	b.Reconnect()
	told(t, b, "arena", room.ErrOver)
}

// A spectator who asks for a seat is refused, and nothing is made for him.
func TestPlaceMakesNoRoomForASpectator(t *testing.T) {
	s, k := start(t, smartsocket.Options{}, hooks(room.Options[world]{Spectators: 1}))
	a, w := s.Client(t), s.Client(t)
	name := enter(t, a, play{Who: "ann"})
	enter(t, w, play{Who: "eve", Room: name, Watch: true})
	w.CallFails("play", play{Who: "eve", Label: "another"}, room.ErrElsewhere.Code)
	if k.Len() != 1 {
		t.Errorf("there are %d rooms", k.Len())
	}
}

// However deep the room's code is, what would wait for itself is refused.
func TestCallFromDeepInsideIsRefused(t *testing.T) {
	_, k := start(t, smartsocket.Options{}, hooks(room.Options[world]{}))
	r, err := k.Create("", nil)
	if err != nil {
		t.Fatal(err)
	}
	var deep func(n int) error
	deep = func(n int) error {
		if n > 0 {
			return deep(n - 1)
		}
		_, err := k.Create("", nil) // and not Call, which would wait for ever
		return err
	}
	if err := r.Call(func(*room.Room[world]) error { return deep(1000) }); !errors.Is(err,
		room.ErrInside) {
		t.Errorf("a thousand calls below the turn: %v", err)
	}
}

// A seat does not go with a connection that is dead before it has got the seat.
func TestSeatOutlivesASocketThatDiesOnTheWay(t *testing.T) {
	s, k := start(t, smartsocket.Options{}, hooks(room.Options[world]{Seats: time.Minute}))
	a := s.Client(t)
	r := k.Room(enter(t, a, play{Who: "ann"}))
	a.Cut()
	s.Advance(time.Second)
	b := s.Client(t)
	dead := b.Socket()
	dead.Set("who", "ann")
	goodbye(b)
	if _, err := r.Enter(dead, nil); !errors.Is(err, smartsocket.ErrConnectionLost) {
		t.Errorf("a dead socket entered: %v", err)
	}
	enter(t, s.Client(t), play{Who: "ann", Room: r.Name()})
	want(t, "the room", noted(t, r), []string{"enter ann", "away ann", "back ann"})
}

// Load sees what the room of that name before has saved, however long that took.
func TestLoadWaitsForWhatIsBeingSaved(t *testing.T) {
	var disk atomic.Int64
	slow := make(chan struct{})
	o := hooks(room.Options[world]{})
	o.Save = func(*room.Room[world]) func() error {
		return func() error {
			<-slow
			disk.Store(1)
			return nil
		}
	}
	loaded := make(chan int64, 2)
	o.Load = func(*room.Room[world]) error { loaded <- disk.Load(); return nil }
	_, k := start(t, smartsocket.Options{}, o)
	r, err := k.Create("castle", nil)
	if err != nil {
		t.Fatal(err)
	}
	<-loaded
	if err := r.Call(func(r *room.Room[world]) error { r.Close(nil); return nil }); err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = k.Create("castle", nil)
	}()
	for range 1000 { // a Load that does not wait has run by then
		runtime.Gosched()
	}
	close(slow)
	if got := <-loaded; got != 1 {
		t.Error("the room was loaded before it was saved")
	}
}

// A room that ends because nobody is in it has its name until it is saved.
func TestEmptyRoomEndsUnderItsName(t *testing.T) {
	o := hooks(room.Options[world]{Empty: time.Minute})
	var k arenas
	ended := make(chan bool, 1)
	o.OnClose = func(r *room.Room[world], _ error) { ended <- k.Room(r.Name()) == r }
	s, rooms := start(t, smartsocket.Options{}, o)
	k = rooms
	if _, err := k.Create("castle", nil); err != nil {
		t.Fatal(err)
	}
	s.Advance(time.Minute)
	if !<-ended || k.Len() != 0 {
		t.Errorf("the name was free before the room was over; %d rooms are left", k.Len())
	}
}

// Who asks for the state too often costs the room no turns, and so no look at its State.
func TestFloodOfSyncsCostsNoTurns(t *testing.T) {
	s, k := serveSeas(t, smartsocket.Options{}, room.Options[sea]{})
	a := s.Client(t)
	r := k.Room(smartsockettest.Call[string](a, "play", play{Who: "ann"}))
	var ticks []uint64 // a room that does not tick counts its turns
	count := func(r *room.Room[sea]) error { ticks = append(ticks, r.Tick()); return nil }
	_ = r.Call(count)
	for range 20 {
		a.Call("sea:sync", nil)
	}
	_ = r.Call(count)
	if n := ticks[1] - ticks[0]; n > 4 {
		t.Errorf("20 requests took the room from tick %d to %d", ticks[0], ticks[1])
	}
}

// Saving that ends its goroutine does not keep the name's next room from loading.
func TestSaveThatEndsItsGoroutine(t *testing.T) {
	o := hooks(room.Options[world]{})
	o.Save = func(*room.Room[world]) func() error {
		return func() error { runtime.Goexit(); return nil }
	}
	o.Load = func(*room.Room[world]) error { return nil }
	_, k := start(t, smartsocket.Options{}, o)
	for range 3 {
		r, err := k.Create("castle", nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Call(func(r *room.Room[world]) error { r.Close(nil); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	k.Close(nil)
}
