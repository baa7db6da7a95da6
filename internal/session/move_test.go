package session

import (
	"slices"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/pool"
)

// onward takes down what is passed on.
type onward struct {
	events  int
	answers []uint64
	doomed  int
	full    bool
}

func (o *onward) Event(*pool.Shared) bool { o.events++; return !o.full }
func (o *onward) Answer(id uint64, _ []byte) {
	o.answers = append(o.answers, id)
}
func (o *onward) Doom() { o.doomed++ }

// suitor counts how often it is told to ask again.
type suitor int

func (s *suitor) Retry() { *s++ }

// moved moves n to another world, whose clock shows another time.
func moved(t *testing.T, w *world, n *Session, on Onward) (to *world, m *Session, o *owner) {
	t.Helper()
	to, m, o = newWorld(), new(Session), new(owner)
	to.now = time.Hour
	result, _ := n.Move(on, func(st *State) { to.r.Adopt(m, o, &peer{}, st) })
	if result != Resumed {
		t.Fatalf("Move: %v", result)
	}
	m.Done()
	return to, m, o
}

// A session that moves has there what it had here, and is over here. What still comes for it here
// is passed on.
func TestMove(t *testing.T) {
	w := newWorld()
	n, o, p := w.start()
	for _, name := range []string{"a", "b", "c"} {
		emit(n, name)
	}
	n.Take(p)
	n.Done()
	w.now = 10 * time.Second
	on := new(onward)
	to, m, _ := moved(t, w, n, on)
	if w.r.Bytes() != 0 || w.r.Holder(HashOf(p.token)) != nil || len(w.r.Sessions()) != 0 {
		t.Error("the registry has the session still")
	}
	if to.r.Bytes() == 0 || to.r.Away() != 1 {
		t.Errorf("the other one has %d bytes, %d are away", to.r.Bytes(), to.r.Away())
	}
	if n.Take(p) || n.Leave(p, true, true) != Replaced || len(o.ended) > 0 || p.replaced > 0 {
		t.Error("the connection has the session still, or somebody was told of an end")
	}
	if emit(n, "d") != Kept || on.events != 1 || !n.Answer(7, nil) || on.answers[0] != 7 {
		t.Errorf("%+v was passed on", on)
	}
	if on.full = true; emit(n, "e") != Dropped {
		t.Error("an event that is lost counts as kept")
	}
	if n.Doom(); on.doomed != 1 {
		t.Error("the end was not passed on")
	}
	q := &peer{}
	found := to.r.Find(HashOf(p.token), key, nil)
	if found != m {
		t.Fatal("the token does not open the session")
	}
	if got, was := m.Resume(HashOf(p.token), q, 1); got != Resumed || was != nil {
		t.Errorf("Resume: %v, %v", got, was)
	}
	m.Done()
	if !slices.Equal(q.events, []string{"b", "c"}) || q.arrived != 2 {
		t.Errorf("it gets %q, and %d have arrived", q.events, q.arrived)
	}
	if emit(m, "f"); !slices.Equal(q.seqs, []uint64{2, 3, 4}) {
		t.Errorf("the numbers are %d", q.seqs)
	}
	if m.Answer(7, nil) || m.Moved() || !n.Moved() {
		t.Error("the wrong one has moved")
	}
}

// emit sends an event of n.
func emit(n *Session, name string) Status {
	e := event(name, 0)
	defer e.Release()
	return n.Send(e)
}

// A session moves when no event is on its way to its handlers. From Prepare on no further one is
// taken, unless it stays.
func TestPrepare(t *testing.T) {
	w := newWorld()
	n, _, p := w.start()
	var s suitor
	if !n.Take(p) || n.Prepare(&s) != Busy {
		t.Fatal("it may move while an event is on its way")
	}
	if got, _ := n.Move(new(onward), nil); got != Busy {
		t.Errorf("Move: %v", got)
	}
	if n.Done(); s != 1 || n.Take(p) {
		t.Errorf("told %d times to ask again, or an event is taken", s)
	}
	if n.Prepare(&s) != Resumed || n.Take(p) {
		t.Error("it cannot move, or an event is taken")
	}
	if n.Withdraw(); !n.Take(p) {
		t.Error("it stays, and no event is taken")
	}
	n.Done()
	n.Doom()
	if got, _ := n.Move(new(onward), nil); n.Prepare(&s) != Refused || got != Refused {
		t.Error("a session that is to end may move")
	}
}

// The ages of events, and of a client's absence, go on where they were.
func TestAgesMove(t *testing.T) {
	w := newWorld()
	n, _, p := w.start()
	emit(n, "old")
	w.now = 40 * time.Second
	emit(n, "young")
	n.Leave(p, false, true)
	n.Done()
	w.now = 50 * time.Second
	to, m, o := moved(t, w, n, new(onward))
	to.now += 20 * time.Second
	to.r.Sweep()
	if events, _ := m.Size(); events != 1 {
		t.Errorf("%d events are kept, want the young one", events)
	}
	if to.now += 29 * time.Second; len(o.ended) > 0 {
		t.Error("it has ended")
	}
	to.r.Sweep()
	to.now += 2 * time.Second
	if to.r.Sweep(); !slices.Equal(o.ended, []End{Expired}) {
		t.Errorf("it has ended with %v", o.ended)
	}
}

// Events that are lost on the way leave a hole in the numbers. Who is here sees it, and who is away
// cannot come back over it.
func TestSkip(t *testing.T) {
	w := newWorld()
	n, o, p := w.start()
	emit(n, "a")
	n.Skip(0)
	n.Skip(2)
	if emit(n, "b"); !slices.Equal(p.seqs, []uint64{1, 4}) {
		t.Errorf("the numbers are %d", p.seqs)
	}
	n.Leave(p, false, true)
	n.Done()
	if got, _ := n.Resume(HashOf(p.token), &peer{}, 1); got != Refused ||
		!slices.Equal(o.ended, []End{Gap}) {
		t.Errorf("Resume: %v, ended: %v", got, o.ended)
	}
}
