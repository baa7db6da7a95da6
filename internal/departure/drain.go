package departure

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/smartsocket/smartsocket/internal/ending"
)

// Server is what Drain needs of a server whose clients are of type L.
type Server[L any] struct {
	Log      *slog.Logger
	Now      func() time.Duration
	Open     func() int64 // counts the connections
	Closed   error        // what Drain returns when the server ends
	Panicked func()       // is told that a hook panicked

	Delay time.Duration  // how long new clients are served after the announcement
	Rate  int            // clients sent away in a second
	Group func(L) string // whom l leaves together with, "" = nobody; nil = nobody has any

	Each      func(f func(L)) // calls f with every client
	Connected func(L) bool
	Moves     func(L) bool // whether l opens its next connection before it leaves
	Idle      func(L) bool
	SendAway  func(l L, w Words) // one that does not move is closed
	Close     func(L)            // closes one that has not moved in its time
}

// Words are what a client is told that is sent away, in milliseconds.
type Words struct {
	Deadline uint64 // until its connection is closed, if it moves
	Window   uint64 // within which it is to come back elsewhere
}

// moveTime is how long a client that moves may take.
const moveTime = 10 * time.Second

// Drain announces that the server leaves, waits until nothing holds it, and sends its clients away.
// It returns nil when they have left, ctx's error if that ends while something is held, and
// v.Closed if the server ends.
func Drain[L any](ctx context.Context, s *State, v *Server[L]) error {
	if s.Begin(ctx, v.Now(), v.panicked) {
		v.Log.Info("draining: no new clients are wanted", "connections", v.Open(),
			"refusedAfter", v.Delay, "holds", strings.Join(s.Holds(v.Now()), ", "))
	}
	err := ending.Until(ctx, func() bool { return v.free(s) || s.Stage() == Ending })
	switch {
	case s.Stage() == Ending:
		return v.Closed
	case err != nil:
		v.Log.Warn("the time to drain is over", "connections", v.Open(),
			"holds", strings.Join(s.Holds(v.Now()), ", "))
		return err
	case s.Reach(Leaving):
		d := &departing[L]{v: v, s: s, ctx: ctx}
		d.sendAllAway()
		if !s.Reach(Left) { // it ended meanwhile
			return v.Closed
		}
		v.Log.Info("drained", "connections", v.Open())
	}
	_ = ending.Until(ctx, func() bool { return s.Stage() >= Left }) // another Drain sends them away
	return nil
}

// free moves on to Draining when it is time, and reports whether nothing holds the server.
func (v *Server[L]) free(s *State) bool {
	now := v.Now()
	if s.Stage() == Announced && s.Since(now) >= v.Delay && s.Reach(Draining) {
		v.Log.Info("draining: new clients are refused", "connections", v.Open())
	}
	return v.look(s, now) == 0 && s.Stage() >= Draining
}

// look counts the holds of all clients, and logs those that were not released in their time.
func (v *Server[L]) look(s *State, now time.Duration) int {
	left, over := s.Look(now)
	for _, what := range over {
		v.Log.Warn("a hold was not released in its time", "hold", what)
	}
	return left
}

func (v *Server[L]) panicked(p any) {
	v.Panicked()
	if p == nil {
		p = "runtime.Goexit: it ended its goroutine"
	}
	v.Log.Error("an OnDrain hook panicked", "panic", fmt.Sprint(p))
}

// step is how often spread does what is due.
const step = 10 * time.Millisecond

// spanOf is whole, but at most half of what ctx has.
func spanOf(ctx context.Context, whole time.Duration) time.Duration {
	if end, ok := ctx.Deadline(); ok {
		whole = min(whole, time.Until(end)/2)
	}
	return max(whole, 0)
}

// spread calls f with 0 to n-1, evenly over span. It ends early if ctx ends or f returns false. It
// returns how many calls there were.
func spread(ctx context.Context, n int, span time.Duration, f func(i int) bool) (calls int) {
	begin := time.Now()
	tick := time.NewTicker(step)
	defer tick.Stop()
	for {
		for due := share(n, time.Since(begin), span); calls < due; {
			if calls++; !f(calls - 1) {
				return calls
			}
		}
		if calls == n {
			return calls
		}
		select {
		case <-ctx.Done():
			return calls
		case <-tick.C:
		}
	}
}

// share is how many of n are due when so much of span has passed, those of the next step included.
func share(n int, passed, span time.Duration) int {
	passed += step
	if passed >= span {
		return n
	}
	return int(float64(n) * float64(passed) / float64(span))
}
