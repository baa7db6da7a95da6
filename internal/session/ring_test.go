package session

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/pool"
)

// pair is a ring and the same as a list. The list has references of its own.
type pair struct {
	t    testing.TB
	ring ring
	list []kept
	n    int
}

// step does one thing to both and compares what they return: a pop, or a push of up to 255 bytes.
func (p *pair) step(op byte) {
	p.t.Helper()
	if op%2 == 0 && len(p.list) > 0 {
		k := p.list[0]
		p.list = p.list[1:]
		if got, want := p.ring.pop(), len(k.event.Bytes()); got != want {
			p.t.Fatalf("pop() = %d, want %d", got, want)
		}
		k.event.Release() // pop has given up one of two references, so this is the last
		if !panics(k.event.Retain) {
			p.t.Fatal("pop has not released the event")
		}
		return
	}
	b := pool.Get(int(op))
	b.B = b.B[:op]
	p.n++
	k := kept{pool.NewShared(b), time.Duration(p.n)}
	k.event.Retain()
	p.list = append(p.list, k)
	if got := p.ring.push(k); got != int(op) {
		p.t.Fatalf("push() = %d, want %d", got, op)
	}
}

// check compares all that is in them.
func (p *pair) check() {
	p.t.Helper()
	bytes := 0
	for i, want := range p.list {
		if i < p.ring.count && *p.ring.at(i) != want {
			p.t.Fatalf("event %d of %d is number %d, want %d",
				i, len(p.list), p.ring.at(i).at, want.at)
		}
		bytes += len(want.event.Bytes())
	}
	if p.ring.count != len(p.list) || p.ring.bytes != bytes {
		p.t.Fatalf("%d events of %d bytes, want %d of %d",
			p.ring.count, p.ring.bytes, len(p.list), bytes)
	}
	held := 0
	for _, k := range p.ring.slots {
		if k.event != nil {
			held++
		}
	}
	if held != len(p.list) {
		p.t.Fatalf("%d slots hold an event, want %d", held, len(p.list))
	}
}

func panics(f func()) (yes bool) {
	defer func() { yes = recover() != nil }()
	f()
	return false
}

// TestRingModel does random things to a ring and to a list. It grows and shrinks in turns, so that
// the ring is full at every position of its start.
func TestRingModel(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 3))
		p := &pair{t: t}
		for i := range 2000 {
			op := byte(random.IntN(128) * 2) // a pop
			if grows := i/50%2 == 0; random.IntN(10) < 3 != grows {
				op++
			}
			p.step(op)
			p.check()
		}
	}
}

func FuzzRing(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{1, 3, 5, 7, 9, 2, 2, 11, 13, 15, 17, 19, 21, 2, 23})
	f.Fuzz(func(t *testing.T, script []byte) {
		p := &pair{t: t}
		for _, op := range script[:min(len(script), 1000)] {
			p.step(op)
			p.check()
		}
	})
}

func TestRingIsBounded(t *testing.T) {
	for name, limit := range map[string]func(*Limits){
		"events": func(l *Limits) { l.Events = 5 },
		"bytes":  func(l *Limits) { l.Bytes = 5 * len(event("e", 0).Bytes()) },
		"total":  func(l *Limits) { l.TotalBytes = 5 * len(event("e", 0).Bytes()) },
		"age":    func(l *Limits) { l.Age = 4 },
	} {
		w := newWorld()
		limit(&w.l)
		n, _, _ := w.start()
		for range 40 {
			w.now++
			n.emit("e", 0)
		}
		if n.ring.count != 5 || w.r.Bytes() != int64(n.ring.bytes) {
			t.Errorf("%s: %d events, %d bytes accounted, %d kept", name, n.ring.count, w.r.Bytes(),
				n.ring.bytes)
		}
	}
}
