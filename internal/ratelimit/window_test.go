package ratelimit

import (
	"math/rand/v2"
	"testing"
	"time"
)

// list is what a Window stands for: the times of all events that passed.
type list []time.Duration

// since counts the events whose age at time now is less than age.
func (l list) since(now, age time.Duration) (n int) {
	for i := len(l) - 1; i >= 0 && now-l[i] < age; i-- {
		n++
	}
	return n
}

// check offers one event to w and holds the answer against the list, to which
// it appends the event if it passed. It reports whether it did.
func check(t *testing.T, w *Window, passed *list, l Limit, now time.Duration) bool {
	t.Helper()
	ok, retry := w.Allow(l, now)
	switch {
	case ok && passed.since(now, l.Window) >= l.MaxRequests:
		t.Fatalf("%+v at %v: an event too many passed", l, now)
	case ok && retry != 0:
		t.Fatalf("%+v at %v: an event passed, and is to be sent again after %v", l, now, retry)
	case ok:
		*passed = append(*passed, now)
	case passed.since(now, slices*l.slice()) < l.MaxRequests:
		t.Fatalf("%+v at %v: an event was refused that is within the limit", l, now)
	case retry <= 0 || retry > slices*l.slice():
		t.Fatalf("%+v at %v: retry after %v", l, now, retry)
	default:
		// The event passes after the time that the refusal names, and not a moment earlier.
		later, sooner := *w, *w
		if ok, again := later.Allow(l, now+retry); !ok {
			t.Fatalf("%+v at %v: refused after the %v asked for, %v more", l, now, retry, again)
		}
		if ok, _ := sooner.Allow(l, now+retry-1); ok {
			t.Fatalf("%+v at %v: passed earlier than the %v asked for", l, now, retry)
		}
	}
	return ok
}

// A Window answers as the list of all times does. Above all, no window of time,
// wherever it begins, holds more than the limit.
func TestSlidingWindow(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		l := Limit{
			Window:      1 + time.Duration(r.Int64N(1<<(1+r.IntN(40)))),
			MaxRequests: 1 + r.IntN(200),
		}
		var w Window
		var passed list
		now := time.Duration(r.Int64N(int64(time.Hour)))
		for range 3000 {
			now += time.Duration(r.ExpFloat64() * float64(l.Window) / float64(2*l.MaxRequests))
			check(t, &w, &passed, l, now)
		}
		if l.Window > time.Millisecond && len(passed) < 900 {
			t.Fatalf("seed %d, %+v: of twice the limit only %d passed", seed, l, len(passed))
		}
	}
}

func TestSteadyClientIsNeverLimited(t *testing.T) {
	l := Limit{Window: time.Second, MaxRequests: 10}
	var w Window
	for i := range 1000 {
		if ok, retry := w.Allow(l, time.Duration(i)*108*time.Millisecond); !ok {
			t.Fatalf("event %d at 9.26 a second was refused, retry after %v", i, retry)
		}
	}
}

// After the time that a refusal names, the next event passes.
func TestRetryAfterIsTrue(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 2))
		l := Limit{
			Window:      time.Duration(10+r.IntN(1000)) * time.Millisecond,
			MaxRequests: 1 + r.IntN(50),
		}
		var w Window
		var passed list
		now := time.Duration(r.Int64N(int64(time.Minute)))
		for range 200 {
			if check(t, &w, &passed, l, now) {
				now += time.Duration(r.Int64N(int64(l.Window) / int64(l.MaxRequests)))
				continue
			}
			_, retry := w.Allow(l, now)
			now += retry
			if !check(t, &w, &passed, l, now) {
				t.Fatalf("seed %d, limit %+v: refused again after the %v asked for", seed, l, retry)
			}
		}
	}
}

func TestTellOncePerWindow(t *testing.T) {
	l := Limit{Window: time.Second, MaxRequests: 1}
	var w Window
	for i, want := range []bool{true, false, false, false, true, false, false, false, true} {
		if got := w.Tell(l, time.Duration(i)*250*time.Millisecond); got != want {
			t.Errorf("after %d quarters of a window: %v", i, got)
		}
	}
}

// FuzzWindow reads a limit and then steps in time: a byte is 1/16 of the window,
// so that a step is anything from nothing to 16 windows. The byte 255 changes the limit.
func FuzzWindow(f *testing.F) {
	f.Add(uint32(61), uint8(1), uint32(0), []byte{0, 1, 16, 0, 0, 15, 1})
	f.Add(uint32(1e9), uint8(3), uint32(7), []byte{0, 0, 0, 0, 15, 1, 0, 255, 9, 9, 0, 0, 255})
	f.Add(uint32(1), uint8(200), uint32(1<<31), []byte{255, 0, 255, 0})
	f.Fuzz(func(t *testing.T, window uint32, most uint8, start uint32, steps []byte) {
		l := Limit{Window: time.Duration(window) + 1, MaxRequests: int(most) + 1}
		var w Window
		var passed list
		now := time.Duration(start)
		for i, step := range steps {
			if step == 255 {
				// A new limit counts from a window later on, and until then nothing breaks.
				l.Window = min(l.Window*time.Duration(1+i%5)/3+1, time.Minute)
				l.MaxRequests = min(l.MaxRequests*(1+i%4)/2+1, 1000)
				if ok, retry := w.Allow(l, now); ok == (retry > 0) || retry > slices*l.slice() {
					t.Fatalf("%+v at %v: %v, retry after %v", l, now, ok, retry)
				}
				now += 2 * slices * l.slice()
				passed = nil
				continue
			}
			now += l.Window * time.Duration(step) / 16
			check(t, &w, &passed, l, now)
		}
	})
}

func TestWindowDoesNotAllocate(t *testing.T) {
	var w Window
	l := Limit{Window: time.Second, MaxRequests: 5}
	now := time.Duration(0)
	if n := testing.AllocsPerRun(1000, func() {
		now += time.Millisecond
		if ok, _ := w.Allow(l, now); !ok {
			w.Tell(l, now)
		}
	}); n != 0 {
		t.Errorf("%v allocations an event", n)
	}
}

// A limit needs both of its numbers.
func TestOff(t *testing.T) {
	for l, want := range map[Limit]bool{
		{}: true, {Window: time.Second}: true, {MaxRequests: 1}: true,
		{Window: 1, MaxRequests: 1}: false,
	} {
		if l.Off() != want {
			t.Errorf("%+v: off %v", l, !want)
		}
	}
}

// Whoever is over the limit for the first time is told, in whichever window that is.
func TestTellTheFirstTime(t *testing.T) {
	l := Limit{Window: time.Second, MaxRequests: 1}
	for i := range 4 {
		var w Window
		if !w.Tell(l, time.Duration(i)*l.Window) {
			t.Errorf("window %d: not told", i)
		}
	}
}
