package ratelimit

import (
	"maps"
	"sync"
	"sync/atomic"
)

// Rules are the limits of single events, by name. The zero value has none. Its
// methods are safe for concurrent use. Of takes no lock and does not allocate,
// since it reads a map that Set never changes but replaces.
type Rules struct {
	mu sync.Mutex // taken by Set
	m  atomic.Pointer[map[string]Limit]
}

// Set limits an event from now on. A limit that is off removes the one before.
func (r *Rules) Set(event string, l Limit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := make(map[string]Limit)
	if old := r.m.Load(); old != nil {
		maps.Copy(m, *old)
	}
	if delete(m, event); !l.Off() {
		m[event] = l
	}
	r.m.Store(&m)
}

// Of returns the limit of an event, which is off if it has none. The name is borrowed.
func (r *Rules) Of(event []byte) Limit {
	m := r.m.Load()
	if m == nil {
		return Limit{}
	}
	return (*m)[string(event)]
}

// Each calls f with the name of every event that has a limit.
func (r *Rules) Each(f func(event string)) {
	if m := r.m.Load(); m != nil {
		for event := range *m {
			f(event)
		}
	}
}
