//go:build linux || darwin

package room_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/room"
	"github.com/smartsocket/smartsocket/room/state"
	"github.com/smartsocket/smartsocket/smartsockettest"
)

// dungeon is a game that depends on all that a recording has.
type (
	dungeon struct {
		Heroes state.Map[string, hero] `state:"heroes"`
		Dice   int                     `state:"dice"`
		Day    string                  `state:"day"`
		Loot   int                     `state:"loot"`
	}
	hero struct {
		X      int    `state:"x"`
		Name   string `state:"name"`
		Absent bool   `state:"absent"`
		Bag    string `state:"bag"`
	}
	shopping struct{ Item, Card string }
)

func dungeons(o room.Options[dungeon]) room.Options[dungeon] {
	o.Name, o.Rate, o.Spectators, o.Capacity = "dungeon", 20, 1, 3
	o.Key = func(s *smartsocket.Socket) string { return smartsocket.Value[string](s, "who") }
	o.OnOpen = func(r *room.Room[dungeon]) error {
		r.State.Loot += r.Rand().IntN(1000)
		return nil
	}
	o.OnEnter = func(r *room.Room[dungeon], m *room.Member) error {
		r.State.Dice = r.Rand().IntN(1000)
		if m.Value == "banned" {
			return errBanned
		}
		name, _ := m.Value.(string)
		if !m.Spectator() {
			r.State.Heroes.Put(m.Key(), hero{Name: name})
		}
		return nil
	}
	absent := func(r *room.Room[dungeon], m *room.Member, is bool) {
		if h := r.State.Heroes.Get(m.Key()); h != nil {
			h.Absent = is
		}
	}
	o.OnAway = func(r *room.Room[dungeon], m *room.Member) { absent(r, m, true) }
	o.OnBack = func(r *room.Room[dungeon], m *room.Member) { absent(r, m, false) }
	o.OnLeave = func(r *room.Room[dungeon], m *room.Member, why error) {
		r.State.Heroes.Delete(m.Key())
		r.State.Bury(m.Key(), why)
	}
	o.OnInput = func(r *room.Room[dungeon], m *room.Member, in room.Input) {
		h := r.State.Heroes.Get(m.Key())
		h.X += len(in.Bytes()) + int(in.Seq)
		if in.Binary() {
			h.X *= 3
		}
		if string(in.Bytes()) == "null" {
			h.X--
		}
		h.X += int(in.At.UnixMicro() % 7)
	}
	o.OnTick = func(r *room.Room[dungeon]) {
		r.State.Dice += r.Rand().IntN(6)
		r.State.Day = fmt.Sprint(r.Now().UnixMicro())
		for key, h := range r.State.Heroes.All() {
			if h.X > 100_000 {
				r.Kick(r.Member(key), errBanned)
			}
		}
	}
	return o
}

// Bury makes the state depend on why somebody has left.
func (d *dungeon) Bury(key string, why error) { d.Loot += len(key) + len(fmt.Sprint(why)) }

func register(k *room.Rooms[dungeon]) {
	room.Handle(k, "buy",
		func(r *room.Room[dungeon], m *room.Member, s shopping) (int, error) {
			r.State.Heroes.Get(m.Key()).Bag += s.Item
			return len(s.Card), nil
		})
}

// tape is where a room is recorded.
type tape struct {
	bytes.Buffer
	closed chan struct{}
	broken error
}

func (t *tape) Write(p []byte) (int, error) {
	if t.broken != nil {
		return 0, t.broken
	}
	return t.Buffer.Write(p)
}

func (t *tape) Close() error {
	close(t.closed)
	return nil
}

// recorded plays a game for a while, and returns its recording and its last state.
func recorded(t *testing.T, o room.Options[dungeon]) (recording []byte, last string) {
	t.Helper()
	out := &tape{closed: make(chan struct{})}
	o.Record = func(*room.Room[dungeon]) (io.WriteCloser, error) { return out, nil }
	var k *room.Rooms[dungeon]
	s := smartsockettest.New(t, smartsocket.Options{
		EnableMessageCache: true, MessageCacheAge: time.Minute,
		Logger: slog.New(slog.DiscardHandler),
	}, func(v *smartsocket.Server) {
		k = room.Register(v.Namespace("/"), dungeons(o))
		register(k)
		smartsocket.Handle(v, "play", func(s *smartsocket.Socket, p play) (any, error) {
			s.Set("who", p.Who)
			var value any
			if p.Value != "" {
				value = p.Value
			}
			if p.Watch {
				_, err := k.All()[0].Watch(s, value)
				return nil, err
			}
			_, _, err := k.Place(s, room.Wish[dungeon]{Label: "deep", Value: value})
			return nil, err
		})
	})
	a, b, w := s.Client(t), s.Client(t), s.Client(t)
	a.Call("play", play{Who: "ann", Value: "Anna"})
	input := func(c *smartsockettest.Client, seq int, data any) {
		c.Call("dungeon:input", map[string]any{"seq": seq, "at": 5e15 + seq, "data": data})
	}
	for n := range 200 {
		switch n {
		case 3:
			b.Call("play", play{Who: "bob"})
		case 5:
			w.Call("play", play{Who: "ann", Watch: true})
		case 7:
			s.Client(t).CallFails("play", play{Who: "eve", Value: "banned"}, errBanned.Code)
		case 20:
			a.Call("buy", shopping{"sword", "4000-1234"})
		case 40:
			b.Cut()
		case 60:
			b.Reconnect()
		case 70:
			c := s.Client(t)
			c.Call("play", play{Who: "bob", Value: "another window"})
			c.Call("dungeon:input", binary.AppendUvarint([]byte{1}, 77))
		case 90:
			input(a, 200_000, "far away") // which kicks her
		case 120:
			a.Call("play", play{Who: "ann", Value: "Anna again"})
		}
		if n < 90 && n%3 == 0 {
			input(a, n+1, []any{n, nil}[n%2])
		}
		s.Advance(step)
	}
	if err := k.All()[0].Call(func(r *room.Room[dungeon]) error {
		text, err := json.Marshal(&r.State)
		last = string(text)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	k.Close(nil)
	<-out.closed
	return out.Bytes(), last
}

func TestReplayComesToTheSameState(t *testing.T) {
	recording, last := recorded(t, room.Options[dungeon]{
		Load: func(r *room.Room[dungeon]) error { r.State.Loot = 77; return nil },
	})
	value := func(text json.RawMessage) any {
		var s string
		_ = json.Unmarshal(text, &s)
		return s
	}
	p := room.Replay[dungeon]{
		Options: dungeons(room.Options[dungeon]{}), Register: register, Value: value,
	}
	played, err := p.Run(t.Context(), bytes.NewReader(recording))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(&played.Room.State)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != last {
		t.Errorf("the replay comes to %s\nwant %s", text, last)
	}
	if played.Ticks != 200 || played.Inputs < 25 || played.Events != 1 || played.Sums != 2 ||
		!played.Complete || played.Crash != "" {
		t.Errorf("the replay is %+v, with %d ticks, %d inputs", played, played.Ticks, played.Inputs)
	}

	// Other code is found out at the next sum.
	other := p
	other.Options.OnTick = func(r *room.Room[dungeon]) { r.State.Dice++ }
	var drift *room.DriftError
	_, err = other.Run(t.Context(), bytes.NewReader(recording))
	if !errors.As(err, &drift) || drift.Tick != 151 {
		t.Errorf("other code: %v", err)
	}

	// A panic is part of the result, and the rest has nothing to play.
	other.Options.OnTick = func(r *room.Room[dungeon]) { panic("a mistake") }
	other.Options.OnInput = func(*room.Room[dungeon], *room.Member, room.Input) {}
	played, err = other.Run(t.Context(), bytes.NewReader(recording))
	if !errors.As(err, &drift) || !strings.Contains(played.Crash, "a mistake") ||
		!strings.Contains(played.Crash, "replay_test.go") || played.Ticks != 1 {
		t.Errorf("after a panic: %v, %+v", err, played)
	}

	// It is played at the pace of the recording, until its context ends.
	ctx, cancel := context.WithCancel(t.Context())
	slow, lines := p, 0
	slow.Speed = 1e-6
	slow.Each = func(r *room.Room[dungeon], e *room.Record) {
		if lines++; lines == 1 {
			cancel()
		}
	}
	if _, err = slow.Run(ctx, bytes.NewReader(recording)); !errors.Is(err, context.Canceled) {
		t.Errorf("at the end of its context: %v", err)
	}
	fast := p
	fast.Speed = 1e9
	if _, err = fast.Run(t.Context(), bytes.NewReader(recording)); err != nil {
		t.Errorf("faster than recorded: %v", err)
	}
}

func TestRecordingsAreRedactedAndBounded(t *testing.T) {
	recording, _ := recorded(t, room.Options[dungeon]{
		RecordBytes: 6000,
		Redact: func(e *room.Record) bool {
			if e.Event == "buy" {
				e.Data = json.RawMessage(`{"Item":"sword"}`)
			}
			return e.Kind != "away"
		},
	})
	if n := len(recording); n > 6000+64 || n < 5000 {
		t.Errorf("the recording has %d bytes", n)
	}
	text := string(recording)
	if strings.Contains(text, "4000-1234") || strings.Contains(text, "away") ||
		!strings.Contains(text, "sword") ||
		!strings.HasSuffix(text, `{"kind":"full","at":0}`+"\n") {
		t.Errorf("the recording is\n%s", text)
	}
	played, err := room.Replay[dungeon]{
		Options: dungeons(room.Options[dungeon]{}), Register: register,
	}.Run(t.Context(), bytes.NewReader(recording))
	if err != nil || played.Complete || played.Ticks == 0 {
		t.Errorf("the replay is %+v, %v", played, err)
	}
}

func TestReplayRefusesWhatIsNoRecording(t *testing.T) {
	p := room.Replay[dungeon]{Options: dungeons(room.Options[dungeon]{})}
	const open = `{"kind":"open","version":1,"of":"dungeon","room":"x","tick":1}` + "\n"
	for _, text := range []string{
		"x", `{"kind":"tick"}`, `{"kind":"open","version":2,"of":"dungeon"}`,
		`{"kind":"open","version":1,"of":"arena"}`, open + `{"kind":`, open + `{"kind":7}`,
		open + `{"kind":"enter","key":"a"}` + `{"kind":"odd","key":"a"}`,
		open + `{"kind":"enter","key":"a"}` + `{"kind":"event","key":"a","event":"buy"}`,
		strings.TrimSuffix(open, "}\n") + `,"state":{"Loot":"x"}}`,
	} {
		if _, err := p.Run(t.Context(), strings.NewReader(text)); err == nil {
			t.Errorf("%s was played", text)
		}
	}
	// Lines about somebody who is not there are passed over.
	text := open + `{"kind":"input","key":"a","seq":1,"data":1}` + `{"kind":"leave","key":"a"}`
	if _, err := p.Run(t.Context(), strings.NewReader(text)); err != nil {
		t.Error(err)
	}
}

func TestRecordingThatFailsIsCounted(t *testing.T) {
	full := errors.New("the disk is full")
	for _, c := range []struct {
		broken, refused error
	}{{broken: full}, {refused: full}} {
		out := &tape{closed: make(chan struct{}), broken: c.broken}
		o := dungeons(room.Options[dungeon]{
			Record: func(*room.Room[dungeon]) (io.WriteCloser, error) { return out, c.refused },
		})
		v, err := smartsocket.New(smartsocket.Options{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		k := room.Register(v.Namespace("/"), o)
		if _, err := k.Create("", nil); err != nil {
			t.Fatal(err)
		}
		k.Close(message.New("TEST_END", "it ends"))
		if n := k.Stats().RecordErrors; n != 1 {
			t.Errorf("%d errors were counted", n)
		}
	}
}
