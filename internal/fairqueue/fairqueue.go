// Package fairqueue runs jobs of many groups on goroutines of its own, so that no group keeps
// another one waiting: a group with many jobs gets one turn like every other, and only a share of
// the goroutines.
//
// Queue.mu guards the groups. mailbox.Workers.mu is taken under it. Jobs run without locks.
package fairqueue

import (
	"context"
	"sync"

	"github.com/smartsocket/smartsocket/internal/mailbox"
)

// Queue has the jobs. Make one with New. Its methods may be called concurrently; jobs run without
// its lock.
type Queue[K comparable] struct {
	workers *mailbox.Workers
	share   int // goroutines of one group at most
	most    int // jobs of one group that wait at most

	mu     sync.Mutex
	groups map[K]*group[K]
}

// group is what waits of one group. It is in the table while it has runners.
type group[K comparable] struct {
	q       *Queue[K]
	key     K
	jobs    []func()
	runners int // in the workers' queue or at work
}

// New makes a Queue that starts up to workers goroutines, of which one group has at most a quarter.
// At most most jobs of one group wait.
func New[K comparable](workers, most int) *Queue[K] {
	return &Queue[K]{
		workers: mailbox.NewWorkers(workers), share: max(workers/4, 1), most: most,
		groups: make(map[K]*group[K]),
	}
}

// Add queues a job, which must not panic. It reports false if too many of its group wait already.
func (q *Queue[K]) Add(key K, job func()) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	g := q.groups[key]
	if g == nil {
		g = &group[K]{q: q, key: key}
		q.groups[key] = g
	}
	if len(g.jobs) >= q.most {
		return false
	}
	g.jobs = append(g.jobs, job)
	if g.runners < q.share {
		g.runners++
		q.workers.Add(&runner[K]{g})
	}
	return true
}

// Quiet reports whether nothing runs and nothing waits.
func (q *Queue[K]) Quiet() bool { return q.workers.Quiet() }

// Stop lets the goroutines finish what waits, see mailbox.Workers.Stop.
func (q *Queue[K]) Stop(ctx context.Context) bool { return q.workers.Stop(ctx) == 0 }

// runner is one turn of a group among all others.
type runner[K comparable] struct{ g *group[K] }

// Work implements mailbox.Runner.
func (r *runner[K]) Work() (more bool) {
	if job := r.g.take(); job != nil {
		job()
	}
	return r.g.goOn()
}

// take takes the oldest job, nil if another runner has taken it.
func (g *group[K]) take() (job func()) {
	g.q.mu.Lock()
	defer g.q.mu.Unlock()
	if len(g.jobs) > 0 {
		job, g.jobs[0] = g.jobs[0], nil
		g.jobs = g.jobs[1:]
	}
	return job
}

// goOn ends a runner that has nothing more to do.
func (g *group[K]) goOn() bool {
	g.q.mu.Lock()
	defer g.q.mu.Unlock()
	if len(g.jobs) > 0 {
		return true
	}
	if g.runners--; g.runners == 0 {
		delete(g.q.groups, g.key)
	}
	return false
}
