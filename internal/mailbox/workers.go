package mailbox

import (
	"context"
	"sync"
	"time"

	"github.com/smartsocket/smartsocket/internal/goid"
)

// Runner is an owner of jobs.
type Runner interface {
	// Work does some of the owner's jobs and reports whether there may be more.
	// Then the owner has its next turn behind all others that wait. After false,
	// Workers have forgotten the owner until the next Add. Work must not panic. If it
	// ends its goroutine (runtime.Goexit), that counts as true.
	Work() (more bool)
}

// Workers run owners that have jobs, on goroutines that they start when an owner
// waits and no goroutine is free, up to a bound. The goroutines stay until Stop.
// Make Workers with NewWorkers. All methods are safe for concurrent use.
type Workers struct {
	max int

	mu      sync.Mutex
	wake    sync.Cond
	ready   ring
	idle    int // goroutines that wait and were not woken
	started int // goroutines that run or wait
	stopped bool
	ids     map[uint64]struct{} // of the goroutines that run or wait, see goid
	ended   chan struct{}       // has a token when a goroutine has ended

	turns   uint64 // owners that were taken from ready
	due     uint64 // turns at which all who waited at the last look have had theirs
	stalled int    // see Stalled
}

// NewWorkers makes Workers of at most n goroutines, none of which runs yet.
func NewWorkers(n int) *Workers {
	w := &Workers{max: n, ids: make(map[uint64]struct{}), ended: make(chan struct{}, 1)}
	w.wake.L = &w.mu
	return w
}

// Add puts an owner behind those that wait. The owner must not wait already, nor be in Work: call
// Add when Box says wake. After Stop the owner may wait for good.
func (w *Workers) Add(r Runner) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ready.push(r)
	switch {
	case w.idle > 0:
		w.idle--
		w.wake.Signal()
	case w.started < w.max && !w.stopped:
		w.started++
		go w.run(nil)
	}
}

// run works until there is nothing after Stop. When Work ends the goroutine, another one takes its
// place, with the same owner again.
func (w *Workers) run(again Runner) {
	id := goid.ID()
	w.mu.Lock()
	w.ids[id] = struct{}{}
	w.mu.Unlock()
	over := false
	defer func() {
		if over {
			w.leave(id)
			return
		}
		w.mu.Lock()
		delete(w.ids, id)
		w.mu.Unlock()
		go w.run(again)
	}()
	for {
		if again = w.next(again); again == nil {
			over = true
			return
		}
		if !again.Work() {
			again = nil
		}
	}
}

// leave notes the end of a goroutine.
func (w *Workers) leave(id uint64) {
	w.mu.Lock()
	w.started--
	delete(w.ids, id)
	w.mu.Unlock()
	select {
	case w.ended <- struct{}{}:
	default:
	}
}

// next puts again, if it is not nil, behind the owners that wait, and returns the
// first of them. It waits for one, and returns nil when there is none after Stop.
func (w *Workers) next(again Runner) Runner {
	w.mu.Lock()
	defer w.mu.Unlock()
	if again != nil {
		w.ready.push(again) // nobody is woken for it, because the caller takes one right here
	}
	for w.ready.n == 0 {
		if w.stopped {
			return nil
		}
		w.idle++
		w.wake.Wait()
	}
	w.turns++
	return w.ready.pop()
}

// Stalled looks whether an owner that waited at the last look still waits, which means that all
// goroutines are held up. It returns for how many looks in a row that has been so. Who calls it
// once a second learns of owners that have waited for longer.
func (w *Workers) Stalled() (looks int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.turns < w.due {
		w.stalled++
	} else {
		w.stalled = 0
	}
	if w.stalled == 0 {
		w.due = w.turns + uint64(w.ready.n)
	}
	return w.stalled
}

// Progress returns how many owners were taken on since the start, and how many wait. Whoever waits
// now has had a turn when turns has grown by waiting.
func (w *Workers) Progress() (turns uint64, waiting int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.turns, w.ready.n
}

// Quiet reports whether nothing runs and nothing waits. The caller, if it runs here, does not
// count.
func (w *Workers) Quiet() bool {
	id := goid.ID()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ready.n == 0 && w.idle == w.startedBut(id)
}

// startedBut returns the number of goroutines, without the one that has this id. mu is held.
func (w *Workers) startedBut(id uint64) int {
	if _, here := w.ids[id]; here {
		return w.started - 1
	}
	return w.started
}

// Load is what Workers do at one moment. When Busy is Max and Waiting does not fall, more handlers
// block than there are goroutines.
type Load struct {
	Max     int // goroutines at most
	Started int // goroutines there are
	Busy    int // goroutines that run an owner's jobs
	Idle    int // goroutines that wait for one
	Waiting int // owners that wait for a goroutine
}

// Load returns the present counts. It costs one short lock.
func (w *Workers) Load() Load {
	w.mu.Lock()
	defer w.mu.Unlock()
	return Load{
		Max: w.max, Started: w.started, Busy: w.started - w.idle, Idle: w.idle, Waiting: w.ready.n,
	}
}

// grace is how long Stop waits whatever its context says, because a context may
// be over while nothing runs.
const grace = 10 * time.Millisecond

// Stop lets the goroutines finish what waits, and waits for them until ctx ends. It does not wait
// for its own caller. It returns how many have not ended; they are left behind in Work.
func (w *Workers) Stop(ctx context.Context) (left int) {
	id := goid.ID()
	w.mu.Lock()
	w.stopped = true
	w.idle = 0
	w.wake.Broadcast()
	w.mu.Unlock()
	timer := time.NewTimer(grace)
	defer timer.Stop()
	over := ctx.Done()
	for patient := true; ; {
		w.mu.Lock()
		left = w.startedBut(id)
		w.mu.Unlock()
		if left == 0 || !patient && ctx.Err() != nil {
			return left
		}
		select {
		case <-w.ended:
		case <-timer.C:
			patient = false
		case <-over:
			over = nil
		}
	}
}

// ring is a queue of owners. It grows by doubling.
type ring struct {
	list  []Runner // its length is a power of two, or 0
	first int
	n     int
}

// keptRing is the longest list that an empty ring keeps.
const keptRing = 1024

func (q *ring) push(r Runner) {
	if q.n == len(q.list) {
		grown := make([]Runner, max(16, 2*q.n))
		copied := copy(grown, q.list[q.first:])
		copy(grown[copied:], q.list[:q.first])
		q.list, q.first = grown, 0
	}
	q.list[(q.first+q.n)&(len(q.list)-1)] = r
	q.n++
}

// pop takes the oldest; there must be one.
func (q *ring) pop() Runner {
	r := q.list[q.first]
	q.list[q.first] = nil
	q.first = (q.first + 1) & (len(q.list) - 1)
	q.n--
	if q.n == 0 && len(q.list) > keptRing {
		q.list, q.first = nil, 0
	}
	return r
}
