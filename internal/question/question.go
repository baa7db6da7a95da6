// Package question keeps the questions of one side whose answers it awaits: the events that it
// sent and that ask for an acknowledgement. It counts their ids, and sees that each is settled
// once: by an answer, a timeout, a change of mind or the end.
//
// Whoever claims a question settles it, and nobody else can claim it then. The package calls
// nothing but the function of a timer.
//
// Table.mu guards everything and is a leaf.
package question

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/smartsocket/smartsocket/internal/testclock"
)

// Table has the questions of one owner. Q is what belongs to one of them. The zero value is ready
// for use. Its methods may be called concurrently.
type Table[Q any] struct {
	mu     sync.Mutex
	open   map[uint64]entry[Q] // nil until the first question
	last   uint64              // the newest id
	closed bool
}

type entry[Q any] struct {
	q     Q
	timer testclock.Stopper
}

// Ask notes a question before it is sent and returns its id, which counts up from 1. When the
// timeout is over by c and nobody has claimed it, expired is called with it, see its AfterFunc.
// ok is false once the table is closed.
func (t *Table[Q]) Ask(
	c *testclock.Clock, q Q, timeout time.Duration, expired func(Q),
) (id uint64, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return 0, false
	}
	t.last++
	id = t.last
	if t.open == nil {
		t.open = make(map[uint64]entry[Q])
	}
	timer := c.AfterFunc(timeout, func() {
		if q, ok := t.Claim(id); ok {
			expired(q)
		}
	})
	t.open[id] = entry[Q]{q, timer}
	return id, true
}

// Claim takes a question out of the table. ok is false when it is not there, or no longer there.
func (t *Table[Q]) Claim(id uint64) (q Q, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, ok := t.open[id]
	if ok {
		delete(t.open, id)
		e.stop()
	}
	return e.q, ok
}

func (e *entry[Q]) stop() {
	if e.timer != nil { // a question that was adopted has none
		e.timer.Stop()
	}
}

// Move takes no more questions, and returns the newest id and those of the open questions, which
// stay and can be claimed.
func (t *Table[Q]) Move() (last uint64, open []uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	return t.last, slices.Sorted(maps.Keys(t.open))
}

// Adopt makes t, which was never used, go on where another table was. q is called for each
// question that is open there, whose timer stays there.
func (t *Table[Q]) Adopt(last uint64, open []uint64, q func(id uint64) Q) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last, t.open = last, make(map[uint64]entry[Q])
	for _, id := range open {
		t.open[id] = entry[Q]{q: q(id)}
	}
}

// Asked reports whether a question with this id was ever asked, and whether it is still open.
func (t *Table[Q]) Asked(id uint64) (ever, open bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, open = t.open[id]
	return 0 < id && id <= t.last, open
}

// Close claims all questions and takes no more.
func (t *Table[Q]) Close() (claimed []Q) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	for _, e := range t.open {
		e.stop()
		claimed = append(claimed, e.q)
	}
	t.open = nil
	return claimed
}
