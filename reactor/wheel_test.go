package reactor

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// The wheel must agree with a list of due ticks under random setting, moving, cancelling and jumps
// of the clock.
func TestWheelAgreesWithModel(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		var w wheel
		now := r.Int64N(1 << 30)
		w.start(now)
		conns := make([]*Conn, 50)
		due := map[*Conn]int64{}
		for i := range conns {
			conns[i] = new(Conn)
		}
		for range 3000 {
			c := conns[r.IntN(len(conns))]
			switch r.IntN(5) {
			case 0:
				w.cancel(c)
				delete(due, c)
			case 1:
				step := int64(1) << r.IntN(13)
				now += r.Int64N(step) + 1
				w.advance(now, func(c *Conn) {
					if d, ok := due[c]; !ok || d != w.tick {
						t.Fatalf("seed %d: fired at %d, due %d (%v)", seed, w.tick, d, ok)
					}
					delete(due, c)
				})
				for c, d := range due {
					if d <= now {
						t.Fatalf("seed %d: not fired at %d: due %d, placed %d", seed, now, d,
							c.timer.placed)
					}
				}
			default:
				d := now + 1 + r.Int64N(1<<r.IntN(27))
				w.set(c, d)
				due[c] = d
			}
			if w.count != len(due) {
				t.Fatalf("seed %d: %d timers counted, %d set", seed, w.count, len(due))
			}
		}
	}
}

func TestTimers(t *testing.T) {
	const tick = 2 * time.Millisecond
	r := start(t, Options{Loops: 1, Tick: tick})
	type firing struct {
		name string
		at   time.Duration
	}
	fired := make(chan firing, 16)
	began := time.Now()
	set := map[string]func(c *Conn){
		"a late":      func(c *Conn) { c.SetTimer(30 * tick) },
		"b soon":      func(c *Conn) { c.SetTimer(3 * tick) },
		"c moved up":  func(c *Conn) { c.SetTimer(time.Hour); c.SetTimer(10 * tick) },
		"d moved out": func(c *Conn) { c.SetTimer(tick); c.SetTimer(20 * tick) },
		"e disarmed":  func(c *Conn) { c.SetTimer(tick); c.SetTimer(0) },
		"f for years": func(c *Conn) { c.SetTimer(20 * 365 * 24 * time.Hour) },
		"g cascaded":  func(c *Conn) { c.SetTimer(100 * tick) },
	}
	for name, f := range set {
		h := &hooks{
			open:  func(c *Conn) { f(c) },
			timer: func(c *Conn) { fired <- firing{name, time.Since(began)} },
		}
		dialNet(t, listen(t, r, h))
	}
	var got []string
	for range 5 {
		f := await(t, fired, "OnTimer")
		got = append(got, f.name)
		if min := map[string]time.Duration{"a late": 30, "b soon": 3, "c moved up": 10,
			"d moved out": 20, "g cascaded": 100}[f.name] * tick; f.at < min {
			t.Errorf("%s fired after %v, before its %v", f.name, f.at, min)
		}
	}
	slices.Sort(got)
	if want := []string{"a late", "b soon", "c moved up", "d moved out",
		"g cascaded"}; !slices.Equal(got, want) {
		t.Errorf("fired: %q", got)
	}
}

func TestTimersFireInOrderAndRearm(t *testing.T) {
	r := start(t, Options{Loops: 1, Tick: time.Millisecond})
	done := make(chan []time.Duration, 1)
	var at []time.Duration // belongs to the loop
	dialNet(t, listen(t, r, &hooks{
		open: func(c *Conn) { c.SetTimer(time.Millisecond) },
		timer: func(c *Conn) {
			if at = append(at, c.Now()); len(at) == 20 {
				done <- at
				return
			}
			c.SetTimer(time.Duration(len(at)) * time.Millisecond)
		},
	}))
	got := await(t, done, "20 timers")
	for i := 1; i < len(got); i++ {
		if got[i]-got[i-1] < time.Duration(i)*time.Millisecond {
			t.Errorf("timer %d fired %v after the one before, set to %d ms", i, got[i]-got[i-1], i)
		}
	}
}

// Without timers and outboxes the loop must not tick.
func TestIdleLoopDoesNotTick(t *testing.T) {
	r := start(t, Options{Loops: 1, Tick: time.Millisecond})
	idle := make(chan *Conn, 1)
	dialNet(t, listen(t, r, &hooks{
		open:  func(c *Conn) { c.SetTimer(time.Millisecond) },
		timer: func(c *Conn) { idle <- c },
	}))
	c := await(t, idle, "OnTimer")
	ticking := make(chan bool, 1)
	c.Post(func() { ticking <- c.loop.ticking }) // runs after the tick that fired the timer
	if await(t, ticking, "posted function") {
		t.Error("the loop still ticks")
	}
}

func TestSetTimerAllocatesNothing(t *testing.T) {
	var w wheel
	c := new(Conn)
	due := int64(1)
	if n := testing.AllocsPerRun(1000, func() {
		due += 97
		w.set(c, due+5000)
		w.set(c, due)
		w.advance(due-1, func(*Conn) {})
		w.cancel(c)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
