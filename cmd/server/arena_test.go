package main

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/message"
)

func TestArenaWorldKeepsItsRules(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	w := newWorld(random)
	for range 10 {
		w.add("Player")
	}
	now, dt := time.Unix(1_000_000, 0), 1.0/ticksPerSec
	for range 20_000 {
		now = now.Add(time.Second / ticksPerSec)
		before := make(map[*player][2]float64)
		total := 0
		for _, p := range w.players {
			before[p] = [2]float64{p.x, p.y}
			total += p.score
			if !p.bot {
				p.steer(int8(random.IntN(256)-128), int8(random.IntN(256)-128),
					random.IntN(20) == 0, now)
			}
		}
		gems := w.gems
		w.step(now, dt)
		taken := 0
		for i := range gems {
			if gems[i] != w.gems[i] {
				taken++
			}
		}
		for _, p := range w.players {
			total -= p.score
			if d := math.Hypot(p.x-before[p][0], p.y-before[p][1]); d > dashSpeed*dt+1e-6 {
				t.Fatalf("%s moved %.1f in one tick", p.name, d)
			}
			if p.score < 0 || p.x < playerR || p.x > arenaWidth-playerR || p.y < playerR ||
				p.y > arenaHeight-playerR {
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

// snapshot is what a client reads from one snapshot.
type snapshot struct {
	tick    uint32
	players map[uint16]position
	gems    int
}

type position struct {
	x, y  float64
	flags byte
	score uint16
}

func parseSnapshot(t *testing.T, b []byte) snapshot {
	t.Helper()
	le := binary.LittleEndian
	if len(b) < 14 || len(b) != 14+11*int(b[12])+4*int(b[13]) {
		t.Fatalf("a snapshot of %d bytes", len(b))
	}
	s := snapshot{tick: le.Uint32(b), players: make(map[uint16]position), gems: int(b[13])}
	if at := time.UnixMicro(
		int64(math.Float64frombits(le.Uint64(b[4:])) * 1000)); time.Since(at).Abs() > time.Minute {
		t.Fatalf("a snapshot of %v", at)
	}
	for i := range int(b[12]) {
		p := b[14+11*i:]
		s.players[le.Uint16(p)] = position{float64(le.Uint16(p[2:])) / 32,
			float64(le.Uint16(p[4:])) / 32, p[8], le.Uint16(p[9:])}
	}
	return s
}

// gamer is a client in the arena.
type gamer struct {
	*client.Client
	t     *testing.T
	me    enterReply
	snaps chan []byte
	said  chan arenaLine
	back  chan bool
}

func (r *running) gamer(t *testing.T, path string) *gamer {
	t.Helper()
	return gamerAt(t, "ws://"+r.addr.String()+path)
}

func gamerAt(t *testing.T, url string) *gamer {
	t.Helper()
	c, err := client.New(url, client.Options{
		Namespace: "/arena", ReconnectDelay: 10 * time.Millisecond,
		TLSConfig: &tls.Config{InsecureSkipVerify: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Disconnect)
	g := &gamer{Client: c, t: t, snaps: make(chan []byte, 1000), said: make(chan arenaLine, 100),
		back: make(chan bool, 1)}
	c.On("s", func(d client.Data, _ client.Ack) {
		select {
		case g.snaps <- slices.Clone(d.Bytes()):
		default: // nobody reads them at the moment
		}
	})
	c.On("said", func(d client.Data, _ client.Ack) {
		var line arenaLine
		if d.Decode(&line) == nil {
			g.said <- line
		}
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

// sees waits for a snapshot that ok accepts.
func (g *gamer) sees(what string, ok func(snapshot) bool) {
	g.t.Helper()
	for late := time.After(patience); ; {
		select {
		case b := <-g.snaps:
			if ok(parseSnapshot(g.t, b)) {
				return
			}
		case <-late:
			g.t.Fatalf("never saw %s", what)
		}
	}
}

func TestArenaPlayersSeeEachOtherMove(t *testing.T) {
	r := start(t, "-demo")
	ann, bob := r.gamer(t, "/").enter("Ann", ""), r.gamer(t, "/").enter("Bob", "")
	if ann.me.ID == bob.me.ID || ann.me.Token == bob.me.Token || ann.me.Rules != rules ||
		len(bob.me.Roster) != botCount+2 {
		t.Fatalf("%+v %+v", ann.me, bob.me)
	}
	var from position
	bob.sees("Ann", func(s snapshot) bool {
		p, ok := s.players[ann.me.ID]
		from = p
		return ok && s.gems == gemCount
	})
	direction := byte(127)
	if from.x > arenaWidth/2 {
		direction = 0x81 // -127
	}
	if err := ann.Emit("i", []byte{0, direction, 0}); err != nil {
		t.Fatal(err)
	}
	bob.sees("Ann moving", func(s snapshot) bool {
		return math.Abs(s.players[ann.me.ID].x-from.x) > 100
	})
	if err := ann.Emit("i", []byte{1, direction, 0}); err != nil {
		t.Fatal(err)
	}
	bob.sees("Ann's dash", func(s snapshot) bool {
		return s.players[ann.me.ID].flags&flagDash != 0
	})
	if _, err := ann.ask("talk", " <b>hi</b> "); err != nil {
		t.Fatal(err)
	}
	if line := <-bob.said; line.Text != "<b>hi</b>" || line.From != ann.me.ID ||
		line.Name != "Ann" {
		t.Errorf("%+v", line)
	}
	if late := r.gamer(t, "/").enter("Late", ""); len(late.me.Lines) != 1 ||
		late.me.Lines[0].Text != "<b>hi</b>" {
		t.Errorf("a latecomer reads %+v", late.me.Lines)
	}
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
	if line := <-ann.said; line.Text != "welcome back" {
		t.Errorf("%+v", line)
	}
	bob.sees("Ann here again", func(s snapshot) bool {
		p, ok := s.players[ann.me.ID]
		return ok && p.flags&flagAway == 0
	})
	// With the token another connection gets the player. Without it nobody does.
	second := r.gamer(t, "/").enter("Ann", ann.me.Token)
	if second.me.ID != ann.me.ID {
		t.Errorf("the token gives player %d, not %d", second.me.ID, ann.me.ID)
	}
	ann.Disconnect()
	if thief := r.gamer(t, "/").enter("Eve", "guess"); thief.me.ID == ann.me.ID {
		t.Error("a wrong token took the player over")
	}
	second.sees("itself here", func(s snapshot) bool {
		return s.players[second.me.ID].flags&flagAway == 0
	})
	second.Disconnect()
	bob.sees("Ann away", func(s snapshot) bool { return s.players[ann.me.ID].flags&flagAway != 0 })
}

// A full arena that everyone has left does not tick, and still lets newcomers in.
func TestArenaFullOfPlayersLongGone(t *testing.T) {
	a := &arena{world: newWorld(rand.New(rand.NewPCG(1, 1)))}
	for len(a.world.players) < maxPlayers {
		p, err := a.claim("")
		if err != nil {
			t.Fatal(err)
		}
		p.away, p.leftAt = true, time.Now()
	}
	if _, err := a.claim(""); err == nil {
		t.Fatal("players who may come back lost their places")
	}
	for _, p := range a.world.players {
		p.leftAt = time.Now().Add(-2 * awayTime)
	}
	if _, err := a.claim(""); err != nil || len(a.world.players) != botCount+1 {
		t.Errorf("%d players: %v", len(a.world.players), err)
	}
}

func TestArenaRefusesNonsense(t *testing.T) {
	r := start(t, "-demo")
	g := r.gamer(t, "/")
	for _, c := range []struct {
		event string
		data  any
		want  error
	}{
		{"talk", "not in yet", message.ErrRejected},
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
	for _, input := range []any{nil, "left", []byte{}, []byte{1}, []byte{255, 128, 128, 0},
		[]byte{255, 128, 128}} {
		if err := g.Emit("i", input); err != nil {
			t.Fatal(err)
		}
	}
	g.enter("Ann", "")
	for _, input := range []any{nil, []byte{255}, []byte{255, 128, 128}} {
		if err := g.Emit("i", input); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := g.ask("rtt", 1e300); err != nil {
		t.Error(err)
	}
	g.sees("itself in the field", func(s snapshot) bool {
		p, ok := s.players[g.me.ID]
		return ok && p.x >= playerR-1 && p.x <= arenaWidth && p.y >= playerR-1 && p.y <= arenaHeight
	})
	for i := 0; ; i++ {
		if _, err := g.ask("talk", "spam"); errors.Is(err, message.ErrEventRateLimited) {
			break
		} else if err != nil || i > 20 {
			t.Fatalf("line %d: %v", i, err)
		}
	}
}

// A client on a slow line gets fewer and newer snapshots. Nobody else notices.
func TestArenaSlowLane(t *testing.T) {
	r := start(t, "-demo")
	fast, slow := r.gamer(t, "/").enter("Fast", ""), r.gamer(t, "/slow/").enter("Slow", "")
	var last uint32
	skipped := 0
	slow.sees("skipped snapshots", func(s snapshot) bool {
		if last > 0 && s.tick <= last {
			t.Fatalf("tick %d after %d", s.tick, last)
		}
		if last > 0 {
			skipped += int(s.tick - last - 1)
		}
		last = s.tick
		return skipped > 20
	})
	before, first := 0, uint32(0)
	fast.sees("far more of them", func(s snapshot) bool {
		if first == 0 {
			first = s.tick
		}
		before++
		return s.tick >= last
	})
	if missed := int(last-first) + 1 - before; missed >= skipped {
		t.Errorf("the fast client missed %d snapshots, the slow one %d", missed, skipped)
	}
	resp, err := http.Get("http://" + r.addr.String() + "/stats")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var stats struct{ Connections smartsocket.ConnectionStats }
	if err := json.NewDecoder(resp.Body).Decode(&stats); err != nil ||
		stats.Connections.StateReplaced < int64(skipped) {
		t.Errorf("%d states replaced, %d skipped (%v)", stats.Connections.StateReplaced, skipped,
			err)
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestArenaSlowLaneOverTLS(t *testing.T) {
	r := start(t, append(certificate(t), "-demo")...)
	g := gamerAt(t, "wss://"+r.addr.String()+"/slow/").enter("Slow", "")
	g.sees("itself", func(s snapshot) bool { _, ok := s.players[g.me.ID]; return ok })
}
