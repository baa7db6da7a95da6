package watchdog

import (
	"time"

	"github.com/smartsocket/smartsocket/internal/testclock"
)

// Rounds is one background goroutine that looks after things. Set the fields, then Start it.
type Rounds struct {
	// Now counts from any fixed moment.
	Now func() time.Duration
	// Clock has the timer; nil is the system's.
	Clock *testclock.Clock
	// Budget is the time between two looks while there is something to see.
	Budget time.Duration
	// Look reports whether there was something to see. While there is not, looks become ever more
	// rare, down to twice a second.
	Look func(now time.Duration) (active bool)
	// EverySecond does everything else.
	EverySecond func(now time.Duration)

	quit, done chan struct{}
}

// Start starts the goroutine.
func (r *Rounds) Start() {
	r.quit, r.done = make(chan struct{}), make(chan struct{})
	go r.run()
}

// Stop ends the goroutine and waits for it. Call it once.
func (r *Rounds) Stop() error {
	close(r.quit)
	<-r.done
	return nil
}

func (r *Rounds) run() {
	defer close(r.done)
	pause := r.Budget
	timer := r.Clock.NewTimer(pause)
	defer timer.Stop()
	next := r.Now() + time.Second
	for {
		select {
		case <-r.quit:
			return
		case <-timer.C:
		}
		now := r.Now()
		pause = r.after(pause, r.Look(now))
		if now >= next {
			next = now + time.Second
			r.EverySecond(now)
		}
		timer.Reset(min(pause, max(next-r.Now(), time.Millisecond)))
	}
}

// after returns the pause after a look, which came after another pause.
func (r *Rounds) after(pause time.Duration, active bool) time.Duration {
	if active {
		return r.Budget
	}
	return min(2*pause, rarest)
}

// rarest is the longest pause.
const rarest = time.Second / 2
