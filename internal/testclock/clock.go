// Package testclock is the time that a server lives in: the system's, or in tests one that stands
// still until it is told to advance.
//
// A nil *Clock is the system's. All methods that a server calls work on nil, and cost what package
// time costs.
//
// # What advances together
//
// Advance goes in steps. A step ends where the next timer is due, or at the next multiple of Step,
// which is the resolution of the event loops. At its end, on the goroutine of Advance:
//
//	the time is set ──> timers that are due ──> whoever follows (Follow) ──> the caller's function
//
// Each of these has finished when the next begins: a Timer's owner with Reset or Stop, the others
// when they return.
//
// # Locks
//
// Clock.mu guards the lists and is a leaf. One Advance runs at a time. It holds advancing, and
// nothing that it calls may call Advance.
//
// # Reading order
//
// Read clock.go, then timer.go.
package testclock

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Step is the longest step of Advance.
const Step = 100 * time.Millisecond

// Clock is a source of time. The zero Clock stands at 0 and is ready for use. Its methods may be
// called concurrently.
type Clock struct {
	advancing sync.Mutex
	now       atomic.Int64

	mu        sync.Mutex
	base      time.Time // the time of day at 0; zero until it is asked for
	timers    []timer   // those that are armed
	followers []func()
}

// timer is what waits for a moment.
type timer interface {
	at() time.Duration
	fire(now time.Time)
}

// Since returns the time since start, which is the moment that a Clock calls 0.
func (c *Clock) Since(start time.Time) time.Duration {
	if c == nil {
		return time.Since(start)
	}
	return c.Now()
}

// Now returns how far the clock has advanced. c is not nil.
func (c *Clock) Now() time.Duration { return time.Duration(c.now.Load()) }

// Func returns Now, or nil for the system's clock.
func (c *Clock) Func() func() time.Duration {
	if c == nil {
		return nil
	}
	return c.Now
}

// Micro returns the time of day in microseconds since 1970. It begins with the system's.
func (c *Clock) Micro() int64 {
	if c == nil {
		return time.Now().UnixMicro()
	}
	return c.day().UnixMicro()
}

// day is the time of day.
func (c *Clock) day() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.base.IsZero() {
		c.base = time.Now()
	}
	return c.base.Add(c.Now())
}

// ControlRate is how many control messages a connection may send in a second of the system's time:
// 0, which is the default, or without a limit where a minute may pass in a millisecond.
func (c *Clock) ControlRate() int {
	if c == nil {
		return 0
	}
	return math.MaxInt32
}

// Follow has f called at the end of every step, and by Tick. It does nothing for the system's
// clock.
func (c *Clock) Follow(f func()) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.followers = append(c.followers, f)
}

// Tick calls whoever follows, without a change of time. c is not nil.
func (c *Clock) Tick() {
	c.mu.Lock()
	followers := c.followers // which only grows
	c.mu.Unlock()
	for _, f := range followers {
		f()
	}
}

// Advance moves the time on by d, in steps, and calls each at the end of every step. c is not nil.
func (c *Clock) Advance(d time.Duration, each func()) {
	c.advancing.Lock()
	defer c.advancing.Unlock()
	for end := c.Now() + d; c.Now() < end; {
		now := c.Now()
		next := min(end, now-now%Step+Step)
		if due, ok := c.earliest(); ok {
			next = min(next, max(due, now+1))
		}
		c.now.Store(int64(next))
		for t := c.take(next); t != nil; t = c.take(next) {
			t.fire(c.day())
		}
		c.Tick()
		each()
	}
}

// earliest is when the next timer is due.
func (c *Clock) earliest() (due time.Duration, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, t := range c.timers {
		if i == 0 || t.at() < due {
			due = t.at()
		}
	}
	return due, len(c.timers) > 0
}

// take disarms the timer that is due first, nil if none is. Of two for the same moment it is the
// one that was armed first.
func (c *Clock) take(now time.Duration) timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	best := -1
	for i, t := range c.timers {
		if t.at() <= now && (best < 0 || t.at() < c.timers[best].at()) {
			best = i
		}
	}
	if best < 0 {
		return nil
	}
	t := c.timers[best]
	c.timers = append(c.timers[:best], c.timers[best+1:]...)
	return t
}

// disarm takes t out of the timers and reports whether it was there. mu is held.
func (c *Clock) disarm(t timer) bool {
	for i, armed := range c.timers {
		if armed == t {
			c.timers = append(c.timers[:i], c.timers[i+1:]...)
			return true
		}
	}
	return false
}
