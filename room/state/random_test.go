package state

import (
	"bytes"
	"math/rand/v2"
	"os"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/internal/race"
)

// client is one client of the random test: a view, and two decoders of the other side.
type client struct {
	v     *View
	plain *Reader
	typed *Decoder[vecArena]
	sight sight
	buf   []byte
}

// world is a state with clients of different sights.
type world struct {
	t       testing.TB
	a       vecArena
	e       *Encoder
	tick    uint64
	clients []*client
}

func newWorld(t testing.TB) *world {
	w := &world{t: t}
	e, err := NewEncoder(&w.a, time.Second/20)
	if err != nil {
		t.Fatal(err)
	}
	w.e = e
	for i := range 4 {
		typed, err := NewDecoder[vecArena]()
		if err != nil {
			t.Fatal(err)
		}
		c := &client{v: e.View(), plain: NewReader(), typed: typed}
		c.sight.owner = map[string]bool{}
		if i == 1 || i == 3 {
			w.own(c, "k1", true)
		}
		w.clients = append(w.clients, c)
	}
	return w
}

func (w *world) own(c *client, k string, on bool) {
	c.sight.owner[k] = on
	if on {
		w.a.Players.Own(c.v, k)
	} else {
		w.a.Players.Disown(c.v, k)
	}
}

// look changes what a client may see.
func (w *world) look(s *script, c *client) {
	switch s.below(6) {
	case 0:
		w.own(c, s.key(), s.below(2) == 0)
	case 1, 2:
		bits := s.below(64)
		c.sight.players = map[*vecPlayer]bool{}
		w.a.Players.Filter(c.v, func(k string, p *vecPlayer) bool {
			c.sight.players[p] = bits>>(k[1]-'0')&1 == 1
			return c.sight.players[p]
		})
	case 3, 4:
		part := s.below(5)
		c.sight.boxes = map[*vecBox]bool{}
		w.a.Boxes.Filter(c.v, func(b *vecBox) bool {
			c.sight.boxes[b] = b.ID%5 != part
			return c.sight.boxes[b]
		})
	case 5:
		w.lookMore(s, c)
	}
}

func (w *world) lookMore(s *script, c *client) {
	k := s.key()
	switch s.below(4) {
	case 0:
		c.sight.players = nil
		w.a.Players.ShowAll(c.v)
	case 1:
		c.sight.boxes = nil
		w.a.Boxes.ShowAll(c.v)
	case 2:
		if c.sight.players == nil {
			c.sight.players = map[*vecPlayer]bool{}
		}
		c.sight.players[w.a.Players.Get(k)] = w.a.Players.Show(c.v, k)
	case 3:
		if c.sight.players == nil {
			c.sight.players = map[*vecPlayer]bool{}
			for _, p := range w.a.Players.All() {
				c.sight.players[p] = true
			}
		}
		delete(c.sight.players, w.a.Players.Get(k))
		w.a.Players.Hide(c.v, k)
	}
}

// step changes something, and lets the clients know in some way or other. It returns the number of
// changes.
func (w *world) step(s *script) int {
	changes := 1 + s.below(12)
	if s.below(4) == 0 {
		changes *= 16
	}
	for range changes {
		s.change(&w.a)
	}
	if w.tick > 0 && s.below(8) == 0 {
		w.enter(w.clients[s.below(len(w.clients))])
		s.change(&w.a)
	}
	w.tick += 1 + uint64(s.below(2))
	if err := w.e.Commit(w.tick, time.UnixMicro(int64(w.tick)*50_000)); err != nil {
		w.t.Fatal(err)
	}
	for i, c := range w.clients {
		if i >= 2 && s.below(4) == 0 {
			w.look(s, c)
		}
		switch s.below(16) {
		case 0, 1, 2: // nothing is sent: the client falls behind
			continue
		case 3:
			if b, any := c.v.AppendDelta(nil, false); any {
				w.lose(c, b)
			}
			continue
		case 4:
			c.v.Reset()
		case 5:
			c.buf = c.v.AppendSnapshot(c.buf[:0])
			w.deliver(c, true, true)
			continue
		}
		var any bool
		c.buf, any = c.v.AppendDelta(c.buf[:0], s.below(4) == 0)
		w.deliver(c, any, s.below(3) == 0)
	}
	return changes
}

// enter lets a client come between two ticks: the last tick is committed again, and only he gets
// what changed since.
func (w *world) enter(c *client) {
	if err := w.e.Commit(w.tick, time.UnixMicro(int64(w.tick)*50_000)); err != nil {
		w.t.Fatal(err)
	}
	c.v.Reset()
	c.buf, _ = c.v.AppendDelta(c.buf[:0], false)
	w.deliver(c, true, true)
}

// lose lets a client miss a message. It notices at the next one.
func (w *world) lose(c *client, missed []byte) {
	if missed[0]&0x0f == kindSnapshot || !c.plain.Synced() {
		c.v.Reset()
		return
	}
	w.a.Open = !w.a.Open
	w.tick++
	if err := w.e.Commit(w.tick, time.UnixMicro(int64(w.tick)*50_000)); err != nil {
		w.t.Fatal(err)
	}
	b, any := c.v.AppendDelta(nil, false)
	if !any {
		w.t.Fatal("the change was not sent")
	}
	tick := c.plain.Tick()
	if _, err := c.plain.Apply(b); err == nil || !c.plain.Synced() || c.plain.Tick() != tick {
		w.t.Fatalf("after a lost message: %v", err)
	}
	c.v.Reset()
}

// deliver brings a message to both decoders, and compares what they have with what they should.
// What a decoder has wrong stays wrong for some messages, so that it need not look each time.
func (w *world) deliver(c *client, any, look bool) {
	if any {
		if _, err := c.plain.Apply(c.buf); err != nil {
			w.t.Fatalf("tick %d: %v\n%x", w.tick, err, c.buf)
		}
		if _, err := c.typed.Apply(c.buf); err != nil {
			w.t.Fatalf("tick %d: %v\n%x", w.tick, err, c.buf)
		}
	}
	if !look {
		return
	}
	want := c.sight.arena(&w.a, false)
	if got := c.plain.Value(); !reflect.DeepEqual(got, want) {
		w.t.Fatalf("tick %d, plain values:\n%v\n%v\n%x", w.tick, got, want, c.buf)
	}
	if got := everything.arena(c.typed.State(), true); !reflect.DeepEqual(got, want) {
		w.t.Fatalf("tick %d, typed:\n%v\n%v\n%x", w.tick, got, want, c.buf)
	}
}

// TestRandomChanges: whatever changes, whatever is lost and whoever may see what, a client that has
// the last message has the same state. STATE_CHANGES sets the number of changes.
func TestRandomChanges(t *testing.T) {
	changes := 100_000
	if race.Enabled {
		changes = 10_000
	}
	if v, err := strconv.Atoi(os.Getenv("STATE_CHANGES")); err == nil {
		changes = v
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	source := rand.New(rand.NewPCG(seed, 1))
	s := &script{b: make([]byte, 4096)}
	var w *world
	for done, round := 0, 0; done < changes; round++ {
		if round%500 == 0 {
			w = newWorld(t)
		}
		for i := range s.b {
			s.b[i] = byte(source.Uint32())
		}
		s.i = 0
		done += w.step(s)
	}
}

// FuzzChanges is TestRandomChanges as the fuzzer likes it.
func FuzzChanges(f *testing.F) {
	for i := range 8 {
		b := make([]byte, 600)
		source := rand.New(rand.NewPCG(uint64(i), 2))
		for j := range b {
			b[j] = byte(source.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 20_000 {
			return
		}
		s, w := &script{b: b}, newWorld(t)
		for !s.done() {
			w.step(s)
		}
	})
}

// TestNothingHiddenIsOnTheWire: no byte of an entry outside of a client's interest, and of
// another's owner fields, is in a message to that client.
func TestNothingHiddenIsOnTheWire(t *testing.T) {
	type secret struct {
		Text string               `state:"text"`
		Mine string               `state:"mine,owner"`
		Bag  Map[string, vecCard] `state:"bag"`
		Hand List[vecCard]        `state:"hand,owner"`
	}
	type root struct {
		Map Map[string, secret] `state:"map"`
	}
	a := &root{}
	e, err := NewEncoder(a, 0)
	if err != nil {
		t.Fatal(err)
	}
	source := rand.New(rand.NewPCG(3, 3))
	v := e.View()
	a.Map.Own(v, "key-a")
	seen := map[*secret]bool{}
	for tick := uint64(1); tick < 3000; tick++ {
		k := "key-" + string(rune('a'+source.IntN(6)))
		switch p := a.Map.Get(k); {
		case p == nil:
			p = a.Map.Put(k, secret{Text: "text-" + k, Mine: "mine-" + k})
			p.Bag.Put("bag-"+k, vecCard{Code: "code-" + k})
			p.Hand.Append(vecCard{Code: "hand-" + k})
		case source.IntN(3) == 0:
			a.Map.Delete(k)
		default:
			p.Text = "text-" + k + strconv.Itoa(source.IntN(100))
			p.Mine = "mine-" + k + strconv.Itoa(source.IntN(100))
		}
		if source.IntN(2) == 0 {
			clear(seen)
			a.Map.Filter(v, func(k string, p *secret) bool {
				seen[p] = source.IntN(2) == 0
				return seen[p]
			})
		}
		if source.IntN(20) == 0 {
			v.Reset()
		}
		if err := e.Commit(tick, time.UnixMicro(0)); err != nil {
			t.Fatal(err)
		}
		b, _ := v.AppendDelta(nil, source.IntN(4) == 0)
		for i := range 6 {
			k := "key-" + string(rune('a'+i))
			if k != "key-a" && (bytes.Contains(b, []byte("mine-"+k)) ||
				bytes.Contains(b, []byte("hand-"+k))) {
				t.Fatalf("owner fields of %s: %q", k, b)
			}
			if p := a.Map.Get(k); (p == nil || !seen[p]) && bytes.Contains(b, []byte(k)) {
				t.Fatalf("hidden entry %s: %q", k, b)
			}
		}
	}
}
