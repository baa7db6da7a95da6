package testclock

import (
	"math"
	"sync"
	"time"
)

// Stopper is a timer that can be stopped. Stop reports whether that kept it from firing.
type Stopper interface{ Stop() bool }

// AfterFunc calls f when d has passed: on a goroutine of its own by the system's clock, and
// otherwise on that of Advance, which waits for f.
func (c *Clock) AfterFunc(d time.Duration, f func()) Stopper {
	if c == nil {
		return time.AfterFunc(d, f)
	}
	t := &call{clock: c, due: c.Now() + d, f: f}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timers = append(c.timers, t)
	return t
}

// Mark ends a step of Advance when d has passed. c is not nil.
func (c *Clock) Mark(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timers = append(c.timers, mark(c.Now()+d))
}

type mark time.Duration

func (m mark) at() time.Duration { return time.Duration(m) }

func (mark) fire(time.Time) {}

// Calls counts the functions that wait for their time, see AfterFunc. c is not nil.
func (c *Clock) Calls() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.timers {
		if _, ok := t.(*call); ok {
			n++
		}
	}
	return n
}

// call is a function that waits for its time.
type call struct {
	clock *Clock
	due   time.Duration
	f     func()
}

func (t *call) at() time.Duration { return t.due }

func (t *call) fire(time.Time) { t.f() }

// Stop implements Stopper.
func (t *call) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	return t.clock.disarm(t)
}

// Timer is a time.Timer for one goroutine that does the same again and again: it takes from C,
// works, and calls Reset. Advance waits for that Reset, so that the work is done by then.
type Timer struct {
	C <-chan time.Time

	system *time.Timer // nil for a clock that is advanced
	clock  *Clock
	c      chan time.Time
	due    time.Duration // guarded by Clock.mu
	again  chan struct{} // has a token after Reset
	ended  chan struct{}
	end    sync.Once
}

// NewTimer makes a Timer that fires when d has passed.
func (c *Clock) NewTimer(d time.Duration) *Timer {
	if c == nil {
		t := time.NewTimer(d)
		return &Timer{C: t.C, system: t}
	}
	t := &Timer{
		clock: c, c: make(chan time.Time), again: make(chan struct{}, 1),
		ended: make(chan struct{}),
	}
	t.C = t.c
	t.arm(d)
	return t
}

func (t *Timer) arm(d time.Duration) {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	t.clock.disarm(t)
	t.due = t.clock.Now() + d
	t.clock.timers = append(t.clock.timers, t)
}

func (t *Timer) at() time.Duration { return t.due }

func (t *Timer) fire(now time.Time) {
	select {
	case <-t.again: // of a Reset before it fired
	default:
	}
	select {
	case t.c <- now:
	case <-t.ended:
		return
	}
	select {
	case <-t.again:
	case <-t.ended:
	}
}

// Reset makes the timer fire again when d has passed.
func (t *Timer) Reset(d time.Duration) {
	if t.system != nil {
		t.system.Reset(d)
		return
	}
	t.arm(d)
	select {
	case t.again <- struct{}{}:
	default:
	}
}

// Stop ends the timer for good.
func (t *Timer) Stop() {
	if t.system != nil {
		t.system.Stop()
		return
	}
	t.clock.mu.Lock()
	t.clock.disarm(t)
	t.clock.mu.Unlock()
	t.end.Do(func() { close(t.ended) })
}

// Alarm calls a function at a time that can be moved again and again.
type Alarm struct {
	f      func()
	system *time.Timer // nil for a clock that is advanced
	clock  *Clock
	due    time.Duration // guarded by Clock.mu
}

// NewAlarm makes an Alarm for f that is not set. f runs as one of AfterFunc does.
func (c *Clock) NewAlarm(f func()) *Alarm {
	if c == nil {
		return &Alarm{system: time.AfterFunc(math.MaxInt64, f)}
	}
	return &Alarm{clock: c, f: f}
}

// Now is the time of the alarm's clock. Differences of two do not follow changes of the time of
// day.
func (a *Alarm) Now() time.Time {
	if a.system != nil {
		return time.Now()
	}
	return a.clock.day()
}

// Reset sets the alarm to the time when d has passed, and no other. It allocates nothing by the
// system's clock.
func (a *Alarm) Reset(d time.Duration) {
	if a.system != nil {
		a.system.Reset(d)
		return
	}
	a.clock.mu.Lock()
	defer a.clock.mu.Unlock()
	a.clock.disarm(a)
	a.due = a.clock.Now() + d
	a.clock.timers = append(a.clock.timers, a)
}

// Stop takes the alarm's time away. A call of the function that has begun goes on.
func (a *Alarm) Stop() {
	if a.system != nil {
		a.system.Stop()
		return
	}
	a.clock.mu.Lock()
	defer a.clock.mu.Unlock()
	a.clock.disarm(a)
}

func (a *Alarm) at() time.Duration { return a.due }

func (a *Alarm) fire(time.Time) { a.f() }
