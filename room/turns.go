package room

import (
	"runtime"
	"sync"
)

// turns lets the code of one room run, never twice at a time, and without a goroutine that waits:
// who comes when the room is free runs what there is to do, and whoever comes meanwhile leaves it
// to him.
type turns struct {
	host host
	all  *sync.WaitGroup // of the ring of the schedule that has taken the turn
	ring func()          // fired, made once

	mu      sync.Mutex
	jobs    []job
	spare   []job
	woken   bool // the schedule or an input has something for the room
	running bool
}

// host is a room as its turns see it.
type host interface {
	// turn does jobs, and whatever else is due if woken. It is never called twice at a time, and
	// may end its goroutine.
	turn(jobs []job, woken bool)
}

// job is something to do in a room's turn.
type job struct {
	do   func()
	done chan struct{} // closed when it is done, or never will be; nil if nobody waits
}

// atOnce is how many times a goroutine that came with a job of its own takes further ones before it
// leaves them to a new goroutine.
const atOnce = 64

// post gives the room a job. If the room is free it is done when post returns.
func (t *turns) post(j job) {
	t.mu.Lock()
	t.jobs = append(t.jobs, j)
	mine := t.claim()
	t.mu.Unlock()
	if mine {
		t.run(atOnce)
	}
}

// wake has turn called, at once if the room is free.
func (t *turns) wake() {
	t.mu.Lock()
	t.woken = true
	mine := t.claim()
	t.mu.Unlock()
	if mine {
		t.run(atOnce)
	}
}

// claim takes the turn if it is free. mu is held.
func (t *turns) claim() bool {
	mine := !t.running
	t.running = true
	return mine
}

// due is wake for the schedule, which calls the function that it returns, on any goroutine. It is
// nil if somebody else has the turn.
func (t *turns) due(all *sync.WaitGroup) func() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.woken = true
	if !t.claim() {
		return nil
	}
	t.all = all
	if t.ring == nil {
		t.ring = t.fired
	}
	return t.ring
}

// fired runs a turn for the schedule.
func (t *turns) fired() {
	all := t.all
	defer all.Done()
	t.run(0)
}

// run does what there is to do until there is nothing. After limit rounds, if that is not 0,
// another goroutine goes on. The caller has the turn. inside knows this function by its name.
//
//go:noinline
func (t *turns) run(limit int) {
	over := false
	defer func() {
		if !over { // the room's code has ended this goroutine
			go t.run(0)
		}
	}()
	for n := 1; ; n++ {
		t.mu.Lock()
		jobs, woken := t.jobs, t.woken
		if len(jobs) == 0 && !woken {
			t.running, over = false, true
			t.mu.Unlock()
			return
		}
		if limit > 0 && n > limit {
			over = true
			t.mu.Unlock()
			go t.run(0)
			return
		}
		t.jobs, t.woken, t.spare = t.spare[:0], false, nil
		t.mu.Unlock()
		t.host.turn(jobs, woken)
		clear(jobs)
		t.mu.Lock()
		if cap(jobs) <= atOnce {
			t.spare = jobs[:0]
		}
		t.mu.Unlock()
	}
}

// inside reports whether the caller is code of a room.
func inside() bool {
	var at [64]uintptr
	for skip := 2; ; skip += len(at) {
		n := runtime.Callers(skip, at[:])
		if within(at[:n]) {
			return true
		}
		if n < len(at) {
			return false
		}
	}
}

// within reports whether turns.run is among callers.
func within(callers []uintptr) bool {
	frames := runtime.CallersFrames(callers)
	for {
		f, more := frames.Next()
		if f.Function == runName {
			return true
		}
		if !more {
			return false
		}
	}
}

// runName is what the runtime calls turns.run.
const runName = "github.com/smartsocket/smartsocket/room.(*turns).run"
