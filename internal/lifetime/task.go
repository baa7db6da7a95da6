package lifetime

import (
	"context"
	"sync"
	"time"

	"github.com/smartsocket/smartsocket/internal/testclock"
)

// Source is what a Task is for. Its methods may be called concurrently.
type Source interface {
	// Context is the one that the Task is a part of.
	Context() context.Context
	// Ended reports whether Context has ended, and costs less than to ask that.
	Ended() bool
	// Clock is what the Task's time is measured by, and the moment that it calls 0.
	Clock() (*testclock.Clock, time.Time)
}

// Task is the context of one piece of work. It ends when the work does (End), with the context of
// its Source, or when its time is over, whichever comes first. It lies in the memory of its owner
// and is never reused, because whoever was given it may keep it.
//
// What it costs beyond its memory is paid only by who waits: the Source's context is made, and a
// timer armed, when Done or Value need them. It is ready after Begin. Safe for concurrent use.
type Task struct {
	source Source
	due    time.Duration // when its time is over, by the source's clock; 0 = never

	mu   sync.Mutex
	err  error    // why it has ended; nil before
	wait *waiting // nil until Done is called
}

// waiting is what a Task has once somebody waits for its end.
type waiting struct {
	done  chan struct{}
	leave func() bool // stops waiting for the source's context
	timer testclock.Stopper
	funcs map[*func()]struct{} // see Task.AfterFunc
}

// Begin makes t ready, before anybody else has it. limit is the time for the work, 0 for no end.
func (t *Task) Begin(s Source, limit time.Duration) {
	t.source = s
	if limit > 0 {
		clock, base := s.Clock()
		t.due = clock.Since(base) + limit
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
	w := t.wait
	if w == nil {
		return
	}
	close(w.done)
	w.leave()
	if w.timer != nil {
		w.timer.Stop()
	}
	for f := range w.funcs {
		go (*f)()
	}
	w.funcs = nil
}

// look ends t if its source has ended, or if its time is over. mu is held.
func (t *Task) look() {
	switch {
	case t.err != nil:
	case t.source.Ended():
		t.end(context.Canceled)
	case t.due > 0 && t.left() <= 0:
		t.end(context.DeadlineExceeded)
	}
}

// left is the rest of t's time.
func (t *Task) left() time.Duration {
	clock, base := t.source.Clock()
	return t.due - clock.Since(base)
}

// Deadline implements context.Context, by the system's clock.
func (t *Task) Deadline() (time.Time, bool) {
	if t.due == 0 {
		return time.Time{}, false
	}
	if clock, base := t.source.Clock(); clock == nil {
		return base.Add(t.due), true
	}
	return time.Now().Add(t.left()), true
}

// Err implements context.Context.
func (t *Task) Err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.look()
	return t.err
}

// Value implements context.Context: the values are those of the Source's context.
func (t *Task) Value(key any) any { return t.source.Context().Value(key) }

// Done implements context.Context.
func (t *Task) Done() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.wait != nil {
		return t.wait.done
	}
	t.look()
	w := &waiting{done: make(chan struct{})}
	t.wait = w
	if t.err != nil {
		close(w.done)
		return w.done
	}
	w.leave = context.AfterFunc(t.source.Context(), t.End)
	if t.due > 0 {
		clock, _ := t.source.Clock()
		w.timer = clock.AfterFunc(t.left(), func() { t.finish(context.DeadlineExceeded) })
	}
	return w.done
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
	w := t.wait
	if w.funcs == nil {
		w.funcs = make(map[*func()]struct{})
	}
	w.funcs[&f] = struct{}{}
	return func() bool {
		t.mu.Lock()
		defer t.mu.Unlock()
		_, waits := w.funcs[&f]
		delete(w.funcs, &f)
		return waits
	}
}
