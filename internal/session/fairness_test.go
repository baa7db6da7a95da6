package session

import (
	"math/rand/v2"
	"net/netip"
	"testing"
)

// from returns a session of a client of the n-th address.
func (w *world) from(n byte) (*Session, *owner, *peer) {
	s, o, p := w.start()
	p.from = netip.AddrFrom4([4]byte{192, 0, 2, n})
	return s, o, p
}

// Clients of one address that come and go push out each other, and nobody else who is away.
func TestOneAddressPushesOutItsOwn(t *testing.T) {
	w := newWorld()
	w.l.Away = 10
	var others []*owner
	leave := func(address byte) *owner {
		n, o, p := w.from(address)
		n.cut(p)
		return o
	}
	for i := range byte(6) {
		others = append(others, leave(i))
	}
	own := 0
	for range 100 {
		own += len(leave(99).ended)
	}
	for i, o := range others {
		if len(o.ended) != 0 {
			t.Errorf("the session of address %d ended: %v", i, o.ended)
		}
	}
	if own < 90 || w.r.Away() != 10 {
		t.Errorf("%d of 100 ended at once, and %d are away", own, w.r.Away())
	}
	if o := leave(50); len(o.ended) != 0 {
		t.Error("a newcomer of another address finds no place")
	}
}

// The list counts by addresses what it has, however sessions enter and leave it.
func TestAbsentCountsByAddress(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	w := newWorld()
	w.l.Away = 20
	type one struct {
		n *Session
		o *owner
		p *peer
	}
	var all []*one
	for range 5000 {
		switch {
		case len(all) < 40:
			n, o, p := w.from(byte(r.IntN(5)))
			all = append(all, &one{n, o, p})
		default:
			i := r.IntN(len(all))
			x := all[i]
			switch {
			case len(x.o.ended) > 0:
				all = append(all[:i], all[i+1:]...)
			case x.n.at != nil && r.IntN(9) == 0:
				x.n.Doom()
				x.n.Leave(x.p, true, true)
				all = append(all[:i], all[i+1:]...)
			case x.n.at != nil:
				x.n.cut(x.p)
			default: // back, from another address
				q := &peer{o: x.o, from: netip.AddrFrom4([4]byte{192, 0, 2, byte(r.IntN(5))})}
				if x.n.resumeWith(x.p.token, q, 0) == Resumed {
					x.n.Done()
				}
				x.p = q
			}
		}
		want, n := make(map[netip.Addr]int), 0
		for s := w.r.away.oldest; s != nil; s = s.newer {
			want[s.last.Group()]++
			n++
		}
		if n != w.r.Away() || n > 20 || len(want) != len(w.r.away.of) {
			t.Fatalf("%d in the list, %d counted: %v, want %v", n, w.r.Away(), w.r.away.of, want)
		}
		for a, k := range want {
			if w.r.away.of[a] != k {
				t.Fatalf("%v counts %d of %d", a, w.r.away.of[a], k)
			}
		}
	}
}

// When all keep too much, those who have more than their share give way, also when they get nothing
// more. The others keep what they have.
func TestFullCacheTakesFromWhoHasMost(t *testing.T) {
	w := newWorld()
	w.l.TotalBytes = 100_000
	w.l.Events = 1000
	var greedy []*Session
	for range 5 {
		n, _, _ := w.start()
		for range 100 {
			n.emitSized(1000)
		}
		greedy = append(greedy, n)
	}
	if b := w.r.Bytes(); b > 100_000 {
		w.r.Sweep()
	}
	var modest []*Session
	for range 5 {
		n, _, _ := w.start()
		modest = append(modest, n)
		for range 8 {
			n.emitSized(1000)
		}
	}
	w.r.Sweep()
	for _, n := range modest {
		if n.ring.count != 8 {
			t.Errorf("one with little keeps %d events of 8", n.ring.count)
		}
	}
	for _, n := range greedy {
		if n.ring.count < 5 || n.ring.count > 50 {
			t.Errorf("one with much keeps %d events, %d bytes", n.ring.count, n.ring.bytes)
		}
	}
	if b := w.r.Bytes(); b > 100_000 {
		t.Errorf("%d bytes are kept", b)
	}
	for _, n := range append(greedy, modest...) {
		n.Doom()
		n.Leave(n.at, true, true)
	}
	if w.r.Bytes() != 0 || w.r.filled.Load() != 0 {
		t.Errorf("at the end %d bytes and %d sessions that keep some", w.r.Bytes(),
			w.r.filled.Load())
	}
}

// Events that are too old go although their session gets no more. A client that had them all still
// comes back.
func TestQuietSessionsKeepNothingOld(t *testing.T) {
	w := newWorld()
	n, o, p := w.start()
	for range 3 {
		n.emitSized(1000)
	}
	w.now += w.l.Age + 1
	w.r.Sweep()
	if n.ring.count != 0 || w.r.Bytes() != 0 {
		t.Errorf("%d events and %d bytes are kept", n.ring.count, w.r.Bytes())
	}
	n.cut(p)
	if got := n.resumeWith(p.token, &peer{o: o}, 3); got != Resumed {
		t.Errorf("who had all events comes back to %v", got)
	}
}

// What several sessions keep is there once, and counts once.
func TestSharedEventsCountOnce(t *testing.T) {
	w := newWorld()
	var all []*Session
	for range 10 {
		n, _, _ := w.start()
		all = append(all, n)
	}
	e := event("e", 0)
	size := int64(len(e.Bytes()))
	for _, n := range all {
		n.Send(e)
	}
	e.Release()
	for i, n := range all {
		if got := w.r.Bytes(); got != size {
			t.Errorf("%d bytes are counted for %d", got, size)
		}
		if n.Bytes() != int(size) {
			t.Errorf("session %d has %d bytes", i, n.Bytes())
		}
		n.Leave(n.at, true, true)
	}
	if w.r.Bytes() != 0 {
		t.Errorf("%d bytes at the end", w.r.Bytes())
	}
}

// What is added from elsewhere gives way only when it is most of what is kept.
func TestFullOfWhatWasAdded(t *testing.T) {
	w := newWorld()
	w.l.TotalBytes = 10_000
	n, _, _ := w.start()
	for range 12 {
		n.emitSized(1000)
	}
	w.r.Add(4000)
	if w.r.Full() {
		t.Error("what was added gives way to the ring")
	}
	n.emitSized(1000)
	if n.ring.bytes > 6000 {
		t.Errorf("the ring keeps %d of 10 000 bytes, 4000 of which are elsewhere", n.ring.bytes)
	}
	w.r.Add(6000)
	if !w.r.Full() {
		t.Error("more than all is not full")
	}
}
