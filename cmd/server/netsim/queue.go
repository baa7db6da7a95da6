package netsim

import (
	"os"
	"sync"
	"time"

	"github.com/smartsocket/smartsocket/internal/testclock"
)

// maxQueued is how many bytes may be on their way in one direction.
const maxQueued = 256 << 10

// queue holds the segments that are on their way in one direction.
type queue struct {
	clock *testclock.Clock // nil = the system's
	start time.Time

	mu       sync.Mutex
	changed  sync.Cond
	line     line
	segments []segment
	bytes    int               // of segments
	err      error             // what follows the segments
	wake     testclock.Stopper // fires when the first segment arrives; nil = nobody waits for it
	waits    [2]wait           // of put and of take
}

// segment is what arrives at once.
type segment struct {
	at   time.Duration
	rest []byte // what has not been taken
}

// wait is how long a caller may wait.
type wait struct {
	until time.Duration // 0 = without a limit
	timer testclock.Stopper
}

const (
	putting = iota
	taking
)

func newQueue(l line, clock *testclock.Clock, start time.Time) *queue {
	q := &queue{line: l, clock: clock, start: start}
	q.changed.L = &q.mu
	return q
}

// now returns the time since start.
func (q *queue) now() time.Duration { return q.clock.Since(q.start) }

// stir lets those who wait look again.
func (q *queue) stir() {
	q.mu.Lock()
	q.changed.Broadcast()
	q.mu.Unlock()
}

// put copies p onto the line. It waits while too much is on its way, and returns how much it took.
func (q *queue) put(p []byte) (n int, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(p) > 0 {
		switch {
		case q.err != nil:
			return n, q.err
		case q.expired(putting):
			return n, os.ErrDeadlineExceeded
		case q.bytes >= maxQueued:
			q.changed.Wait()
			continue
		}
		piece := p[:min(len(p), segmentBytes)]
		at := q.line.arrival(q.now(), len(piece))
		q.segments = append(q.segments, segment{at, append([]byte(nil), piece...)})
		q.bytes += len(piece)
		n, p = n+len(piece), p[len(piece):]
		q.changed.Broadcast()
	}
	return n, nil
}

// take waits until something has arrived and copies as much of it as fits.
func (q *queue) take(p []byte) (n int, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(p) > 0 {
		if q.expired(taking) {
			return 0, os.ErrDeadlineExceeded
		}
		now := q.now()
		for n < len(p) && len(q.segments) > 0 && q.segments[0].at <= now {
			n += q.copyFirst(p[n:])
		}
		switch {
		case n > 0:
			q.changed.Broadcast()
			return n, nil
		case len(q.segments) == 0 && q.err != nil:
			return 0, q.err
		case len(q.segments) > 0 && q.wake == nil:
			q.wake = q.clock.AfterFunc(q.segments[0].at-now, q.arrived)
		}
		q.changed.Wait()
	}
	return 0, nil
}

// copyFirst copies from the first segment, which leaves when it is empty. mu is held.
func (q *queue) copyFirst(p []byte) int {
	first := &q.segments[0]
	n := copy(p, first.rest)
	first.rest = first.rest[n:]
	q.bytes -= n
	if len(first.rest) == 0 {
		q.segments[0] = segment{}
		q.segments = q.segments[1:]
	}
	return n
}

// arrived is called when the first segment should have arrived.
func (q *queue) arrived() {
	q.mu.Lock()
	q.wake = nil
	q.changed.Broadcast()
	q.mu.Unlock()
}

// end lets err follow what is on its way. Only the first call counts.
func (q *queue) end(err error) {
	q.mu.Lock()
	if q.err == nil {
		q.err = err
	}
	q.changed.Broadcast()
	q.mu.Unlock()
}

// drop ends the queue, and what is on its way does not arrive.
func (q *queue) drop(err error) {
	q.mu.Lock()
	q.segments, q.bytes, q.err = nil, 0, err
	if q.wake != nil {
		q.wake.Stop()
		q.wake = nil
	}
	q.limitLocked(putting, time.Time{})
	q.limitLocked(taking, time.Time{})
	q.changed.Broadcast()
	q.mu.Unlock()
}

// limit sets how long put or take may wait, from now on too for one that waits. The zero time means
// without a limit.
func (q *queue) limit(which int, until time.Time) {
	q.mu.Lock()
	q.limitLocked(which, until)
	q.changed.Broadcast()
	q.mu.Unlock()
}

// limitLocked is limit. mu is held.
func (q *queue) limitLocked(which int, until time.Time) {
	w := &q.waits[which]
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
	w.until = 0
	if until.IsZero() {
		return
	}
	left := time.Until(until)
	w.until = max(q.now()+left, 1)
	if left > 0 {
		w.timer = q.clock.AfterFunc(left, q.stir)
	}
}

// expired reports whether the time for put or take is over. mu is held.
func (q *queue) expired(which int) bool {
	until := q.waits[which].until
	return until > 0 && q.now() >= until
}
