package session

import (
	"slices"
	"testing"
)

// A session that is warm costs nothing on the heap for an event.
func TestSendDoesNotAllocate(t *testing.T) {
	w := newWorld()
	n, _, _ := w.start()
	n.at = silent{}
	e := event("e", 0)
	for range 200 {
		n.Send(e)
	}
	if a := testing.AllocsPerRun(1000, func() { n.Send(e) }); a != 0 {
		t.Errorf("%.1f allocations an event", a)
	}
	if a := testing.AllocsPerRun(1000, func() {
		if n.Take(n.last) {
			n.Done()
		}
	}); a != 0 {
		t.Errorf("%.1f allocations for Take and Done", a)
	}
}

type silent struct{ *peer }

func (silent) Send([]byte, uint64) bool { return true }

// What is sent again to a client that takes nothing is bounded. One that takes some of it each time
// may come back as often as it likes, and so may one that has missed nothing.
func TestUnreadResumesEndTheSession(t *testing.T) {
	const size = 1000
	start := func() (*world, *Session, *owner, *peer) {
		w := newWorld()
		w.l.Bytes = 10 * size
		n, o, p := w.start()
		for range 5 {
			n.emitSized(size)
		}
		return w, n, o, p
	}
	again := func(n *Session, o *owner, p *peer, seq uint64) (*peer, Result) {
		n.cut(p)
		q := &peer{o: o}
		result := n.resumeWith(p.token, q, seq)
		if result == Resumed {
			n.Proved(q) // says something and reads nothing
		}
		return q, result
	}
	t.Run("nothing is taken", func(t *testing.T) {
		w, n, o, p := start()
		sent := 0
		for range 100 {
			q, result := again(n, o, p, 0)
			if result != Resumed {
				break
			}
			p = q
			sent += len(q.events)
		}
		if most := maxOwed*10 + 5; sent > most || sent < maxOwed*10 {
			t.Errorf("%d events were sent again, want about %d", sent, maxOwed*10)
		}
		if !slices.Equal(o.ended, []End{Unread}) || w.r.Unread() != 1 {
			t.Errorf("ended %v, %d counted", o.ended, w.r.Unread())
		}
	})
	t.Run("one is taken each time", func(t *testing.T) {
		w, n, o, p := start()
		for seq := range uint64(1000) {
			q, result := again(n, o, p, seq)
			if result != Resumed {
				t.Fatalf("resume %d: %d, ended %v", seq, result, o.ended)
			}
			p = q
			n.emitSized(size)
		}
		if w.r.Unread() != 0 {
			t.Error("it counts as unread")
		}
	})
	t.Run("without sessions", func(t *testing.T) {
		if n := (*Registry)(nil).Unread(); n != 0 {
			t.Errorf("%d are counted", n)
		}
	})
	t.Run("nothing was missed", func(t *testing.T) {
		_, n, o, p := start()
		for range 1000 {
			q, result := again(n, o, p, 5)
			if result != Resumed {
				t.Fatalf("%d, ended %v", result, o.ended)
			}
			p = q
		}
	})
	t.Run("a question is never answered", func(t *testing.T) {
		_, n, o, p := start()
		n.emitSized(size, 7)
		times := 0
		for seq := uint64(6); times < 1000; times++ {
			n.cut(p)
			q := &peer{o: o, waits: map[uint64]bool{7: true}}
			if n.resumeWith(p.token, q, seq) != Resumed {
				break
			}
			p = q
			n.emitSized(1) // acknowledging small events does not pay for the large question
			seq++
		}
		if times > maxOwed*10+5 || times < maxOwed*5 {
			t.Errorf("it was sent again %d times", times)
		}
	})
}
