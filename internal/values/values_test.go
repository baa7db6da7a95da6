package values

import (
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
)

// TestModel compares a Map with a plain one.
func TestModel(t *testing.T) {
	var m Map
	model := make(map[string]any)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 2000 {
		key := strconv.Itoa(r.IntN(20))
		switch r.IntN(3) {
		case 0:
			m.Set(key, nil)
			delete(model, key)
		case 1:
			m.Set(key, i)
			model[key] = i
		}
		if got := m.Get(key); got != model[key] {
			t.Fatalf("step %d: %s is %v, want %v", i, key, got, model[key])
		}
	}
	if len(m.m) != len(model) {
		t.Errorf("%d values are kept, want %d", len(m.m), len(model))
	}
}

func TestConcurrently(t *testing.T) {
	var m Map
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			key := strconv.Itoa(i)
			for n := range 200 {
				m.Set(key, n)
				m.Set("shared", n)
				m.Get("shared")
				if got := m.Get(key); got != n {
					t.Errorf("%s is %v, want %d", key, got, n)
				}
			}
		})
	}
	all.Wait()
}
