package client

import (
	"sync/atomic"
	"time"
)

// early holds events that came right after Connect, before the application had
// registered their handlers: a server may send a welcome at once, and then On loses
// the race against it. Only the dispatcher's goroutine uses it, except holding.
//
// The dispatcher looks again when a handler is registered, when the time of grace ends,
// and before it runs an event that came later, which keeps the order.
type early struct {
	until   time.Time // when the time of grace ends
	jobs    []job
	bytes   int
	holding atomic.Bool // there are jobs
}

const (
	earlyTime     = time.Second // after Connect
	maxEarly      = 256
	maxEarlyBytes = 256 << 10
)

// allowEarly begins the time of grace, behind the jobs that are queued.
func (c *Client) allowEarly() {
	c.post(job{run: func() { c.early.until = c.clock.Now().Add(earlyTime) }})
}

// hold keeps an event without a handler for later, within the bounds, and reports
// whether it did. It then owns the job's buffer.
func (c *Client) hold(j *job) bool {
	e := &c.early
	if j.early || len(e.jobs) >= maxEarly || e.bytes+len(j.buf.B) > maxEarlyBytes ||
		!c.clock.Now().Before(e.until) {
		return false
	}
	e.bytes += len(j.buf.B)
	e.jobs = append(e.jobs, *j)
	held := &e.jobs[len(e.jobs)-1]
	held.early, held.begun = true, false
	if !e.holding.Swap(true) {
		c.clock.AfterFunc(max(e.until.Sub(c.clock.Now()), 0), c.lookEarly)
	}
	if c.handlers.Find(j.name) != nil { // registered before we were holding
		c.lookEarly()
	}
	return true
}

// lookEarly lets the dispatcher look at what is held.
func (c *Client) lookEarly() {
	if c.early.holding.Load() {
		c.post(job{run: func() {}})
	}
}

// stepEarly runs one held event that has a handler by now, or whose time is over. It
// reports whether there was one.
func (c *Client) stepEarly() bool {
	e := &c.early
	if len(e.jobs) == 0 {
		return false
	}
	over := !c.clock.Now().Before(e.until)
	for i := range e.jobs {
		j := &e.jobs[i]
		if !j.begun && !over && c.handlers.Find(j.name) == nil {
			continue
		}
		n := len(j.buf.B)
		c.do(j) // may end this goroutine; then the job is still here, and goes on
		e.bytes -= n
		last := len(e.jobs) - 1
		copy(e.jobs[i:], e.jobs[i+1:])
		e.jobs[last] = job{}
		e.jobs = e.jobs[:last]
		e.holding.Store(last > 0)
		return true
	}
	return false
}
