package testclock

import (
	"slices"
	"testing"
	"time"
)

// A nil Clock is the system's.
func TestSystemClock(t *testing.T) {
	var c *Clock
	start := time.Now()
	if d := c.Since(start.Add(-time.Hour)); d < time.Hour || d > 2*time.Hour {
		t.Errorf("Since = %v", d)
	}
	if d := time.Since(time.UnixMicro(c.Micro())); d < -time.Hour || d > time.Hour {
		t.Errorf("Micro is %v ago", d)
	}
	if c.Func() != nil || c.ControlRate() != 0 {
		t.Error("the system's clock is not the default")
	}
	c.Follow(nil)
	done := make(chan bool)
	c.AfterFunc(0, func() { done <- true })
	<-done
	if !c.AfterFunc(time.Hour, nil).Stop() {
		t.Error("a timer could not be stopped")
	}
	timer := c.NewTimer(0)
	<-timer.C
	timer.Reset(0)
	<-timer.C
	timer.Reset(time.Hour)
	timer.Stop()
}

// Advance runs what is due in its order, and everybody sees the time at which it is due.
func TestOrder(t *testing.T) {
	c := new(Clock)
	day := c.Micro()
	var got []string
	note := func(name string) func() {
		return func() { got = append(got, name+" "+c.Since(time.Time{}).String()) }
	}
	c.AfterFunc(150*time.Millisecond, note("b"))
	c.AfterFunc(20*time.Millisecond, func() {
		note("a")()
		c.AfterFunc(0, note("again"))
		c.AfterFunc(10*time.Millisecond, note("later"))
	})
	c.AfterFunc(150*time.Millisecond, note("c"))
	stopped := c.AfterFunc(time.Millisecond, note("stopped"))
	if !stopped.Stop() || stopped.Stop() {
		t.Error("Stop is wrong")
	}
	c.AfterFunc(time.Second, note("never"))
	c.Follow(note("follower"))
	c.Advance(150*time.Millisecond, note("each"))
	want := []string{
		"a 20ms", "again 20ms", "follower 20ms", "each 20ms",
		"later 30ms", "follower 30ms", "each 30ms",
		"follower 100ms", "each 100ms",
		"b 150ms", "c 150ms", "follower 150ms", "each 150ms",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
	if d := c.Micro() - day; d != 150_000 {
		t.Errorf("the time of day has moved by %d µs", d)
	}
	got = nil
	c.Tick()
	if !slices.Equal(got, []string{"follower 150ms"}) {
		t.Errorf("Tick: %q", got)
	}
}

// Advance waits until the owner of a Timer asks for the next time.
func TestTimerIsWaitedFor(t *testing.T) {
	c := new(Clock)
	timer := c.NewTimer(time.Second)
	var turns []time.Duration // not guarded, because Advance waits
	ended := make(chan bool)
	go func() {
		defer close(ended)
		defer timer.Stop()
		for range 3 {
			<-timer.C
			turns = append(turns, c.Now())
			timer.Reset(2 * time.Second)
		}
		<-timer.C // and then it ends without a Reset
	}()
	for i := range 3 {
		c.Advance(2*time.Second, func() {})
		if len(turns) != i+1 {
			t.Fatalf("turns %v", turns)
		}
	}
	c.Advance(time.Minute, func() {})
	<-ended
	if want := []time.Duration{1e9, 3e9, 5e9}; !slices.Equal(turns, want) {
		t.Errorf("turns %v, want %v", turns, want)
	}
	c.Advance(time.Minute, func() {}) // nobody is waited for
}

func TestTimerStopsWhileItWaits(t *testing.T) {
	c := new(Clock)
	timer := c.NewTimer(time.Second)
	timer.Reset(time.Minute) // before it fired
	go timer.Stop()
	c.Advance(2*time.Minute, func() {})
}

func TestAlarmRingsAtTheLastTimeThatWasSet(t *testing.T) {
	var c Clock
	var rang []time.Duration
	var a *Alarm
	a = c.NewAlarm(func() {
		if rang = append(rang, c.Now()); len(rang) == 1 {
			a.Reset(3 * time.Second)
		}
	})
	began := a.Now()
	c.Advance(time.Second, func() {})
	a.Reset(time.Second)
	a.Reset(2 * time.Second)
	if n := c.Calls(); n != 0 {
		t.Errorf("an alarm counts as %d calls", n)
	}
	c.Advance(time.Minute, func() {})
	if len(rang) != 2 || rang[0] != 3*time.Second || rang[1] != 6*time.Second {
		t.Errorf("it rang at %v", rang)
	}
	a.Reset(time.Second)
	a.Stop()
	c.Advance(time.Minute, func() {})
	if d := a.Now().Sub(began); len(rang) != 2 || d != 2*time.Minute+time.Second {
		t.Errorf("it rang at %v, after %v", rang, d)
	}
}

func TestAlarmOfTheSystem(t *testing.T) {
	rang := make(chan time.Time, 1)
	var c *Clock
	var a *Alarm
	a = c.NewAlarm(func() { rang <- a.Now() })
	began := a.Now()
	a.Reset(time.Hour)
	a.Reset(time.Millisecond)
	if at := <-rang; at.Sub(began) < time.Millisecond {
		t.Errorf("it rang after %v", at.Sub(began))
	}
	a.Reset(time.Hour)
	a.Stop()
}
