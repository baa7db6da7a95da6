// Package departure is a server's way to its end: how far it is, and what it still waits for.
//
//	Serving ──▶ Announced ──▶ Draining ──▶ Leaving ──▶ Left ──▶ Ending
//	   │            └─────────────┴───────────┴───────────────────▲
//	   └──────────────────────────────────────────────────────────┘
//
// Clients that can move open their next connection before they leave this one. A Hold of a group
// keeps the clients of that group alone, and any other Hold keeps all of them.
//
// State.mu is a leaf. No hook runs under it.
//
// Read departure.go, then drain.go and leave.go.
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
	Serving   Stage = iota
	Announced       // new clients are served, but no balancer should send any more of them
	Draining        // new clients are refused, and those who are here are served
	Leaving         // clients are being sent away, but for those of a group that is held
	Left            // all clients have left or were closed
	Ending          // the server stops
)

// State is where a server is, and what keeps it from leaving. The zero State is Serving and ready
// for use. Its methods may be called concurrently.
type State struct {
	stage  atomic.Uint32
	handed atomic.Bool // another process accepts new clients at the same address

	mu      sync.Mutex
	holds   map[*Hold]struct{}
	sweepAt int // how many holds make Hold look for those whose time is over
	expired int64
	begun   time.Duration // when the drain was announced
	hooks   []func(context.Context)
	cancel  context.CancelFunc // ends the context of the hooks; nil until they run
}

// Hold keeps a server from leaving, until it is released or its time is over.
type Hold struct {
	s     *State
	what  string
	group string        // whom it keeps, "" = all
	until time.Duration // 0 = without a limit
}

// Stage returns how far the server is.
func (s *State) Stage() Stage { return Stage(s.stage.Load()) }

// HandOver notes that another process accepts the new clients.
func (s *State) HandOver() { s.handed.Store(true) }

// Refuses reports whether a new connection is refused. One that may come back to its session is
// let in for longer. Behind a hand-over nobody is refused, because whoever still comes was accepted
// before, and there is no other server that has heard of it.
func (s *State) Refuses(mayResume bool) bool {
	stage := s.Stage()
	return stage >= Draining && !s.handed.Load() && (!mayResume || stage >= Leaving)
}

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

// Hold keeps the server, or the clients of a group if that is not "", from leaving for at most d
// from now on. It returns nil if a drain was announced. what names the reason.
func (s *State) Hold(what, group string, now, d time.Duration) *Hold {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Stage() > Serving {
		return nil
	}
	if len(s.holds) >= s.sweepAt { // nobody else looks before the server drains
		s.look(now)
		s.sweepAt = 2*len(s.holds) + 8
	}
	h := s.hold(what, end(now, d))
	h.group = group
	return h
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
	late := h.s.Stage() >= Leaving && (h.group == "" || h.s.Stage() >= Left)
	if _, held := h.s.holds[h]; !held || h.over(now) || late {
		return false
	}
	h.until = end(now, d)
	return true
}

// Begin moves from Serving to Announced and starts the hooks, each on a goroutine of its own. The
// server is held until they return. Their context ends with ctx, and with the server. panicked is
// told of what a hook panicked with, nil if it ended its goroutine. Begin reports whether this call
// has begun.
func (s *State) Begin(ctx context.Context, now time.Duration, panicked func(any)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Stage() > Serving || !s.Reach(Announced) {
		return false
	}
	s.begun = now
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

// Since returns how long ago the drain was announced.
func (s *State) Since(now time.Duration) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return now - s.begun
}

// Look drops the holds whose time is over at now, and returns their reasons, and how many holds of
// all clients are left.
func (s *State) Look(now time.Duration) (left int, over []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	over = s.look(now)
	for h := range s.holds {
		if h.group == "" {
			left++
		}
	}
	return left, over
}

// look is Look without the count. mu is held.
func (s *State) look(now time.Duration) (over []string) {
	for h := range s.holds {
		if h.over(now) {
			delete(s.holds, h)
			s.expired++
			over = append(over, h.what)
		}
	}
	return over
}

// Held returns the groups that are held at now.
func (s *State) Held(now time.Duration) map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	groups := make(map[string]bool)
	for h := range s.holds {
		if h.group != "" && !h.over(now) {
			groups[h.group] = true
		}
	}
	return groups
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
