package fairqueue

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
)

// A group with many jobs that block has its share of the goroutines, and the others have the rest.
func TestNoGroupStarvesAnother(t *testing.T) {
	q := New[string](8, 100)
	release, running := make(chan bool), make(chan bool, 100)
	for range 50 {
		q.Add("hoard", func() { running <- true; <-release })
	}
	<-running
	<-running // a quarter of 8
	var others sync.WaitGroup
	for i := range 100 {
		others.Add(1)
		q.Add(string(rune('a'+i)), others.Done)
	}
	others.Wait()
	if len(running) != 0 {
		t.Errorf("%d more of the hoard run", len(running))
	}
	close(release)
	if !q.Stop(context.Background()) || len(running) != 48 || len(q.groups) != 0 {
		t.Errorf("%d of 48 have run, %d groups are left", len(running), len(q.groups))
	}
}

func TestJobsOfAGroupAreBounded(t *testing.T) {
	q := New[int](1, 3)
	release, running := make(chan bool), make(chan bool)
	q.Add(1, func() { running <- true; <-release })
	<-running
	for i := range 5 {
		if got := q.Add(1, func() {}); got != (i < 3) {
			t.Errorf("job %d: %v", i, got)
		}
	}
	if !q.Add(2, func() {}) || q.Quiet() {
		t.Error("another group is bounded too, or nothing runs")
	}
	close(release)
	q.Stop(context.Background())
}

func TestEveryJobRunsOnce(t *testing.T) {
	q := New[int](4, 1000)
	var ran, refused atomic.Int64
	var adders sync.WaitGroup
	for g := range 8 {
		adders.Go(func() {
			for i := range 2000 {
				if !q.Add(i%(g+1), func() { ran.Add(1) }) {
					refused.Add(1)
				}
			}
		})
	}
	adders.Wait()
	q.Stop(context.Background())
	if ran.Load()+refused.Load() != 16000 || len(q.groups) != 0 || !q.Quiet() {
		t.Errorf("%d ran, %d refused, %d groups are left",
			ran.Load(), refused.Load(), len(q.groups))
	}
}
