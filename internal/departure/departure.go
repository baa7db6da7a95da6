// Package departure is a server's way to its end: how far it is, and what it still waits for.
//
//	Serving ──▶ Draining ──▶ Leaving ──▶ Left ──▶ Ending
//	   │            └─────────────┴────────────────▲
//	   └───────────────────────────────────────────┘
//
// State.mu is a leaf. No hook runs under it.
//
// Read departure.go, then drain.go.
package departure

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Stage is how far a server is on its way to its end. It only grows.
type Stage uint32

// The stages, in order.
const (
	Serving  Stage = iota
	Draining       // new clients are refused, and those who are here are served
	Leaving        // nothing is held any more, and clients are being sent away
	Left           // all clients have been sent away
	Ending         // the server stops
)

// State is where a server is, and what keeps it from leaving. The zero State is Serving and ready
// for use. Its methods may be called concurrently.
type State struct {
	stage atomic.Uint32

	mu      sync.Mutex
	holds   map[*Hold]struct{}
	sweepAt int // how many holds make Hold look for those whose time is over
	expired int64
	hooks   []func(context.Context)
	cancel  context.CancelFunc // ends the context of the hooks; nil until they run
}

// Hold keeps a server from leaving, until it is released or its time is over.
type Hold struct {
	s     *State
	what  string
	until time.Duration // 0 = without a limit
}

// Stage returns how far the server is.
func (s *State) Stage() Stage { return Stage(s.stage.Load()) }

// Reach moves on to a later stage, and reports whether this call did.
func (s *State) Reach(to Stage) bool {
	for {
		at := s.stage.Load()
		if at >= uint32(to) {
			return false
		}
		if s.stage.CompareAndSwap(at, uint32(to)) {
			return true
		}
	}
}

// End moves to Ending, and ends the context of the hooks.
func (s *State) End() {
	s.Reach(Ending)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancel != nil {
		s.cancel()
	}
}

// OnDrain adds a hook. It is not called if the server drains already.
func (s *State) OnDrain(f func(context.Context)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks = append(s.hooks, f)
}

// Hold keeps the server from leaving for at most d from now on. It returns nil if the server no
// longer serves. what names the reason.
func (s *State) Hold(what string, now, d time.Duration) *Hold {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Stage() > Serving {
		return nil
	}
	if len(s.holds) >= s.sweepAt { // nobody else looks before the server drains
		s.look(now)
		s.sweepAt = 2*len(s.holds) + 8
	}
	return s.hold(what, end(now, d))
}

// end is when d from now on is over: at once if d is negative, and never if there is no such time.
func end(now, d time.Duration) time.Duration {
	if until := now + d; until > 0 || d < 0 {
		return max(until, 1)
	}
	return math.MaxInt64
}

// over reports whether the hold's time is over.
func (h *Hold) over(now time.Duration) bool { return h.until > 0 && h.until <= now }

// hold adds a hold. mu is held.
func (s *State) hold(what string, until time.Duration) *Hold {
	if s.holds == nil {
		s.holds = make(map[*Hold]struct{})
	}
	h := &Hold{s: s, what: what, until: until}
	s.holds[h] = struct{}{}
	return h
}

// Release ends the hold. Further calls do nothing.
func (h *Hold) Release() {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	delete(h.s.holds, h)
}

// Extend gives the hold d from now on, in place of what it had left. It reports whether the hold
// was still in force.
func (h *Hold) Extend(now, d time.Duration) bool {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	if _, held := h.s.holds[h]; !held || h.over(now) || h.s.Stage() >= Leaving {
		return false
	}
	h.until = end(now, d)
	return true
}

// Begin moves from Serving to Draining and starts the hooks, each on a goroutine of its own. The
// server is held until they return. Their context ends with ctx, and with the server. panicked is
// told of what a hook panicked with, nil if it ended its goroutine. Begin reports whether this call
// has begun.
func (s *State) Begin(ctx context.Context, panicked func(any)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Stage() > Serving || !s.Reach(Draining) {
		return false
	}
	ctx, s.cancel = context.WithCancel(ctx)
	for _, f := range s.hooks {
		h := s.hold("an OnDrain hook", 0)
		go func() {
			returned := false
			defer h.Release()
			defer func() {
				if !returned {
					panicked(recover())
				}
			}()
			f(ctx)
			returned = true
		}()
	}
	return true
}

// Look drops the holds whose time is over at now, and returns their reasons, and how many holds
// are left.
func (s *State) Look(now time.Duration) (left int, over []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.look(now)
}

// look is Look. mu is held.
func (s *State) look(now time.Duration) (left int, over []string) {
	for h := range s.holds {
		if h.over(now) {
			delete(s.holds, h)
			s.expired++
			over = append(over, h.what)
		}
	}
	return len(s.holds), over
}

// Count returns how many holds are in force at now, and how many ended because their time was over.
func (s *State) Count(now time.Duration) (held, expired int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	held, expired = int64(len(s.holds)), s.expired
	for h := range s.holds {
		if h.over(now) {
			held, expired = held-1, expired+1
		}
	}
	return held, expired
}

// maxNamed is how many holds Holds names.
const maxNamed = 10

// Holds names what keeps the server from leaving, the longest first, with what is left to it.
func (s *State) Holds(now time.Duration) (names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := slices.SortedFunc(maps.Keys(s.holds), func(a, b *Hold) int {
		return cmp.Or(cmp.Compare(b.left(now), a.left(now)), cmp.Compare(a.what, b.what))
	})
	for i, h := range list {
		switch {
		case i == maxNamed:
			return append(names, fmt.Sprintf("%d more", len(list)-i))
		case h.until == 0:
			names = append(names, h.what)
		default:
			names = append(names, fmt.Sprintf("%s (%v)", h.what, h.left(now).Round(time.Second)))
		}
	}
	return names
}

// left is how long the hold has, as far as it has a limit.
func (h *Hold) left(now time.Duration) time.Duration {
	if h.until == 0 {
		return 1 << 62
	}
	return h.until - now
}
