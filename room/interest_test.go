//go:build linux || darwin

package room

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/testclock"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/room/state"
)

// Every string of a field tells whose it is, so that the wire can be searched for it.
type (
	field struct {
		Units state.Map[string, unit] `state:"units"`
	}
	unit struct {
		Sign  string  `state:"sign"`
		Hand  string  `state:"hand,owner"`
		X     float64 `state:"x"`
		Y     float64 `state:"y"`
		Team  int     `state:"team"`
		Round int     `state:"round"`
		Deck  string
	}
)

// watcher is a client without a network: what is sent to it, and what it makes of that.
type watcher struct {
	key  string
	m    *Member
	s    *smartsocket.Socket
	d    *state.Decoder[field]
	wire []byte // what came since the last look
	t    *testing.T
}

func (w *watcher) take(_ frame.Opcode, p []byte) {
	w.wire = append(w.wire, p...)
	m, err := message.Parse(p)
	if err != nil {
		w.t.Error(err)
	} else if string(m.Event) == "field" {
		if _, err := w.d.Apply(m.Payload); err != nil {
			w.t.Errorf("%s: %v", w.key, err)
		}
	}
}

// nothingOutside plays with an interest, and reads what is sent. sees is the rule that must hold.
func nothingOutside(t *testing.T, interest Interest[field], sees func(me, other *unit) bool) {
	t.Helper()
	var clock testclock.Clock
	v := server(t)
	v.UseClock(&clock)
	ns := v.Namespace("/")
	random := rand.New(rand.NewPCG(7, 8))
	step := func(u *unit) {
		u.X += 60*random.Float64() - 30
		u.Y += 60*random.Float64() - 30
		if u.Round++; random.IntN(10) == 0 {
			u.Team = random.IntN(3)
		}
	}
	k := Register(ns, Options[field]{
		Name: "field", Rate: 20, Interest: interest,
		Key: func(s *smartsocket.Socket) string { return smartsocket.Value[string](s, "who") },
		OnView: func(r *Room[field], m *Member, v *state.View) {
			r.State.Units.Own(v, m.Key())
		},
		OnEnter: func(r *Room[field], m *Member) error {
			r.State.Units.Put(m.Key(), unit{
				Sign: "sign-" + m.Key() + ".", Hand: "hand-" + m.Key() + ".",
				Deck: "deck-" + m.Key() + ".", X: 300 * random.Float64(), Y: 300 * random.Float64(),
			})
			return nil
		},
		OnLeave: func(r *Room[field], m *Member, _ error) { r.State.Units.Delete(m.Key()) },
		OnTick: func(r *Room[field]) {
			for _, u := range r.State.Units.All() {
				step(u)
			}
		},
	})
	r, err := k.Create("", nil)
	if err != nil {
		t.Fatal(err)
	}
	var all []*watcher
	hidden, came, went := 0, 0, 0
	look := func(w *watcher) {
		me := r.State.Units.Get(w.key)
		for key, u := range r.State.Units.All() {
			seen := w.d.State().Units.Get(key)
			visible := sees(me, u)
			switch {
			case visible && (seen == nil || seen.Round != u.Round):
				t.Fatalf("%s does not see %s as it is", w.key, key)
			case !visible && seen != nil:
				t.Fatalf("%s sees %s", w.key, key)
			case !visible && bytes.Contains(w.wire, []byte(u.Sign)):
				t.Fatalf("%s was sent %s", w.key, u.Sign)
			case !visible:
				hidden++
			}
			if key != w.key && bytes.Contains(w.wire, []byte(u.Hand)) ||
				bytes.Contains(w.wire, []byte(u.Deck)) {
				t.Fatalf("%s was sent what %s keeps to himself", w.key, key)
			}
			if bytes.Contains(w.wire, []byte(u.Sign)) {
				came++
			}
		}
		if own := w.d.State().Units.Get(w.key); own == nil || own.Hand != me.Hand {
			t.Fatalf("%s does not see its own hand", w.key)
		}
		w.wire = w.wire[:0]
	}
	for tick := range 200 {
		if len(all) < 12 && tick%5 == 0 {
			d, err := state.NewDecoder[field]()
			if err != nil {
				t.Fatal(err)
			}
			w := &watcher{key: fmt.Sprintf("p%d", tick), d: d, t: t}
			w.s = ns.Captive(w.take)
			w.s.Set("who", w.key)
			if w.m, err = r.Enter(w.s, nil); err != nil {
				t.Fatal(err)
			}
			all = append(all, w)
			look(w)
		}
		if tick%90 == 89 {
			went++
			r.Leave(all[0].s)
			all = all[1:]
		}
		clock.Advance(time.Second/20, func() {})
		for _, w := range all {
			look(w)
		}
	}
	t.Logf("%d times somebody was hidden, %d came into sight, %d left", hidden, came, went)
	if hidden < 1000 || came < 50 || went == 0 {
		t.Errorf("the play was too dull: %d hidden, %d came, %d left", hidden, came, went)
	}
}

func units(s *field) *state.Map[string, unit] { return &s.Units }

func TestNothingOutsideTheCellsIsSent(t *testing.T) {
	g := Grid{Cell: 80, Reach: 1}
	nothingOutside(t, SeeNear(g, units,
		func(u *unit) (x, y float64) { return u.X, u.Y },
		func(r *Room[field], m *Member) (x, y float64, limited bool) {
			u := r.State.Units.Get(m.Key())
			return u.X, u.Y, true
		}),
		func(me, other *unit) bool { return g.Sees(me.X, me.Y, other.X, other.Y) })
}

func TestNothingOfOtherTeamsIsSent(t *testing.T) {
	nothingOutside(t, SeeTeam(units,
		func(u *unit) (int, bool) { return u.Team, true },
		func(r *Room[field], m *Member) (int, bool) {
			return r.State.Units.Get(m.Key()).Team, true
		}),
		func(me, other *unit) bool { return me.Team == other.Team })
}

func TestNothingOutsideAFunctionIsSent(t *testing.T) {
	rule := func(me, other *unit) bool { return me == other || (me.Round+other.Round)%7 == 0 }
	nothingOutside(t, SeeAlso(See(units, func(r *Room[field], m *Member, _ string, u *unit) bool {
		return rule(r.State.Units.Get(m.Key()), u)
	})), rule)
}

func TestGrid(t *testing.T) {
	g := Grid{Cell: 10, Reach: 1}
	for _, c := range []struct {
		fx, fy, x, y float64
		want         bool
	}{
		{0, 0, 0, 0, true}, {0, 0, 19.9, 19.9, true}, {0, 0, 20, 0, false}, {0, 0, 0, 20, false},
		{0, 0, -10, -10, true}, {0, 0, -10.1, 0, false}, {9.9, 5, 19.9, 5, true},
		{-5, -5, 9.9, 9.9, true}, {-5, -5, 10, 0, false},
	} {
		if got := g.Sees(c.fx, c.fy, c.x, c.y); got != c.want {
			t.Errorf("from %v, %v to %v, %v: %v", c.fx, c.fy, c.x, c.y, got)
		}
	}
}
