// Package registry finds the handlers of an event by its name. Both ends of the
// wire use it: the server with handlers that may run inline, the client with its own.
//
// A Table gives an Entry, and the Entry's handlers are run by the caller:
//
//	e := table.Find(name)
//	for i := range e.Len() {
//		if h, ok := e.Take(i); ok {
//			h(…)
//		}
//	}
//
// Locks: a Table has one, which only a change takes. A reader loads one pointer to
// a map that nobody changes any more. A change copies the map, so that n
// registrations cost n² copied entries: few and early, while reads are many.
//
// Reading order: registry.go, then registered.go for handlers that say how they run, and version.go
// for events in several versions.
//
// The browser build contains this package: it imports only what costs nothing there.
package registry

import (
	"sync"
	"sync/atomic"
)

// Table holds handlers of type H by the names of their events. The zero value is
// empty and ready. Its methods are safe for concurrent use.
type Table[H any] struct {
	mu sync.Mutex // held by change
	s  atomic.Pointer[snapshot[H]]
}

// snapshot is what a Table holds at one moment. It never changes.
type snapshot[H any] struct {
	m        map[string]*Entry[H]
	versions map[string]versions[H] // nil if no event has any
}

// Entry is the handlers of one event at one moment, in the order of their
// registration. It never changes: a later Add makes a new Entry, and whoever holds
// this one runs what was registered when it was found. A nil *Entry has no
// handlers. Its methods are safe for concurrent use.
type Entry[H any] struct {
	event    string
	name     []byte // the same
	table    *Table[H]
	handlers []*handler[H]
}

// handler is one registered handler. All entries that contain it share it.
type handler[H any] struct {
	h     H
	once  bool
	taken atomic.Bool // of one that is registered once
}

// Add registers a handler behind those that the event has.
func (t *Table[H]) Add(event string, h H) {
	t.change(event, func(list []*handler[H]) []*handler[H] {
		return append(list, &handler[H]{h: h})
	})
}

// Once is Add for a handler that can be taken once only. It then leaves the table.
func (t *Table[H]) Once(event string, h H) {
	t.change(event, func(list []*handler[H]) []*handler[H] {
		return append(list, &handler[H]{h: h, once: true})
	})
}

// Remove drops all handlers of an event.
func (t *Table[H]) Remove(event string) {
	t.change(event, func([]*handler[H]) []*handler[H] { return nil })
}

// drop removes one handler.
func (t *Table[H]) drop(event string, h *handler[H]) {
	t.change(event, func(list []*handler[H]) []*handler[H] {
		var left []*handler[H]
		for _, x := range list {
			if x != h {
				left = append(left, x)
			}
		}
		return left
	})
}

// change replaces the handlers of an event by what f makes of a copy of them.
func (t *Table[H]) change(event string, f func([]*handler[H]) []*handler[H]) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := make(map[string]*Entry[H])
	var list []*handler[H]
	if old := t.s.Load(); old != nil {
		for name, e := range old.m {
			m[name] = e
		}
		if e := m[event]; e != nil {
			list = append(list, e.handlers...)
		}
	}
	if list = f(list); len(list) == 0 {
		delete(m, event)
	} else {
		m[event] = &Entry[H]{event, []byte(event), t, list}
	}
	t.s.Store(&snapshot[H]{m, index(m)})
}

// Find returns the handlers of an event, nil if there are none. It borrows the
// name for the call, takes no lock and does not allocate.
func (t *Table[H]) Find(event []byte) *Entry[H] {
	s := t.s.Load()
	if s == nil {
		return nil
	}
	return s.m[string(event)]
}

// FindString is Find for a name that is a string already.
func (t *Table[H]) FindString(event string) *Entry[H] {
	s := t.s.Load()
	if s == nil {
		return nil
	}
	return s.m[event]
}

// Any reports whether there is a handler.
func (t *Table[H]) Any() bool {
	events, _ := t.Count()
	return events > 0
}

// Count returns how many events have handlers, and how many handlers these are.
func (t *Table[H]) Count() (events, handlers int) {
	s := t.s.Load()
	if s == nil {
		return 0, 0
	}
	for _, e := range s.m {
		handlers += len(e.handlers)
	}
	return len(s.m), handlers
}

// Event is the name, owned by the table and good for as long as it is needed.
func (e *Entry[H]) Event() string { return e.event }

// Name is Event as bytes, which are not to be changed.
func (e *Entry[H]) Name() []byte { return e.name }

// Len is the number of handlers.
func (e *Entry[H]) Len() int {
	if e == nil {
		return 0
	}
	return len(e.handlers)
}

// At returns the handler at position i, to look at and not to run.
func (e *Entry[H]) At(i int) H { return e.handlers[i].h }

// Take returns the handler at position i to be run now. It reports false for a
// handler that was registered once and has been taken before, by anyone and from
// any Entry.
func (e *Entry[H]) Take(i int) (h H, ok bool) {
	r := e.handlers[i]
	if r.once && !e.claim(r) {
		return h, false
	}
	return r.h, true
}

// claim takes a handler that is registered once. It reports whether it came first.
func (e *Entry[H]) claim(r *handler[H]) bool {
	if r.taken.Swap(true) {
		return false
	}
	e.table.drop(e.event, r)
	return true
}
