package departure

import (
	"context"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestStagesOnlyGrow(t *testing.T) {
	var s State
	if s.Stage() != Serving || s.Reach(Serving) {
		t.Fatal("the zero State is not Serving")
	}
	if !s.Begin(t.Context(), 0, nil) || s.Begin(t.Context(), 0, nil) || s.Stage() != Announced {
		t.Fatal("it does not begin once")
	}
	if !s.Reach(Left) || s.Reach(Leaving) || s.Reach(Left) || s.Stage() != Left {
		t.Fatal("it goes back")
	}
	s.End()
	if s.Stage() != Ending || s.Begin(t.Context(), 0, nil) {
		t.Fatal("it does not end")
	}
}

func TestHolds(t *testing.T) {
	var s State
	a, b, c := s.Hold("a", "", 0, 10), s.Hold("b", "", 0, 20), s.Hold("c", "", 0, 30)
	if n, over := s.Look(9); n != 3 || over != nil {
		t.Fatalf("%d holds, %v are over", n, over)
	}
	a.Release()
	a.Release()
	if n, over := s.Look(19); n != 2 || over != nil || a.Extend(19, 9) {
		t.Fatalf("%d holds, %v are over", n, over)
	}
	s.Begin(t.Context(), 0, nil)
	if s.Hold("late", "", 0, 1) != nil {
		t.Error("there is a new hold while the server drains")
	}
	if !b.Extend(19, 21) {
		t.Error("a hold cannot be extended while the server drains")
	}
	if n, over := s.Look(30); n != 1 || !slices.Equal(over, []string{"c"}) {
		t.Fatalf("%d holds, %v are over", n, over)
	}
	if held, expired := s.Count(30); held != 1 || expired != 1 {
		t.Errorf("%d holds, %d expired", held, expired)
	}
	if c.Extend(30, 10) {
		t.Error("a hold whose time is over was extended")
	}
	s.Reach(Leaving)
	if b.Extend(30, 10) {
		t.Error("a hold is in force although the server leaves")
	}
}

func TestHoldsAreNamed(t *testing.T) {
	var s State
	for i := range maxNamed + 1 {
		s.Hold("match", "", 0, time.Duration(i+1)*time.Minute)
	}
	s.hold("a hook", 0)
	names := s.Holds(time.Minute)
	if len(names) != maxNamed+1 || names[0] != "a hook" || names[1] != "match (10m0s)" ||
		names[maxNamed] != "2 more" {
		t.Error(strings.Join(names, ", "))
	}
}

// A hook holds the server until it returns, panics or ends its goroutine, and its context ends with
// the server.
func TestHooks(t *testing.T) {
	var s State
	var told sync.WaitGroup
	told.Add(2)
	var mu sync.Mutex
	var said []any
	s.OnDrain(func(ctx context.Context) { <-ctx.Done() })
	s.OnDrain(func(context.Context) { panic("no") })
	s.OnDrain(func(context.Context) { runtime.Goexit() })
	s.Begin(t.Context(), 0, func(p any) {
		mu.Lock()
		said = append(said, p)
		mu.Unlock()
		told.Done()
	})
	told.Wait()
	if !slices.Contains(said, any("no")) || !slices.Contains(said, nil) {
		t.Errorf("told of %v", said)
	}
	for n, _ := s.Look(0); n > 1; n, _ = s.Look(0) {
		runtime.Gosched()
	}
	if n, _ := s.Look(1 << 40); n != 1 {
		t.Errorf("%d holds while one hook runs", n)
	}
	s.End()
	for n, _ := s.Look(0); n > 0; n, _ = s.Look(0) {
		runtime.Gosched()
	}
}

// Whoever holds while a drain begins is either refused or waited for.
func TestHoldAgainstBegin(t *testing.T) {
	for range 1000 {
		var s State
		got := make(chan *Hold)
		go func() { got <- s.Hold("match", "", 0, time.Hour) }()
		s.Begin(t.Context(), 0, nil)
		n, _ := s.Look(0)
		if h := <-got; (h != nil) != (n == 1) {
			t.Fatalf("held: %v, waited for: %d", h != nil, n)
		}
	}
}

// A hold whose end has passed already, as that of a match that should be over, is over.
func TestHoldWhoseEndHasPassed(t *testing.T) {
	var s State
	s.Hold("match", "", 5, -10)
	if n, over := s.Look(6); n != 0 || len(over) != 1 {
		t.Errorf("%d holds, %v are over", n, over)
	}
	h := s.Hold("match", "", 5, 10)
	if !h.Extend(6, -20) {
		t.Error("it was over")
	}
	if n, _ := s.Look(6); n != 0 {
		t.Error("a hold that was cut short is still in force")
	}
	s.Hold("for ever", "", 5, math.MaxInt64)
	if n, over := s.Look(math.MaxInt64 - 1); n != 1 {
		t.Errorf("%v is over", over)
	}
}

// While the server serves, holds that nobody releases do not pile up, and one whose time is over is
// not extended.
func TestHoldsThatNobodyReleases(t *testing.T) {
	var s State
	first := s.Hold("match", "", 0, 10)
	if first.Extend(10, 5) {
		t.Error("a hold was extended when its time was over")
	}
	for now := range time.Duration(1000) {
		s.Hold("match", "", now, 10)
	}
	if len(s.holds) > 30 {
		t.Errorf("%d holds are kept, of which 10 are in force", len(s.holds))
	}
}
