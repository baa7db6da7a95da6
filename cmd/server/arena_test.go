package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/room"
	"github.com/smartsocket/smartsocket/room/state"
)

func TestArenaKeepsItsRules(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var w arena
	w.open(random)
	for range 10 {
		w.add("Player")
	}
	const dt = 1.0 / ticksPerSec
	for tick := range uint64(20_000) {
		before, gems := make(map[*player]player), make(map[*gem]gem)
		total := 0
		for _, p := range w.Players.All() {
			before[p] = *p
			total += p.Score
			if !p.Bot {
				p.steer(int8(random.IntN(256)-128), int8(random.IntN(256)-128),
					random.IntN(20) == 0, tick)
			}
		}
		for _, g := range w.Gems.All() {
			gems[g] = *g
		}
		w.step(tick, dt)
		taken := 0
		for g, was := range gems {
			if *g != was {
				taken++
			}
		}
		for p, was := range before {
			total -= p.Score
			if d := math.Hypot(p.X-was.X, p.Y-was.Y); d > dashSpeed*dt+1e-6 {
				t.Fatalf("%s moved %.1f in one tick", p.Name, d)
			}
			if p.Score < 0 || p.X < playerR || p.X > arenaWidth-playerR || p.Y < playerR ||
				p.Y > arenaHeight-playerR {
				t.Fatalf("%+v", p)
			}
		}
		// Gems come only from the floor, and a dash passes them on. A gem that was put under a
		// player is taken again at once.
		if -total < taken || -total > taken+2 {
			t.Fatalf("%d gems left the floor and the players have %d more", taken, -total)
		}
	}
}

// gamer is a client in the arena.
type gamer struct {
	*client.Client
	t    *testing.T
	me   enterReply
	seen *state.Decoder[arena]
	back chan bool

	mu   sync.Mutex
	came [][]byte      // messages that sees has not read yet
	more chan struct{} // has a token if there may be some
}

func (r *running) gamer(t *testing.T, path string) *gamer {
	t.Helper()
	return gamerAt(t, "ws://"+r.addr.String()+path)
}

// gamerAt makes a client that comes back at once when its connection is lost, or later.
func gamerAt(t *testing.T, url string, later ...time.Duration) *gamer {
	t.Helper()
	c, err := client.New(url, client.Options{
		Namespace: "/arena", ReconnectDelay: append(later, 10*time.Millisecond)[0],
		TLSConfig: &tls.Config{InsecureSkipVerify: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Disconnect)
	seen, err := state.NewDecoder[arena]()
	if err != nil {
		t.Fatal(err)
	}
	g := &gamer{Client: c, t: t, seen: seen, back: make(chan bool, 1),
		more: make(chan struct{}, 1)}
	c.On("arena", func(d client.Data, _ client.Ack) {
		g.mu.Lock()
		g.came = append(g.came, slices.Clone(d.Bytes()))
		g.mu.Unlock()
		g.wake()
	})
	c.OnReconnected(func(recovered bool) { g.back <- recovered })
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.Connect(ctx); err != nil {
		t.Fatal(err)
	}
	return g
}

func (g *gamer) ask(event string, data any) (client.Data, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return g.EmitWithAck(ctx, event, data)
}

func (g *gamer) enter(name, token string) *gamer {
	g.t.Helper()
	d, err := g.ask("enter", enterRequest{name, token})
	if err == nil {
		err = d.Decode(&g.me)
	}
	if err != nil {
		g.t.Fatal(err)
	}
	return g
}

func (g *gamer) wake() {
	select {
	case g.more <- struct{}{}:
	default:
	}
}

// sees waits until the state is one that ok accepts, which is asked after every message.
func (g *gamer) sees(what string, ok func(*arena) bool) {
	g.t.Helper()
	for late := time.After(patience); ; {
		select {
		case <-g.more:
		case <-late:
			g.t.Fatalf("never saw %s", what)
		}
		g.mu.Lock()
		came := g.came
		g.came = nil
		g.mu.Unlock()
		for i, b := range came {
			if _, err := g.seen.Apply(b); err != nil {
				g.t.Fatal(err)
			}
			if ok(g.seen.State()) {
				g.mu.Lock()
				g.came = append(came[i+1:], g.came...)
				g.mu.Unlock()
				g.wake()
				return
			}
		}
	}
}

// player waits until another player, or its own, is as ok says.
func (g *gamer) player(what string, of *gamer, ok func(*player) bool) {
	g.t.Helper()
	g.sees(what, func(w *arena) bool {
		p := w.Players.Get(of.me.ID)
		return p != nil && ok(p)
	})
}

func (g *gamer) hears(text string) {
	g.t.Helper()
	g.sees("the line "+text, func(w *arena) bool {
		n := w.Lines.Len()
		return n > 0 && w.Lines.At(n-1).Text == text
	})
}

func (g *gamer) steer(seq int, wish ...int) {
	g.t.Helper()
	if err := g.Emit("arena:input", map[string]any{"seq": seq, "data": wish}); err != nil {
		g.t.Fatal(err)
	}
}

func TestArenaPlayersSeeEachOtherMove(t *testing.T) {
	r := start(t, "-demo")
	ann, bob := r.gamer(t, "/").enter("Ann", ""), r.gamer(t, "/").enter("Bob", "")
	if ann.me.ID == bob.me.ID || ann.me.Token == bob.me.Token ||
		!maps.Equal(ann.me.Rules, rules) {
		t.Fatalf("%+v %+v", ann.me, bob.me)
	}
	var from player
	bob.player("Ann", ann, func(p *player) bool { from = *p; return true })
	if w := bob.seen.State(); from.Name != "Ann" || w.Players.Len() != botCount+2 ||
		w.Gems.Len() != gemCount {
		t.Errorf("Bob sees %d players, %d gems and %+v", w.Players.Len(), w.Gems.Len(), from)
	}
	direction := 127
	if from.X > arenaWidth/2 {
		direction = -127
	}
	ann.steer(1, direction, 0, 0)
	bob.player("Ann moving", ann, func(p *player) bool { return math.Abs(p.X-from.X) > 100 })
	ann.steer(2, direction, 0, 1)
	bob.player("Ann's dash", ann, func(p *player) bool { return p.Dash })
	if _, err := ann.ask("rtt", 12.34); err != nil {
		t.Fatal(err)
	}
	bob.player("Ann's round trip", ann, func(p *player) bool { return p.RTT == 12.3 })
	if _, err := ann.ask("talk", " <b>hi</b> "); err != nil {
		t.Fatal(err)
	}
	bob.hears("<b>hi</b>")
	if line := bob.seen.State().Lines.At(0); line.Name != "Ann" || line.Hue != from.Hue {
		t.Errorf("%+v", line)
	}
	r.gamer(t, "/").enter("Late", "").hears("<b>hi</b>")
}

func TestArenaPlayerSurvivesItsConnection(t *testing.T) {
	r := start(t, "-demo")
	ann, bob := r.gamer(t, "/").enter("Ann", ""), r.gamer(t, "/").enter("Bob", "")
	if err := ann.Emit("drop", nil); err != nil {
		t.Fatal(err)
	}
	select {
	case recovered := <-ann.back:
		if !recovered {
			t.Error("the session was not resumed")
		}
	case <-time.After(patience):
		t.Fatal("never came back")
	}
	if _, err := bob.ask("talk", "welcome back"); err != nil {
		t.Fatal(err)
	}
	ann.hears("welcome back")
	here := func(p *player) bool { return !p.Away }
	bob.player("Ann here again", ann, here)
	// With the token another connection gets the player. Without it nobody does.
	second := gamerAt(t, "ws://"+r.addr.String()+"/", time.Hour).enter("Anna", ann.me.Token)
	if second.me.ID != ann.me.ID {
		t.Errorf("the token gives player %d, not %d", second.me.ID, ann.me.ID)
	}
	ann.Disconnect()
	for _, token := range []string{"guess", strings.Repeat("A", len(ann.me.Token))} {
		if r.gamer(t, "/").enter("Eve", token).me.ID == ann.me.ID {
			t.Error("a wrong token took the player over")
		}
	}
	second.player("itself", second, func(p *player) bool { return here(p) && p.Name == "Anna" })
	if err := second.Emit("drop", nil); err != nil {
		t.Fatal(err)
	}
	bob.player("Ann away", ann, func(p *player) bool { return p.Away })
	third := r.gamer(t, "/").enter("Ann", ann.me.Token)
	bob.player("Ann back", ann, here)
	third.Disconnect() // with a goodbye
	bob.sees("Ann gone", func(w *arena) bool { return w.Players.Get(ann.me.ID) == nil })
}

func TestArenaRefusesNonsense(t *testing.T) {
	r := start(t, "-demo")
	g := r.gamer(t, "/")
	if _, err := g.ask("talk", "not in yet"); !errors.Is(err, room.ErrOutside) {
		t.Error(err)
	}
	inputs := []any{nil, "left", []byte{}, []byte{1}, map[string]any{"seq": 1, "data": "left"},
		map[string]any{"seq": 2, "data": []int{300, -300, 1}}}
	for _, input := range inputs {
		if err := g.Emit("arena:input", input); err != nil {
			t.Fatal(err)
		}
	}
	g.enter("Ann", "")
	for _, c := range []struct {
		event string
		data  any
		want  error
	}{
		{"enter", enterRequest{Name: strings.Repeat("x", 25)}, message.ErrRejected},
		{"enter", enterRequest{Name: " \u202e "}, message.ErrRejected},
		{"enter", 5, message.ErrInvalidFormat},
		{"talk", strings.Repeat("x", 501), message.ErrRejected},
		{"talk", []byte{1}, message.ErrInvalidFormat},
		{"rtt", "soon", message.ErrInvalidFormat},
	} {
		if _, err := g.ask(c.event, c.data); !errors.Is(err, c.want) {
			t.Errorf("%s %v: %v", c.event, c.data, err)
		}
	}
	for _, input := range append(inputs, map[string]any{"seq": 3, "data": []int{-128, -128, -1}}) {
		if err := g.Emit("arena:input", input); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := g.ask("rtt", 1e300); err != nil {
		t.Error(err)
	}
	g.player("the most that is shown of a round trip", g, func(p *player) bool {
		return p.RTT == 60_000 && p.AX == -127 && p.X >= playerR-1 && p.X <= arenaWidth &&
			p.Y >= playerR-1 && p.Y <= arenaHeight
	})
	for i := 0; ; i++ {
		if _, err := g.ask("talk", "spam"); errors.Is(err, message.ErrEventRateLimited) {
			break
		} else if err != nil || i > 20 {
			t.Fatalf("line %d: %v", i, err)
		}
	}
}

// A client on a slow line gets fewer messages, with all that has changed. Nobody else notices.
func TestArenaSlowLane(t *testing.T) {
	r := start(t, "-demo")
	fast, slow := r.gamer(t, "/").enter("Fast", ""), r.gamer(t, "/slow/").enter("Slow", "")
	left := map[*gamer]int{} // ticks that were left out for each
	last := map[*gamer]uint64{}
	reads := func(g *gamer, enough func() bool) {
		g.sees("enough ticks", func(*arena) bool {
			tick := g.seen.Tick()
			if tick < last[g] {
				t.Fatalf("tick %d after %d", tick, last[g])
			} else if last[g] > 0 && tick > last[g] {
				left[g] += int(tick - last[g] - 1)
			}
			last[g] = tick
			return enough()
		})
	}
	// A server that is late leaves out ticks for all.
	for began := time.Now(); left[slow] < left[fast]+20; {
		if time.Since(began) > patience {
			t.Fatalf("%d ticks were left out for the slow client, %d for the other", left[slow],
				left[fast])
		}
		n := 0
		reads(slow, func() bool { n++; return n == 10 })
		reads(fast, func() bool { return last[fast] >= last[slow] })
	}
	resp, err := http.Get("http://" + r.addr.String() + "/stats")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var stats struct{ Arena room.Stats }
	if err := json.NewDecoder(resp.Body).Decode(&stats); err != nil ||
		stats.Arena.Players != 2 || stats.Arena.Behind == 0 {
		t.Errorf("%+v (%v)", stats.Arena, err)
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestArenaSlowLaneOverTLS(t *testing.T) {
	r := start(t, append(certificate(t), "-demo")...)
	g := gamerAt(t, "wss://"+r.addr.String()+"/slow/").enter("Slow", "")
	g.player("itself", g, func(*player) bool { return true })
}
