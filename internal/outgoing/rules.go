package outgoing

import (
	"maps"
	"sync"
	"sync/atomic"
)

// Rules are the Options that were set for events by their names. The zero value has none. Reading
// takes no lock. Safe for concurrent use.
type Rules struct {
	mu sync.Mutex // held by Set
	m  atomic.Pointer[map[string]Options]
}

// Set sets the Options of an event. With the zero Options it is reliable, whatever other Rules say.
func (r *Rules) Set(event string, o Options) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := make(map[string]Options)
	if old := r.m.Load(); old != nil {
		maps.Copy(m, *old)
	}
	m[event] = o
	r.m.Store(&m)
}

// Of returns the Options that were set for an event, and whether any were.
func (r *Rules) Of(event string) (o Options, ok bool) {
	if m := r.m.Load(); m != nil {
		o, ok = (*m)[event]
	}
	return o, ok
}
