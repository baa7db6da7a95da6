package client

import (
	"sync"

	"github.com/smartsocket/smartsocket/internal/registry"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

// job is one task of the dispatcher: an event of the server, a lifecycle event, or
// a function.
type job struct {
	run  func()       // nil for events
	name []byte       // of the event
	d    Data         // its data
	buf  *pool.Buffer // holds name and data of an event of the server, else nil
	ack  Ack

	begun bool
	early bool                     // it was held once, see early
	entry *registry.Entry[Handler] // the event's handlers
	next  int                      // the first of them that has not run yet
}

// dispatcher runs jobs in order on a goroutine that exists only while there are any.
type dispatcher struct {
	mu      sync.Mutex
	room    sync.Cond
	jobs    *jobList // nil = none
	bytes   int
	running bool
	open    bool // false: the reader no longer waits for room

	batch *jobList // the jobs in work, from next on, nil = none; only for the goroutine
	next  int
}

// jobList is a list of jobs. Dispatchers without work have none.
type jobList struct{ list []job }

// jobLists has the empty lists of all clients.
var jobLists = sync.Pool{New: func() any { return new(jobList) }}

// maxPooledJobs is the length of the longest list that is kept for another client.
const maxPooledJobs = 4096

// len is the number of jobs in b, which may be nil.
func (b *jobList) len() int {
	if b == nil {
		return 0
	}
	return len(b.list)
}

// add appends a job. mu is held.
func (q *dispatcher) add(c *Client, j job) {
	if q.jobs == nil {
		q.jobs = jobLists.Get().(*jobList)
	}
	q.jobs.list = append(q.jobs.list, j)
	if !q.running {
		q.running = true
		go c.work()
	}
}

// Bounds of the jobs that wait for handlers. Beyond them the reader stops reading.
const (
	maxJobs     = 64 << 10
	maxJobBytes = 64 << 20
)

// post appends a job and does not wait.
func (c *Client) post(j job) {
	q := &c.queue
	q.mu.Lock()
	q.add(c, j)
	q.mu.Unlock()
}

// setOpen says whether the reader may wait for handlers.
func (q *dispatcher) setOpen(open bool) {
	q.mu.Lock()
	q.open = open
	q.room.Broadcast()
	q.mu.Unlock()
}

// deliver hands an event of the server to the dispatcher, with a copy of its data.
// It waits while too many jobs are queued, so that the server slows down or drops us.
func (c *Client) deliver(l *link, m *message.Message) {
	b := pool.Get(len(m.Event) + len(m.Payload))
	b.B = append(append(b.B, m.Event...), m.Payload...)
	j := job{
		buf:  b,
		name: b.B[:len(m.Event)],
		d:    Data{b: b.B[len(m.Event):], binary: m.Flags&message.FlagBinary != 0},
	}
	if m.Flags&message.FlagAck != 0 {
		j.ack = Ack{&ackCall{on: l, id: m.AckID}}
	}
	q := &c.queue
	q.mu.Lock()
	for q.open && (q.jobs.len() >= maxJobs || q.bytes >= maxJobBytes) {
		q.room.Wait()
	}
	q.add(c, j)
	q.bytes += len(b.B)
	q.mu.Unlock()
}

// work runs jobs until there are none. A handler may end this goroutine with
// runtime.Goexit or a test's FailNow. Then a new goroutine continues behind it.
func (c *Client) work() {
	over := false
	defer func() {
		if !over {
			go c.work()
		}
	}()
	for c.step() {
	}
	over = true
}

// step runs the rest of one job and reports whether there may be more jobs.
func (c *Client) step() bool {
	if c.stepEarly() {
		return true
	}
	q := &c.queue
	if q.next == q.batch.len() && !q.refill() {
		return false
	}
	j := &q.batch.list[q.next]
	c.do(j)
	*j = job{}
	q.next++
	return true
}

// refill takes the jobs that have come, or reports that there are none and work is over.
func (q *dispatcher) refill() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	done := q.batch
	if done != nil {
		done.list = done.list[:0]
	}
	q.batch, q.next = nil, 0
	if q.jobs.len() == 0 {
		for _, b := range [...]*jobList{q.jobs, done} {
			if b != nil && cap(b.list) <= maxPooledJobs {
				jobLists.Put(b)
			}
		}
		q.jobs, q.running = nil, false
		return false
	}
	q.batch, q.jobs = q.jobs, done
	q.bytes = 0
	q.room.Broadcast()
	return true
}

// do runs one job, or continues one whose handler ended the goroutine.
func (c *Client) do(j *job) {
	if !j.begun {
		j.begun = true
		c.raising = j.buf == nil && string(j.name) == EventError
		if j.run != nil {
			c.invoke(func(Data, Ack) { j.run() }, Data{}, Ack{})
			return
		}
		j.entry = c.handlers.Find(j.name)
		if j.buf != nil && !j.early {
			c.observe(j)
		}
		if j.entry != nil && j.buf != nil && !j.early {
			for c.stepEarly() { // a handler may have come since step looked
			}
		}
		if j.entry == nil && j.buf != nil {
			if c.hold(j) {
				return
			}
			c.stats.unhandled.Add(1)
			if j.ack.Requested() {
				j.ack.Fail(&Error{
					Code:    message.CodeNoHandler,
					Message: message.ErrNoHandler.Message,
					Event:   string(j.name),
				})
			}
		}
	}
	for j.next < j.entry.Len() {
		h, ok := j.entry.Take(j.next)
		j.next++ // first, since h may end this goroutine
		if ok {
			c.invoke(h, j.d, j.ack)
		}
	}
	if j.buf != nil {
		pool.Put(j.buf)
	}
}

// invoke runs the user's code. If it panics or ends its goroutine, contain deals with it.
func (c *Client) invoke(f Handler, d Data, ack Ack) {
	returned := false
	defer func() {
		if !returned {
			c.contain(recover(), ack)
		}
	}()
	f(d, ack)
	returned = true
}

// contain deals with a handler that panicked with p, or that ended its goroutine if p is nil.
func (c *Client) contain(p any, ack Ack) {
	what := "a handler ended its goroutine"
	if p != nil {
		what = "a handler panicked: " + describe(p)
	}
	c.opts.Logger.Error(what)
	if !c.raising {
		c.raise(&Error{Code: message.CodeHandlerFailed, Message: what})
	}
	ack.Fail(message.ErrHandlerFailed)
}

func describe(p any) string {
	switch p := p.(type) {
	case error:
		return p.Error()
	case string:
		return p
	}
	return "a value that is no text"
}

// fire queues the handlers of a lifecycle event.
func (c *Client) fire(event string, d Data) {
	c.post(job{name: []byte(event), d: d})
}

// raise tells the "error" handlers about an error that no call returns.
func (c *Client) raise(e *Error) {
	if c.opts.EnableErrorHandling == Disabled {
		c.opts.Logger.Error("error", "code", string(e.Code), "error", e.Message)
		return
	}
	c.opts.Logger.Debug("error", "code", string(e.Code), "error", e.Message)
	c.fire(EventError, Data{b: message.AppendErrorJSON(nil, e), info: e})
}
