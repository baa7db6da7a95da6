//go:build !js

package client

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/message"
	roomstate "github.com/smartsocket/smartsocket/room/state"
)

type arena struct {
	Phase   string                        `state:"phase,enum=lobby|play"`
	Left    int                           `state:"left"`
	Players roomstate.Map[string, player] `state:"players"`
	Boxes   roomstate.List[box]           `state:"boxes"`
	Wins    roomstate.Map[int, int]       `state:"wins"`
}

type player struct {
	X     float64                   `state:"x,min=0,max=1000,step=0.5"`
	Cards []int                     `state:"cards,owner"`
	Items roomstate.Map[uint, item] `state:"items"`
}

type item struct {
	Count int `state:"count"`
}

type box struct {
	ID   int  `state:"id,key"`
	Full bool `state:"full"`
}

// stageServer has one state for one client, which the test changes.
type stageServer struct {
	t      *testing.T
	server *smartsocket.Server
	socket chan *smartsocket.Socket
	inputs chan string
	syncs  chan int

	mu   sync.Mutex
	s    *smartsocket.Socket
	a    *arena
	enc  *roomstate.Encoder
	view *roomstate.View
	tick uint64
}

func newStage(t *testing.T) *stageServer {
	g := &stageServer{t: t, socket: make(chan *smartsocket.Socket, 8),
		inputs: make(chan string, 64), syncs: make(chan int, 64)}
	g.begin()
	g.server = startServer(t, smartsocket.Options{}, func(v *smartsocket.Server) {
		v.OnConnected(func(s *smartsocket.Socket) {
			g.mu.Lock()
			g.s = s
			g.mu.Unlock()
			g.socket <- s
		})
		v.On("arena:input", func(_ *smartsocket.Socket, d smartsocket.Data, _ smartsocket.Ack) {
			g.inputs <- string(d.Bytes())
		})
		smartsocket.On(v, "arena:sync", func(_ *smartsocket.Socket, asked map[string]int,
			_ smartsocket.Ack) {
			g.syncs <- asked["tick"]
		})
	})
	return g
}

func (g *stageServer) begin() {
	g.a = &arena{}
	enc, err := roomstate.NewEncoder(g.a, 50*time.Millisecond)
	if err != nil {
		g.t.Fatal(err)
	}
	g.enc, g.view, g.tick = enc, enc.View(), 0
}

// next commits what the test has changed, and returns the message for the client.
func (g *stageServer) next() []byte {
	g.t.Helper()
	g.tick++
	if err := g.enc.Commit(g.tick, time.Now()); err != nil {
		g.t.Fatal(err)
	}
	b, any := g.view.AppendDelta(nil, true)
	if !any {
		g.t.Fatal("there is nothing to send")
	}
	return b
}

func (g *stageServer) emit(data any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.s.Emit("arena", data)
}

func (g *stageServer) send() { g.emit(g.next()) }

// mirror connects a client to g whose log has what it hears.
func (g *stageServer) mirror(clock clock) (*Mirror[arena], chan string) {
	c := newClient(g.t, urlOf(g.server, "/"), Options{ReconnectDelay: time.Millisecond})
	c.clock = clock
	m, err := StateOf[arena](c, "arena")
	if err != nil {
		g.t.Fatal(err)
	}
	log := make(chan string, 256)
	m.OnChange(func(value *arena, changes roomstate.Changes) {
		if value != m.Value() {
			log <- "another value"
		}
		log <- "tick " + strconv.Itoa(int(changes.Tick))
	})
	m.OnSync(func(synced bool) { log <- "synced " + strconv.FormatBool(synced) })
	connect(g.t, c)
	take(g.t, g.socket, "the socket")
	return m, log
}

func TestMirrorListeners(t *testing.T) {
	g := newStage(t)
	m, log := g.mirror(systemClock{})
	Listen(m, func(a *arena) string { return a.Phase }, func(now, before string) {
		log <- "phase " + before + " to " + now
	})
	name := func(what, key string, x float64) string {
		return what + " " + key + " " + strconv.FormatFloat(x, 'g', -1, 64)
	}
	off := Entries(m, func(a *arena) *roomstate.Map[string, player] { return &a.Players },
		EntryListeners[string, player]{
			Added:   func(k string, p *player) { log <- name("added", k, p.X) },
			Changed: func(k string, p *player) { log <- name("changed", k, p.X) },
			Removed: func(k string, p *player) { log <- name("removed", k, p.X) },
		})
	ListEntries(m, func(a *arena) *roomstate.List[box] { return &a.Boxes },
		func(b *box) int { return b.ID },
		EntryListeners[int, box]{
			Added:   func(k int, _ *box) { log <- "box " + strconv.Itoa(k) },
			Changed: func(k int, _ *box) { log <- "changed box " + strconv.Itoa(k) },
		})
	ann := g.a.Players.Put("ann", player{X: 1.5, Cards: []int{1}})
	g.send()
	expect(t, log, "phase  to lobby", "added ann 1.5", "tick 1", "synced true")
	if st := m.Status(); !st.Synced || st.Tick != 1 || st.Step != 50*time.Millisecond ||
		st.Time.IsZero() || st.Lag > patience || st.Lag < -patience {
		t.Errorf("got %+v", st)
	}
	var there *player
	m.Read(func(a *arena) { there = a.Players.Get("ann") })
	g.a.Phase, ann.X = "play", 2
	g.a.Players.Put("bob", player{})
	g.a.Boxes.Append(box{ID: 7})
	g.send()
	expect(t, log, "phase lobby to play", "added bob 0", "changed ann 2", "box 7", "tick 2")
	ann.Items.Put(3, item{1})
	g.a.Boxes.At(0).Full = true
	g.send()
	expect(t, log, "changed ann 2", "changed box 7", "tick 3")
	// A listener that comes later hears what is there.
	Entries(m, func(a *arena) *roomstate.Map[string, player] { return &a.Players },
		EntryListeners[string, player]{Added: func(k string, _ *player) { log <- "later " + k }})
	heard := []string{take(t, log, "one"), take(t, log, "another")}
	slices.Sort(heard)
	if !slices.Equal(heard, []string{"later ann", "later bob"}) {
		t.Errorf("heard %q", heard)
	}
	m.Read(func(a *arena) {
		if a.Players.Get("ann") != there || there.X != 2 || there.Items.Get(3).Count != 1 ||
			len(there.Cards) != 0 {
			t.Errorf("got %+v", there)
		}
	})
	g.a.Players.Delete("ann")
	g.send()
	expect(t, log, "removed ann 2", "tick 4")
	off()
	g.a.Players.Delete("bob")
	g.send()
	expect(t, log, "tick 5")
	g.emit(g.enc.AppendEnd(nil))
	expect(t, log, "synced false")
	if st := m.Status(); !st.Ended || st.Synced {
		t.Errorf("got %+v", st)
	}
}

func TestMirrorAsksForASnapshot(t *testing.T) {
	g := newStage(t)
	k := newTestClock()
	m, log := g.mirror(k)
	failures := make(chan error, 8)
	m.OnError(func(err error) { failures <- err })
	g.send()
	expect(t, log, "tick 1", "synced true")
	g.a.Left = 2
	g.next() // is lost
	g.a.Left = 3
	g.send()
	expect(t, log, "synced false")
	if tick := take(t, g.syncs, "the request"); tick != 0 {
		t.Errorf("it has tick %d", tick)
	}
	for _, bad := range []any{[]byte{9, 1}, "text", []byte{}} {
		g.emit(bad)
		var e *Error
		if err := take(t, failures, "the error"); !errors.As(err, &e) ||
			e.Code != message.CodeInvalidFormat || e.Event != "arena" {
			t.Errorf("got %v", err)
		}
	}
	if len(g.syncs) > 0 {
		t.Error("it asked again within a second")
	}
	k.add(time.Second)
	for range len(k.funcs) {
		(<-k.funcs)()
	}
	take(t, g.syncs, "the second request")
	g.view.Reset()
	g.send()
	expect(t, log, "tick 4", "synced true")
	if len(g.syncs) > 0 {
		t.Error("it asked a third time")
	}
	m.Read(func(a *arena) {
		if a.Left != 3 {
			t.Errorf("left is %d", a.Left)
		}
	})
	m.Close()
	g.a.Left = 4
	g.send()
	sync := make(chan struct{})
	m.c.post(job{run: func() { close(sync) }})
	take(t, sync, "the end of the handlers")
	if len(log) > 0 {
		t.Errorf("a closed mirror hears %q", <-log)
	}
}

func TestMirrorComesBack(t *testing.T) {
	g := newStage(t)
	m, log := g.mirror(systemClock{})
	g.a.Players.Put("ann", player{X: 1})
	g.a.Players.Put("bob", player{})
	g.send()
	expect(t, log, "tick 1", "synced true")
	Entries(m, func(a *arena) *roomstate.Map[string, player] { return &a.Players },
		EntryListeners[string, player]{
			Changed: func(k string, _ *player) { log <- "changed " + k },
			Removed: func(k string, _ *player) { log <- "removed " + k },
		})
	g.s.DisconnectWith(1001, "away")
	expect(t, log, "synced false")
	take(t, g.socket, "the second socket")
	// A delta to the value of before is not trusted any more.
	g.a.Left = 1
	g.send()
	take(t, g.syncs, "the request")
	g.begin()
	g.a.Players.Put("ann", player{X: 2})
	g.send()
	expect(t, log, "removed bob", "changed ann", "tick 1", "synced true")
}

func TestMirrorInputs(t *testing.T) {
	g := newStage(t)
	m, log := g.mirror(systemClock{})
	p := Predict(m, func(a *arena) (float64, bool) {
		if ann := a.Players.Get("ann"); ann != nil {
			return ann.X, true
		}
		return 0, false
	}, func(x *float64, dx float64) { *x += dx })
	ann := g.a.Players.Put("ann", player{X: 10})
	g.send()
	expect(t, log, "tick 1", "synced true")
	for i := 1; i <= 3; i++ {
		if seq, err := p.Send(0.5); err != nil || seq != uint64(i) {
			t.Fatalf("got %d, %v", seq, err)
		}
		if in := take(t, g.inputs, "an input"); !strings.HasPrefix(in,
			`{"seq":`+strconv.Itoa(i)+`,"at":`) || !strings.HasSuffix(in, `,"data":0.5}`) {
			t.Errorf("sent %s", in)
		}
	}
	if x, ok := p.Value(); !ok || x != 11.5 || p.Pending() != 3 {
		t.Errorf("predicted %v, %v with %d inputs", x, ok, p.Pending())
	}
	ann.X = 11
	g.view.SetInput(2)
	g.send()
	expect(t, log, "tick 2")
	done := make(chan struct{})
	m.c.post(job{run: func() { close(done) }})
	take(t, done, "the handlers")
	if x, _ := p.Value(); x != 11.5 || p.Pending() != 1 || m.Status().Acked != 2 {
		t.Errorf("predicted %v with %d inputs", x, p.Pending())
	}
	if seq, err := m.Send([]byte("raw")); err != nil || seq != 4 {
		t.Errorf("got %d, %v", seq, err)
	}
	if in := take(t, g.inputs, "raw bytes"); in[0] != 4 || !strings.HasSuffix(in, "raw") {
		t.Errorf("sent %q", in)
	}
	m.c.Disconnect()
	if seq, err := p.Send(1); seq != 0 || err == nil {
		t.Errorf("got %d, %v without a connection", seq, err)
	}
}

func TestMirrorOfABadType(t *testing.T) {
	c := newClient(t, "ws://127.0.0.1:1", Options{})
	if _, err := StateOf[struct {
		A chan int `state:"a"`
	}](c, "x"); err == nil {
		t.Error("a channel is in the state")
	}
}

// What listeners hear gives the value, whatever happens.
func TestMirrorHearsEverything(t *testing.T) {
	g := newStage(t)
	m, log := g.mirror(systemClock{})
	known := make(map[string]float64)
	keep := func(k string, p *player) { known[k] = p.X }
	Entries(m, func(a *arena) *roomstate.Map[string, player] { return &a.Players },
		EntryListeners[string, player]{Added: keep, Changed: keep,
			Removed: func(k string, _ *player) { delete(known, k) }})
	r := rand.New(rand.NewPCG(1, 2))
	g.send()
	expect(t, log, "tick 1", "synced true")
	for range 300 {
		for range r.IntN(4) {
			key := strconv.Itoa(r.IntN(8))
			if p := g.a.Players.Get(key); p == nil {
				g.a.Players.Put(key, player{X: float64(r.IntN(100))})
			} else if r.IntN(2) == 0 {
				g.a.Players.Delete(key)
			} else {
				p.X = float64(r.IntN(100))
			}
		}
		if r.IntN(10) == 0 {
			g.view.Reset()
		}
		g.send()
		expect(t, log, "tick "+strconv.Itoa(int(g.tick)))
		same := make(chan bool)
		m.c.post(job{run: func() {
			ok := len(known) == g.a.Players.Len()
			for k, p := range g.a.Players.All() {
				ok = ok && known[k] == p.X
			}
			same <- ok
		}})
		if !take(t, same, "the comparison") {
			t.Fatalf("tick %d: heard %v", g.tick, known)
		}
	}
}

// What was lost with its session is not predicted for ever.
func TestMirrorForgetsInputsOfALostSession(t *testing.T) {
	g := newStage(t)
	m, log := g.mirror(systemClock{})
	p := Predict(m, func(a *arena) (float64, bool) {
		if ann := a.Players.Get("ann"); ann != nil {
			return ann.X, true
		}
		return 0, false
	}, func(x *float64, dx float64) { *x += dx })
	g.a.Players.Put("ann", player{X: 10})
	g.send()
	expect(t, log, "tick 1", "synced true")
	for range 3 {
		if _, err := p.Send(0.5); err != nil {
			t.Fatal(err)
		}
		take(t, g.inputs, "an input")
	}
	g.s.DisconnectWith(1001, "away")
	expect(t, log, "synced false")
	take(t, g.socket, "the second socket")
	g.begin()
	g.a.Players.Put("ann", player{X: 10})
	g.send()
	expect(t, log, "tick 1", "synced true")
	done := make(chan struct{})
	m.c.post(job{run: func() { close(done) }})
	take(t, done, "the handlers")
	if x, _ := p.Value(); x != 10 || p.Pending() != 0 || m.Status().Acked != 3 {
		t.Errorf("predicted %v with %d inputs, acked %d", x, p.Pending(), m.Status().Acked)
	}
	if seq, err := p.Send(0.5); err != nil || seq != 4 || p.Pending() != 1 {
		t.Errorf("got %d, %v, %d inputs", seq, err, p.Pending())
	}
}
