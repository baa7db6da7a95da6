// Package middleware keeps middlewares of any type in order (List), and records what one of them
// decided through next (Decision).
//
// List.mu and Decision.mu are leaves. A List is read without its lock.
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
	list atomic.Pointer[[]M]
}

// Add puts m at the end.
func (l *List[M]) Add(m M) {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := append(slices.Clone(l.All()), m)
	l.list.Store(&list)
}

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
