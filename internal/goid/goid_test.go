package goid

import (
	"sync"
	"testing"
)

func TestEveryGoroutineHasItsOwn(t *testing.T) {
	const n = 100
	mine := ID()
	if mine == 0 || mine != ID() {
		t.Fatalf("this goroutine is %d, then %d", mine, ID())
	}
	var mu sync.Mutex
	seen := map[uint64]bool{mine: true}
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			id := ID()
			mu.Lock()
			defer mu.Unlock()
			if id == 0 || seen[id] {
				t.Errorf("the number %d came twice", id)
			}
			seen[id] = true
		})
	}
	all.Wait()
}
