package lifetime

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/internal/race"
	"github.com/smartsocket/smartsocket/internal/testclock"
)

// fixedSource is a Source that counts how often it is asked for its context.
type fixedSource struct {
	ctx   context.Context
	clock *testclock.Clock
	base  time.Time
	asked int
}

func (f *fixedSource) Context() context.Context             { f.asked++; return f.ctx }
func (f *fixedSource) Ended() bool                          { return f.ctx.Err() != nil }
func (f *fixedSource) Clock() (*testclock.Clock, time.Time) { return f.clock, f.base }

type key struct{}

// begun is a task below a parent that ends with cancel.
func begun(c *testclock.Clock, limit time.Duration) (*Task, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(context.WithValue(background, key{}, "v"))
	t := new(Task)
	t.Begin(&fixedSource{ctx: ctx, clock: c, base: time.Now()}, limit)
	return t, cancel
}

func TestTaskEnds(t *testing.T) {
	clock := new(testclock.Clock)
	for name, tt := range map[string]struct {
		end  func(*Task, context.CancelCauseFunc)
		err  error
		what error // the cause
	}{
		"with its work": {func(k *Task, _ context.CancelCauseFunc) { k.End() }, context.Canceled,
			context.Canceled},
		"with its parent": {func(_ *Task, c context.CancelCauseFunc) { c(errOver) },
			context.Canceled, errOver},
		"when its time is over": {func(*Task, context.CancelCauseFunc) {
			clock.Advance(time.Second, func() {})
		}, context.DeadlineExceeded, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			waiting, cancel := begun(clock, time.Second)
			idle, cancelIdle := begun(clock, time.Second)
			defer cancel(nil)
			defer cancelIdle(nil)
			done := waiting.Done()
			child, stop := context.WithCancel(waiting)
			defer stop()
			if waiting.Err() != nil || idle.Err() != nil || child.Err() != nil {
				t.Fatal("a task has ended at once")
			}
			tt.end(waiting, cancel)
			tt.end(idle, cancelIdle)
			<-done
			<-child.Done()
			<-idle.Done()
			for who, ctx := range map[string]context.Context{
				"who waits": waiting, "a child": child, "who asks later": idle,
			} {
				if ctx.Err() != tt.err || context.Cause(ctx) != tt.what {
					t.Errorf("%s: %v, because of %v", who, ctx.Err(), context.Cause(ctx))
				}
				if v := ctx.Value(key{}); v != "v" {
					t.Errorf("%s: the value is %v", who, v)
				}
			}
			waiting.End()
			if waiting.Err() != tt.err {
				t.Errorf("after a second end: %v", waiting.Err())
			}
			if n := clock.Calls(); n != 0 {
				t.Errorf("%d timers are left", n)
			}
		})
	}
}

func TestTaskDeadline(t *testing.T) {
	without, cancel := begun(nil, 0)
	defer cancel(nil)
	if _, ok := without.Deadline(); ok {
		t.Error("a task without a limit has a deadline")
	}
	begin := time.Now()
	with, cancel := begun(nil, time.Hour)
	defer cancel(nil)
	until, ok := with.Deadline()
	if !ok || until.Before(begin.Add(time.Hour)) || until.After(time.Now().Add(time.Hour)) {
		t.Errorf("the deadline is %v, %v", until, ok)
	}
	<-followed(t, with)
	late, cancel := begun(nil, time.Nanosecond)
	defer cancel(nil)
	<-late.Done() // by the system's clock
	if !errors.Is(late.Err(), context.DeadlineExceeded) {
		t.Errorf("late: %v", late.Err())
	}
}

// followed ends the task and waits for a function that was to follow.
func followed(tt *testing.T, t *Task) <-chan struct{} {
	ran, never := make(chan struct{}), make(chan struct{})
	t.AfterFunc(func() { close(ran) })
	if stop := t.AfterFunc(func() { close(never) }); !stop() || stop() {
		tt.Error("stopping a function does not say whether it helped")
	}
	t.End()
	late := make(chan struct{})
	if stop := t.AfterFunc(func() { close(late) }); stop() {
		tt.Error("what runs already was stopped")
	}
	<-late
	return ran
}

// Nothing is paid for before somebody waits.
func TestTaskIsLazy(t *testing.T) {
	clock := new(testclock.Clock)
	from := &fixedSource{ctx: background, clock: clock}
	var k Task
	k.Begin(from, time.Second)
	if _, ok := k.Deadline(); k.Err() != nil || !ok {
		t.Error("it has ended, or no deadline")
	}
	k.End()
	if from.asked != 0 || clock.Calls() != 0 {
		t.Errorf("the source was asked %d times, %d timers run", from.asked, clock.Calls())
	}
	if race.Enabled {
		t.Skip("allocations differ under the race detector")
	}
	if n := testing.AllocsPerRun(100, func() {
		var k Task
		k.Begin(from, time.Second)
		k.End()
	}); n > 1 { // the Task itself
		t.Errorf("%v allocations", n)
	}
}
