package client

import "time"

// early holds events that came right after Connect, before the application had
// registered their handlers: a server may send a welcome at once, and then On loses
// the race against it. Only the dispatcher's goroutine uses it.
//
// Registering a handler does not wake the dispatcher, so it looks again before each
// job, which keeps the order, and every earlyLook while something is held.
type early struct {
	until time.Time // when the time of grace ends
	jobs  []job
	bytes int
	looks bool // a timer is running
}

const (
	earlyTime     = time.Second // after Connect
	earlyLook     = 10 * time.Millisecond
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
	c.lookLater()
	return true
}

// lookLater wakes the dispatcher after earlyLook, as long as something is held.
func (c *Client) lookLater() {
	e := &c.early
	if e.looks || len(e.jobs) == 0 {
		return
	}
	e.looks = true
	c.clock.AfterFunc(earlyLook, func() {
		c.post(job{run: func() {
			e.looks = false
			c.lookLater()
		}})
	})
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
		return true
	}
	return false
}
