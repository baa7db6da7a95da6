package question

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func never(int) { panic("a question expired") }

func TestClaimedOnce(t *testing.T) {
	var table Table[int]
	a, _ := table.Ask(nil, 10, time.Hour, never)
	b, _ := table.Ask(nil, 20, time.Hour, never)
	if a != 1 || b != 2 {
		t.Fatalf("ids %d and %d", a, b)
	}
	if q, ok := table.Claim(a); !ok || q != 10 {
		t.Errorf("Claim = %d, %v", q, ok)
	}
	if _, ok := table.Claim(a); ok {
		t.Error("claimed twice")
	}
	if ever, open := table.Asked(a); !ever || open {
		t.Errorf("Asked of a settled question: %v, %v", ever, open)
	}
	if ever, open := table.Asked(b); !ever || !open {
		t.Errorf("Asked of an open question: %v, %v", ever, open)
	}
	for _, id := range []uint64{0, 3, 1 << 63} {
		if ever, open := table.Asked(id); ever || open {
			t.Errorf("Asked(%d): %v, %v", id, ever, open)
		}
	}
	if left := table.Close(); len(left) != 1 || left[0] != 20 {
		t.Errorf("Close = %v", left)
	}
	if _, ok := table.Ask(nil, 1, time.Hour, never); ok {
		t.Error("a closed table takes a question")
	}
}

func TestExpires(t *testing.T) {
	var table Table[string]
	done := make(chan string)
	table.Ask(nil, "late", time.Nanosecond, func(q string) { done <- q })
	if q := <-done; q != "late" {
		t.Errorf("%q expired", q)
	}
	if _, open := table.Asked(1); open {
		t.Error("an expired question is open")
	}
}

// However answers, timeouts and the end race, each question is settled once.
func TestSettledOnce(t *testing.T) {
	var table Table[*atomic.Int32]
	var asked []*atomic.Int32
	var mu sync.Mutex
	var all, expired sync.WaitGroup
	for g := range uint64(4) {
		all.Go(func() {
			r := rand.New(rand.NewPCG(g, 3))
			for range 2000 {
				q := new(atomic.Int32)
				expired.Add(1)
				timeout := time.Duration(r.IntN(50)) * time.Microsecond
				id, ok := table.Ask(nil, q, timeout, func(q *atomic.Int32) {
					q.Add(1)
					expired.Done()
				})
				if !ok {
					expired.Done()
					continue
				}
				mu.Lock()
				asked = append(asked, q)
				mu.Unlock()
				if got, ok := table.Claim(id - r.Uint64N(3)); ok {
					got.Add(1)
					expired.Done()
				}
			}
		})
	}
	all.Wait()
	for _, q := range table.Close() {
		q.Add(1)
		expired.Done()
	}
	expired.Wait()
	for i, q := range asked {
		if n := q.Load(); n != 1 {
			t.Fatalf("question %d was settled %d times", i, n)
		}
	}
}
