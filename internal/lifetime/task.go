package lifetime

import (
	"context"
	"sync"
	"time"

	"github.com/smartsocket/smartsocket/internal/testclock"
)

// Source is where a Task looks up the context that it is a part of.
type Source interface{ Context() context.Context }

// Task is the context of one piece of work. It ends when the work does (End), with the context of
// its Source, or when its time is over, whichever comes first. It lies in the memory of its owner
// and is never reused, because whoever was given it may keep it.
//
// What it costs beyond its memory is paid only by who waits: the Source is asked, and a timer
// armed, when Done or another method needs them. It is ready after Begin. Safe for concurrent use.
type Task struct {
	source Source
	clock  *testclock.Clock
	base   time.Time     // the moment 0 of due
	due    time.Duration // when its time is over, by the clock; 0 = never
	until  time.Time     // the same by the system's clock

	mu     sync.Mutex
	parent context.Context // of source; nil until it is needed
	done   chan struct{}   // nil until it is asked for
	err    error           // why it has ended; nil before
	leave  func() bool     // stops waiting for parent; nil before done is there
	timer  testclock.Stopper
	funcs  map[*func()]struct{} // see AfterFunc
}

// Begin makes t ready, before anybody else has it. limit is the time for the work, 0 for no end.
// base is the moment that clock calls 0.
func (t *Task) Begin(s Source, clock *testclock.Clock, base time.Time, limit time.Duration) {
	t.source, t.clock, t.base = s, clock, base
	if limit > 0 {
		t.due, t.until = clock.Since(base)+limit, time.Now().Add(limit)
	}
}

// End ends t with context.Canceled, unless it has ended already.
func (t *Task) End() { t.finish(context.Canceled) }

func (t *Task) finish(why error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end(why)
}

// end ends t for a reason. mu is held.
func (t *Task) end(why error) {
	if t.err != nil {
		return
	}
	t.err = why
	if t.done == nil { // so nobody waits
		return
	}
	close(t.done)
	t.leave()
	if t.timer != nil {
		t.timer.Stop()
	}
	for f := range t.funcs {
		go (*f)()
	}
	t.funcs = nil
}

// look ends t if its parent has ended, or if its time is over. mu is held.
func (t *Task) look() {
	if err := t.above().Err(); err != nil {
		t.end(err)
	} else if t.due > 0 && t.clock.Since(t.base) >= t.due {
		t.end(context.DeadlineExceeded)
	}
}

// above is the parent. mu is held.
func (t *Task) above() context.Context {
	if t.parent == nil {
		t.parent = t.source.Context()
	}
	return t.parent
}

// Deadline implements context.Context, by the system's clock.
func (t *Task) Deadline() (time.Time, bool) { return t.until, t.due > 0 }

// Err implements context.Context.
func (t *Task) Err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		t.look()
	}
	return t.err
}

// Value implements context.Context: the values are those of the Source's context.
func (t *Task) Value(key any) any {
	t.mu.Lock()
	parent := t.above()
	t.mu.Unlock()
	return parent.Value(key)
}

// Done implements context.Context.
func (t *Task) Done() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.done != nil {
		return t.done
	}
	if t.err == nil {
		t.look()
	}
	t.done = make(chan struct{})
	if t.err != nil {
		close(t.done)
		return t.done
	}
	t.leave = context.AfterFunc(t.above(), func() { t.finish(context.Canceled) })
	if t.due > 0 {
		t.timer = t.clock.AfterFunc(t.due-t.clock.Since(t.base),
			func() { t.finish(context.DeadlineExceeded) })
	}
	return t.done
}

// AfterFunc calls f on a goroutine of its own when t has ended. stop reports whether it kept f from
// that. Package context finds this method, so that the contexts derived from t need no goroutine.
func (t *Task) AfterFunc(f func()) (stop func() bool) {
	t.Done()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		go f()
		return func() bool { return false }
	}
	if t.funcs == nil {
		t.funcs = make(map[*func()]struct{})
	}
	t.funcs[&f] = struct{}{}
	return func() bool {
		t.mu.Lock()
		defer t.mu.Unlock()
		_, waits := t.funcs[&f]
		delete(t.funcs, &f)
		return waits
	}
}
