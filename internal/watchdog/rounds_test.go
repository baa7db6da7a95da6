package watchdog

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/internal/leaktest"
)

// The clock moves when the test moves it, so that the test knows what comes when.
func TestRounds(t *testing.T) {
	var clock atomic.Int64
	looks, seconds := make(chan time.Duration), make(chan time.Duration, 1)
	r := &Rounds{
		Now:    func() time.Duration { return time.Duration(clock.Load()) },
		Budget: time.Millisecond,
		Look: func(now time.Duration) bool {
			looks <- now
			return true
		},
		EverySecond: func(now time.Duration) { seconds <- now },
	}
	r.Start()
	<-looks
	clock.Store(int64(999 * time.Millisecond))
	<-looks // may have begun before the clock moved
	<-looks
	select {
	case now := <-seconds:
		t.Errorf("a second is over at %v", now)
	default:
	}
	clock.Store(int64(time.Second))
	for range 3 {
		<-looks
	}
	if now := <-seconds; now != time.Second {
		t.Errorf("a second is over at %v", now)
	}
	go func() {
		for range looks { // the last look may be under way
		}
	}()
	if err := r.Stop(); err != nil {
		t.Error(err)
	}
	close(looks)
}

// Stop ends a goroutine that waits for its next look, and leaves nothing behind.
func TestRoundsStop(t *testing.T) {
	r := &Rounds{
		Now: func() time.Duration { return 0 }, Budget: time.Hour,
		Look: func(time.Duration) bool {
			t.Error("it looked before its time")
			return false
		},
		EverySecond: func(time.Duration) { t.Error("a second is over") },
	}
	r.Start()
	if err := r.Stop(); err != nil {
		t.Error(err)
	}
	if left := leaktest.Left(); left != "" {
		t.Error(left)
	}
}

// Looks become rare while there is nothing to see, and frequent again at once.
func TestPausesGrow(t *testing.T) {
	r := &Rounds{Budget: 60 * time.Millisecond}
	pause := r.Budget
	for i, want := range []time.Duration{120, 240, 480, 500, 500} {
		if pause = r.after(pause, false); pause != want*time.Millisecond {
			t.Errorf("pause %d is %v, want %d ms", i, pause, want)
		}
	}
	if pause = r.after(pause, true); pause != r.Budget {
		t.Errorf("with something to see the pause is %v", pause)
	}
}
