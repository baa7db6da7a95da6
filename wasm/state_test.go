//go:build !js

package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/room/state"
)

// stateLine is a message of a state for the client of that number, and what becomes of it.
type stateLine struct {
	Client  int            `json:"client"`
	Message string         `json:"message"`
	Refused bool           `json:"refused,omitempty"` // because the one before was lost
	Want    map[string]any `json:"want,omitempty"`    // the value then, now and then
}

// stateWatcher is one who sees the world: all of it, all with a seat, or those nearby.
type stateWatcher struct {
	view   *state.View
	own    string
	near   bool
	behind bool // it has lost a message
}

func (s *stateWatcher) visible(_ string, p *being) bool { return !s.near || p.X < 500 }

// TestStates changes a state 100 000 times, loses messages to its clients, and lets the client's
// decoder in Node follow.
func TestStates(t *testing.T) {
	needNode(t)
	file := filepath.Join(t.TempDir(), "states.jsonl")
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	writeStates(t, file, rand.New(rand.NewPCG(seed, 1)), 100_000)
	node(t, "state-fuzz.test.js", "SMARTSOCKET_STATES="+file)
}

func writeStates(t *testing.T, file string, r *rand.Rand, changes int) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	buffered := bufio.NewWriter(f)
	lines := json.NewEncoder(buffered)
	w := &world{Left: 10}
	e, err := state.NewEncoder(w, 50*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	watchers := []*stateWatcher{
		{view: e.View()}, {view: e.View(), own: "p3"}, {view: e.View(), own: "p1", near: true},
	}
	w.Players.Own(watchers[1].view, "p3")
	w.Players.Own(watchers[2].view, "p1")
	began := time.UnixMicro(1_750_000_000_000_000)
	var buf []byte
	for tick := uint64(1); changes > 0; tick++ {
		for n := r.IntN(20); n > 0; n-- {
			w.change(r)
			changes--
		}
		if err := e.Commit(tick, began.Add(time.Duration(tick)*50*time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		for i, who := range watchers {
			if who.near {
				w.Players.Filter(who.view, who.visible)
			}
			if r.IntN(4) == 0 {
				continue // it is slow
			}
			var any bool
			if buf, any = who.view.AppendDelta(buf[:0], r.IntN(8) == 0); !any {
				continue
			}
			if r.IntN(50) == 0 { // it was lost, which the client notices at the next
				who.behind = true
				continue
			}
			line := stateLine{Client: i, Message: base64.StdEncoding.EncodeToString(buf),
				Refused: who.behind}
			if who.behind {
				who.view.Reset()
				who.behind = false
			} else if r.IntN(8) == 0 || changes <= 0 {
				line.Want = w.seen(who.own, who.visible)
			}
			if err := lines.Encode(line); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := buffered.Flush(); err != nil {
		t.Fatal(err)
	}
}
