// Package middleware keeps middlewares of any type in order (List), and records what one of them
// decided through next (Decision). It also finds the way through those that surround something
// (Layers).
//
// List.mu and Decision.mu are leaves. A List is read without its lock.
//
// Read middleware.go, then layers.go.
package middleware

import (
	"slices"
	"sync"
	"sync/atomic"
)

// List holds middlewares of type M in the order in which they are asked. The zero value is empty
// and ready. Safe for concurrent use.
type List[M any] struct {
	mu   sync.Mutex // held by Add
	list atomic.Pointer[Snapshot[M]]
}

// Snapshot is a List at one moment. It does not change. A nil one is empty.
type Snapshot[M any] []M

// Len is the number of middlewares.
func (s *Snapshot[M]) Len() int {
	if s == nil {
		return 0
	}
	return len(*s)
}

// Add puts m at the end.
func (l *List[M]) Add(m M) {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := append(slices.Clone(l.All()), m)
	l.list.Store((*Snapshot[M])(&list))
}

// Now returns what All does, in one word of memory.
func (l *List[M]) Now() *Snapshot[M] { return l.list.Load() }

// All returns the middlewares of this moment. The list is not to be changed.
func (l *List[M]) All() []M {
	if list := l.list.Load(); list != nil {
		return *list
	}
	return nil
}

// Decision is what one middleware decides about one event. It is never reused, because Next may be
// called too late. Safe for concurrent use.
type Decision struct {
	mu   sync.Mutex
	over bool
	err  error
}

// Next decides: the event passes if err is nil. Only the first call counts, and only before Close.
func (d *Decision) Next(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.over {
		d.over, d.err = true, err
	}
}

// Close returns the decision. If there is none it reports false, and stays so.
func (d *Decision) Close() (decided bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	decided, d.over = d.over, true
	return decided, d.err
}
