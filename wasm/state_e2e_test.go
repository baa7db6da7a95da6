//go:build !js

package main

import (
	"sync"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/room/state"
)

// TestStateEndToEnd lets the JavaScript client, on either engine, follow states of a real server.
func TestStateEndToEnd(t *testing.T) { node(t, "state-e2e.test.js", stateServers(t).list()...) }

// stateServers starts the server for state-e2e.test.js.
func stateServers(t *testing.T) environment {
	server := start(t, testOptions())
	serveStates(server)
	return environment{"SMARTSOCKET_STATE_URL": url(server)}
}

// stage is one state with all that see it. Each client has one of its own.
type stage struct {
	mu    sync.Mutex
	world world
	enc   *state.Encoder
	view  *state.View
	tick  uint64
	syncs int
	lost  bool // the next message is not sent
}

// step is what a page wants to happen.
type step struct {
	Do   string  `json:"do"`
	Key  string  `json:"key"`
	X    float64 `json:"x"`
	Text string  `json:"text"`
	N    int     `json:"n"`
}

// serveStates registers what state-e2e.test.js calls in the namespace /state.
func serveStates(server *smartsocket.Server) {
	ns := server.Namespace("/state")
	var stages sync.Map // by socket
	of := func(s *smartsocket.Socket) *stage {
		v, _ := stages.LoadOrStore(s.ID(), newStage())
		return v.(*stage)
	}
	smartsocket.Handle(ns, "step", func(s *smartsocket.Socket, st step) (int, error) {
		return of(s).step(s, st)
	})
	smartsocket.On(ns, "arena:sync", func(s *smartsocket.Socket, _ struct {
		Tick int `json:"tick"`
	}, _ smartsocket.Ack) {
		g := of(s)
		g.mu.Lock()
		defer g.mu.Unlock()
		g.syncs++
		g.view.Reset()
		g.send(s)
	})
	smartsocket.On(ns, "arena:input", func(s *smartsocket.Socket, in struct {
		Seq  uint64             `json:"seq"`
		At   int64              `json:"at"`
		Data map[string]float64 `json:"data"`
	}, _ smartsocket.Ack) {
		g := of(s)
		g.mu.Lock()
		defer g.mu.Unlock()
		if late := time.Since(time.UnixMicro(in.At)); late > -time.Minute && late < time.Minute {
			g.world.Players.Get("me").X += in.Data["dx"]
		}
		g.view.SetInput(in.Seq)
	})
}

func newStage() *stage {
	g := &stage{world: world{Left: 10}}
	enc, err := state.NewEncoder(&g.world, 50*time.Millisecond)
	if err != nil {
		panic(err)
	}
	g.enc, g.view = enc, enc.View()
	g.world.Players.Own(g.view, "me")
	return g
}

// step does what the page wants. Its answer is how often the client has asked for a snapshot.
func (g *stage) step(s *smartsocket.Socket, st step) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	w := &g.world
	switch st.Do {
	case "put":
		w.Players.Put(st.Key, being{Name: st.Text, X: st.X, Cards: []int{7, st.N}})
	case "delete":
		w.Players.Delete(st.Key)
	case "box":
		w.Boxes.Insert(0, box{ID: st.N, Kind: st.Text})
	case "sort":
		w.Boxes.SortFunc(func(a, b *box) int { return a.ID - b.ID })
	case "phase":
		w.Phase, w.Name, w.Blob = st.Text, "Jörg 🎮", []byte{0, 255}
	case "lose":
		g.lost = true
	case "garble":
		_, err := s.Emit("arena", []byte{9, 1})
		return g.syncs, err
	case "text":
		_, err := s.Emit("arena", "this is no state")
		return g.syncs, err
	case "end":
		_, err := s.Emit("arena", g.enc.AppendEnd(nil))
		n := newStage()
		g.world, g.enc, g.view, g.tick = n.world, n.enc, n.view, 0
		return g.syncs, err
	}
	g.send(s)
	return g.syncs, nil
}

// send commits, and sends what is new to the client.
func (g *stage) send(s *smartsocket.Socket) {
	g.tick++
	if err := g.enc.Commit(g.tick, time.Now()); err != nil {
		panic(err)
	}
	if b, any := g.view.AppendDelta(nil, g.tick%2 == 0); any && !g.lost {
		s.Emit("arena", b, smartsocket.Volatile)
	}
	g.lost = false
}
