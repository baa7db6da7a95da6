// Package crowd is the set of connections to which a peer's server broadcasts. Its one mutex,
// Crowd.mu, is held while Each calls its function.
package crowd

import "sync"

// Path is the request target of connections that take part in broadcasts.
const Path = "/broadcast"

// Crowd is a set of connections. It is safe for concurrent use. The zero value is empty.
type Crowd[C comparable] struct {
	mu  sync.Mutex
	set map[C]struct{}
}

// Add adds c to the set.
func (w *Crowd[C]) Add(c C) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.set == nil {
		w.set = map[C]struct{}{}
	}
	w.set[c] = struct{}{}
}

// Remove removes c from the set. It does nothing if c is not in the set.
func (w *Crowd[C]) Remove(c C) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.set, c)
}

// Each calls f for every member, one at a time. f must not call the Crowd.
func (w *Crowd[C]) Each(f func(C)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.set {
		f(c)
	}
}
