// Package values keeps an application's values under keys. Map.mu guards everything and is a leaf.
package values

import (
	"maps"
	"sync"
)

// Map holds the values of one owner. The zero value is empty and ready. Safe for concurrent use.
type Map struct {
	mu sync.Mutex
	m  map[string]any // nil until the first value
}

// Set keeps a value under a key. nil removes it.
func (m *Map) Set(key string, v any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if v == nil {
		delete(m.m, key)
		return
	}
	if m.m == nil {
		m.m = make(map[string]any)
	}
	m.m[key] = v
}

// Get returns the value kept under a key, or nil.
func (m *Map) Get(key string) any {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.m[key]
}

// All returns a copy of all values.
func (m *Map) All() map[string]any {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.m)
}
