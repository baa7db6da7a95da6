package room

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/smartsocket/smartsocket"
)

// Ticker ticks for a namespace that needs no rooms: what is emitted to its sockets in a tick leaves
// in one write for each. Its methods may be called concurrently.
type Ticker struct {
	turns
	place    entry
	schedule *schedule
	hall     *smartsocket.Target
	log      *slog.Logger
	ns       *smartsocket.Namespace
	f        func(t *Ticker)
	run      func() // all ticks that are due
	stats    struct{ lateness, busy times }

	// Of the turn.
	step    time.Duration
	tick    uint64
	next    time.Duration
	idle    bool
	stopped bool
}

// NewTicker calls f rate times in a second, 1 to 1000, never twice at a time, while anybody is
// connected to the namespace. Ticks are numbered and caught up with like those of a room, up to
// three at once. A panic of f is logged, and ends the ticker. It panics on another rate.
func NewTicker(ns *smartsocket.Namespace, rate int, f func(t *Ticker)) *Ticker {
	if rate < 1 || rate > maxRate {
		panic(&OptionError{"Rate", fmt.Sprintf("%d ticks in a second: use 1 to %d", rate, maxRate)})
	}
	v := ns.Server()
	t := &Ticker{
		schedule: newSchedule(v), hall: ns.Local(), log: v.Logger(), ns: ns, f: f,
		step: stepOf(rate), idle: true,
	}
	t.turns.host, t.place.owner, t.run = t, &t.turns, t.ticks
	ns.OnConnected(func(*smartsocket.Socket) {
		t.post(job{do: func() {
			if t.idle && !t.stopped {
				t.idle = false
				t.next = firstTick(t.schedule.now(), t.step, 0)
			}
		}})
	})
	return t
}

// Tick is the number of the tick that runs. Like Step it is for f.
func (t *Ticker) Tick() uint64 { return t.tick }

// Step is the time from tick to tick.
func (t *Ticker) Step() time.Duration { return t.step }

// Stop ends the ticker: f is not called any more, except that a call that has begun goes on.
func (t *Ticker) Stop() { t.post(job{do: func() { t.stopped, t.next = true, 0 }}) }

// Stats says how late ticks began and how long they took.
func (t *Ticker) Stats() (lateness, busy Times) {
	return t.stats.lateness.read(), t.stats.busy.read()
}

// turn implements host.
func (t *Ticker) turn(jobs []job, woken bool) {
	for _, j := range jobs {
		j.do()
	}
	if woken {
		t.place.at = unplanned
	}
	if woken && t.next != 0 && t.schedule.now() >= t.next {
		t.hall.Batch(t.run)
	}
	t.schedule.plan(&t.place, t.next)
}

// ticks runs those that are due.
func (t *Ticker) ticks() {
	returned := false
	defer func() {
		if !returned {
			t.stopped, t.next = true, 0
			t.log.Error("the code of a ticker panicked; it has ended", "namespace", t.ns.Path(),
				"tick", t.tick, "panic", recover(), "stack", string(debug.Stack()))
		}
	}()
	now := t.schedule.now()
	left, skip := dueTicks(now-t.next, t.step, defaultCatchUp)
	t.tick += uint64(skip)
	t.next += time.Duration(skip) * t.step
	for ; left > 0; left-- {
		began := t.schedule.now()
		t.stats.lateness.add(began - t.next)
		t.tick++
		t.next += t.step
		t.f(t)
		t.stats.busy.add(t.schedule.now() - began)
	}
	if t.ns.Len() == 0 {
		t.idle, t.next = true, 0
	}
	returned = true
}
