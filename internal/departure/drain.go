package departure

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/smartsocket/smartsocket/internal/ending"
)

// pace is how much time there is for each client that is sent away.
const pace = time.Millisecond

// Server is what Drain needs of a server whose clients are of type L.
type Server[L any] struct {
	Log      *slog.Logger
	Now      func() time.Duration
	Open     func() int64 // counts the connections
	Closed   error        // what Drain returns when the server ends
	Panicked func()       // is told that a hook panicked

	Each      func(f func(L)) // calls f with every client
	Connected func(L) bool
	Idle      func(L) bool
	SendAway  func(l L, window uint64) // asks l to come back elsewhere within window ms
}

// Drain begins to drain, waits until nothing holds the server, and sends its clients away. It
// returns nil then, ctx's error if that ends first, and v.Closed if the server ends.
func Drain[L any](ctx context.Context, s *State, v *Server[L]) error {
	if s.Begin(ctx, v.panicked) {
		v.Log.Info("draining: new clients are refused", "connections", v.Open(),
			"holds", strings.Join(s.Holds(v.Now()), ", "))
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
		v.sendAllAway(ctx, s)
		if !s.Reach(Left) { // it ended meanwhile
			return v.Closed
		}
		v.Log.Info("drained", "connections", v.Open())
	}
	_ = ending.Until(ctx, func() bool { return s.Stage() >= Left }) // another Drain sends them away
	return nil
}

// free reports whether nothing holds the server.
func (v *Server[L]) free(s *State) bool {
	left, over := s.Look(v.Now())
	for _, what := range over {
		v.Log.Warn("a hold was not released in its time", "hold", what)
	}
	return left == 0
}

func (v *Server[L]) panicked(p any) {
	v.Panicked()
	if p == nil {
		p = "runtime.Goexit: it ended its goroutine"
	}
	v.Log.Error("an OnDrain hook panicked", "panic", fmt.Sprint(p))
}

// sendAllAway sends the clients away, evenly over some time. Those who are busy come last, and have
// another second. If there is less time than pace asks for, clients are told to come back within
// the rest of it. If ctx ends, all go at once, and if the server ends, the rest is left to that.
func (v *Server[L]) sendAllAway(ctx context.Context, s *State) {
	var all, busy []L
	v.Each(func(l L) {
		if v.Connected(l) {
			all = append(all, l)
		}
	})
	whole := time.Duration(len(all)) * pace
	span := spanOf(ctx, whole)
	window := uint64((whole - span).Milliseconds())
	sent := func(l L) bool {
		if s.Stage() < Ending && !v.Idle(l) {
			return false
		}
		v.SendAway(l, window)
		return true
	}
	send := func(i int) bool {
		if !sent(all[i]) {
			busy = append(busy, all[i])
		}
		return s.Stage() < Ending
	}
	if n := spread(ctx, len(all), span, send); n < len(all) {
		window = uint64((time.Duration(len(all)-n) * pace).Milliseconds())
		for ; n < len(all) && s.Stage() < Ending; n++ {
			send(n)
		}
	}
	half, end := ending.Half(ctx, time.Second)
	defer end()
	_ = ending.Until(half, func() bool {
		busy = slices.DeleteFunc(busy, sent)
		return len(busy) == 0
	})
	for _, l := range busy {
		v.SendAway(l, window)
	}
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
