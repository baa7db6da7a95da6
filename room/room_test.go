//go:build linux || darwin

package room_test

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/room"
	"github.com/smartsocket/smartsocket/smartsockettest"
)

const step = time.Second / 20

// world is the state of the tests' rooms: what happened to it, in order.
type world struct {
	log []string
}

func (w *world) note(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf(format, args...))
}

type arenas = *room.Rooms[world]

// hooks note whatever happens.
func hooks(o room.Options[world]) room.Options[world] {
	o.Name = "arena"
	o.Key = func(s *smartsocket.Socket) string { return smartsocket.Value[string](s, "who") }
	o.OnEnter = func(r *room.Room[world], m *room.Member) error {
		if m.Value == "banned" {
			return errBanned
		}
		r.State.note("enter %s", m.Key())
		return nil
	}
	o.OnLeave = func(r *room.Room[world], m *room.Member, why error) {
		r.State.note("leave %s: %v", m.Key(), why)
	}
	o.OnAway = func(r *room.Room[world], m *room.Member) { r.State.note("away %s", m.Key()) }
	o.OnBack = func(r *room.Room[world], m *room.Member) { r.State.note("back %s", m.Key()) }
	return o
}

var errBanned = smartsocket.NewCode("TEST_BANNED", "you are not wanted here")

// play is what a client sends to enter.
type play struct {
	Who, Room, Label string
	Value            string
	Watch            bool
}

// start serves rooms to clients that say who they are.
func start(t *testing.T, so smartsocket.Options, o room.Options[world]) (
	*smartsockettest.Server, arenas,
) {
	t.Helper()
	so.Logger = slog.New(slog.DiscardHandler)
	var k arenas
	s := smartsockettest.New(t, so, func(v *smartsocket.Server) {
		k = room.Register(v.Namespace("/"), o)
		smartsocket.Handle(v, "play", func(s *smartsocket.Socket, p play) (string, error) {
			if p.Who != "" {
				s.Set("who", p.Who)
			}
			if p.Room == "" {
				r, _, err := k.Place(s, room.Wish[world]{Label: p.Label, Value: p.Value})
				if err != nil {
					return "", err
				}
				return r.Name(), nil
			}
			r := k.Room(p.Room)
			if r == nil {
				return "", room.ErrNone
			}
			enter := r.Enter
			if p.Watch {
				enter = r.Watch
			}
			_, err := enter(s, p.Value)
			return r.Name(), err
		})
		v.Namespace("/").OnEnded(func(s *smartsocket.Socket, _ smartsocket.Reason) {
			if bye := smartsocket.Value[chan struct{}](s, "bye"); bye != nil {
				close(bye)
			}
		})
		smartsocket.Handle(v, "leave", func(s *smartsocket.Socket, _ any) (any, error) {
			k.Leave(s)
			return nil, nil
		})
	})
	return s, k
}

// goodbye disconnects a client, and returns when the rooms know.
func goodbye(c *smartsockettest.Client) {
	bye := make(chan struct{})
	c.Socket().Set("bye", bye)
	c.Disconnect()
	<-bye
}

// noted is what happened in a room since the last call.
func noted(t *testing.T, r *room.Room[world]) []string {
	t.Helper()
	var log []string
	if err := r.Call(func(r *room.Room[world]) error {
		log, r.State.log = r.State.log, nil
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return log
}

func want(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("%s: got %q, want %q", what, got, want)
	}
}

func enter(t *testing.T, c *smartsockettest.Client, p play) string {
	t.Helper()
	return smartsockettest.Call[string](c, "play", p)
}

// told expects that the client hears that it is out of its room.
func told(t *testing.T, c *smartsockettest.Client, kind string, why *smartsocket.Error) {
	t.Helper()
	c.Expect(kind+":over", room.Over{Code: string(why.Code), Message: why.Message})
}

func TestPlacesByLabelAndFillsTheOldest(t *testing.T) {
	s, k := start(t, smartsocket.Options{}, hooks(room.Options[world]{Capacity: 2}))
	var at []string
	for i, label := range []string{"duel", "duel", "team", "duel", "team"} {
		at = append(at, enter(t, s.Client(t), play{Who: fmt.Sprint(i), Label: label}))
	}
	if at[0] != at[1] || at[2] != at[4] || at[0] == at[2] || at[3] == at[0] || at[3] == at[2] {
		t.Errorf("the five were placed in %q", at)
	}
	if k.Len() != 3 || !k.Room(at[0]).Full() || k.Room(at[3]).Full() {
		t.Errorf("%d rooms", k.Len())
	}
	open := k.Find(func(r *room.Room[world]) bool { return !r.Full() })
	if len(open) != 1 || open[0].Name() != at[3] {
		t.Errorf("open are %v", open)
	}
	c := s.Client(t)
	c.CallFails("play", play{Who: "x", Room: at[0]}, room.ErrFull.Code)
	k.Room(at[3]).Lock(true)
	c.CallFails("play", play{Who: "x", Room: at[3]}, room.ErrLocked.Code)
	c.CallFails("play", play{Who: "x", Room: "nowhere"}, room.ErrNone.Code)
	if st := k.Stats(); st.Players != 5 || st.Rooms != 3 {
		t.Errorf("stats are %+v", st)
	}
}

func TestWhoIsRefusedLeavesNothingBehind(t *testing.T) {
	s, k := start(t, smartsocket.Options{}, hooks(room.Options[world]{Capacity: 1}))
	r, err := k.Create("one", nil)
	if err != nil {
		t.Fatal(err)
	}
	c := s.Client(t)
	c.CallFails("play", play{Who: "a", Room: "one", Value: "banned"}, errBanned.Code)
	if r.Len() != 0 || k.Stats().Players != 0 {
		t.Fatalf("%d seats are taken", r.Len())
	}
	if room, m := k.Of(c.Socket()); room != nil || m != nil || c.Socket().In("arena:one") {
		t.Fatal("a refused socket is in the room")
	}
	enter(t, c, play{Who: "a", Room: "one"})
	if _, err := k.Create("one", nil); !errors.Is(err, room.ErrExists) {
		t.Errorf("a second room of the name: %v", err)
	}
	_, err = k.Create(strings.Repeat("x", 200), nil)
	if !errors.Is(err, smartsocket.ErrInvalidFormat) {
		t.Errorf("a long name: %v", err)
	}
}

func TestSeatWaitsForItsSession(t *testing.T) {
	s, k := start(t, smartsocket.Options{EnableMessageCache: true, MessageCacheAge: time.Minute},
		hooks(room.Options[world]{Capacity: 1, Seats: 20 * time.Second}))
	c := s.Client(t)
	r := k.Room(enter(t, c, play{Who: "ann"}))
	c.Cut()
	s.Quiet()
	want(t, "after the cut", noted(t, r), []string{"enter ann", "away ann"})
	if !r.Full() || k.Stats().Away != 1 {
		t.Fatal("the seat was given up")
	}
	c.Reconnect()
	s.Quiet()
	want(t, "after the return", noted(t, r), []string{"back ann"})
	c.Cut()
	s.Advance(61 * time.Second) // the session ends
	want(t, "after the session", noted(t, r), []string{"away ann"})
	s.Advance(18 * time.Second)
	want(t, "shortly before the end", noted(t, r), nil)
	s.Advance(3 * time.Second)
	want(t, "at the end", noted(t, r),
		[]string{"leave ann: smartsocket: ROOM_STAYED_AWAY: the player did not come back in time"})
	if r.Len() != 0 {
		t.Fatal("the seat is still taken")
	}
}

func TestAnotherSessionOfThePlayerGetsTheSeat(t *testing.T) {
	s, k := start(t, smartsocket.Options{},
		hooks(room.Options[world]{Capacity: 1, Seats: time.Minute}))
	first := s.Client(t)
	name := enter(t, first, play{Who: "ann"})
	r := k.Room(name)
	first.Cut()
	s.Quiet()
	want(t, "after the cut", noted(t, r), []string{"enter ann", "away ann"})
	second := s.Client(t)
	if got := enter(t, second, play{Who: "ann", Label: "other"}); got != name {
		t.Fatalf("ann was placed in %s, not in her room", got)
	}
	want(t, "after the return", noted(t, r), []string{"back ann"})
	third := s.Client(t)
	enter(t, third, play{Who: "ann"})
	told(t, second, "arena", room.ErrReplaced)
	goodbye(second) // which is nothing to the room any more
	want(t, "after the third", noted(t, r), []string{"back ann"})
	goodbye(third)
	want(t, "after the goodbye", noted(t, r), []string{"leave ann: <nil>"})
}

func TestSpectators(t *testing.T) {
	s, k := start(t, smartsocket.Options{}, hooks(room.Options[world]{
		Capacity: 1, Spectators: 1, OnInput: func(*room.Room[world], *room.Member, room.Input) {},
	}))
	c := s.Client(t)
	name := enter(t, c, play{Who: "ann"})
	w := s.Client(t)
	enter(t, w, play{Who: "bob", Room: name, Watch: true})
	s.Client(t).CallFails("play", play{Who: "eve", Room: name, Watch: true}, room.ErrFull.Code)
	w.CallFails("arena:input", map[string]any{"seq": 1}, room.ErrWatching.Code)
	s.Client(t).CallFails("arena:input", map[string]any{"seq": 1}, room.ErrOutside.Code)
	if _, err := k.Room(name).To().Emit("hello", 1); err != nil {
		t.Fatal(err)
	}
	w.Expect("hello", 1)
	w.Call("leave", nil)
	if k.Room(name).Watching() != 0 || k.Stats().Spectators != 0 {
		t.Error("the spectator is still there")
	}
}

func TestRoomEndsWhenNobodyComes(t *testing.T) {
	s, k := start(t, smartsocket.Options{}, hooks(room.Options[world]{Empty: 5 * time.Second}))
	r, err := k.Create("", nil)
	if err != nil {
		t.Fatal(err)
	}
	s.Advance(4 * time.Second)
	c := s.Client(t)
	enter(t, c, play{Who: "ann", Room: r.Name()})
	s.Advance(time.Minute)
	c.Call("leave", nil)
	s.Advance(4 * time.Second)
	if r.Err() != nil {
		t.Fatal("the room has ended too early")
	}
	s.Advance(2 * time.Second)
	if !errors.Is(r.Err(), room.ErrOver) || k.Len() != 0 {
		t.Fatalf("the room is still there: %v", r.Err())
	}
	if err := r.Call(func(*room.Room[world]) error { return nil }); !errors.Is(err, room.ErrOver) {
		t.Errorf("a call of a room that is over: %v", err)
	}
}

func TestPanicEndsItsRoomAlone(t *testing.T) {
	o := hooks(room.Options[world]{Rate: 20})
	o.OnTick = func(r *room.Room[world]) {
		if r.Label() == "bad" {
			panic("a mistake")
		}
	}
	s, k := start(t, smartsocket.Options{}, o)
	bad, good := s.Client(t), s.Client(t)
	enter(t, bad, play{Who: "ann", Label: "bad"})
	enter(t, good, play{Who: "bob", Label: "good"})
	s.Advance(3 * step)
	told(t, bad, "arena", room.ErrFailed)
	if st := k.Stats(); st.Panics != 1 || st.Rooms != 1 || st.Players != 1 {
		t.Errorf("stats are %+v", st)
	}
	enter(t, bad, play{Who: "ann", Label: "good"})
}

func TestRoomsOwnCodeCannotWaitForARoom(t *testing.T) {
	_, k := start(t, smartsocket.Options{}, hooks(room.Options[world]{}))
	r, err := k.Create("", nil)
	if err != nil {
		t.Fatal(err)
	}
	err = r.Call(func(r *room.Room[world]) error {
		return r.Call(func(*room.Room[world]) error { return nil })
	})
	if !errors.Is(err, room.ErrInside) {
		t.Fatalf("a call from inside: %v", err)
	}
	if _, err = k.Create("", nil); err != nil {
		t.Fatal(err)
	}
	ran := false
	r.Do(func(r *room.Room[world]) { r.Do(func(*room.Room[world]) { ran = true }) })
	if !ran {
		t.Error("Do from inside did not run")
	}
}
