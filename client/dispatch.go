package client

import (
	"sync"

	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

// job is one thing for the dispatcher: an event, or a function.
type job struct {
	run  func()
	buf  *pool.Buffer // event name and payload; nil for a function
	name int          // length of the name
	d    Data         // its bytes are in buf
	ack  Ack
}

// dispatcher runs jobs in order on a goroutine that exists while there are any.
type dispatcher struct {
	mu      sync.Mutex
	room    sync.Cond
	jobs    []job
	bytes   int
	running bool
	open    bool // false: the reader does not wait for room any more
}

// Bounds of what waits for handlers: the reader stops reading beyond them.
const (
	maxJobs     = 64 << 10
	maxJobBytes = 64 << 20
)

// post appends a job and does not wait.
func (c *Client) post(j job) {
	q := &c.queue
	q.mu.Lock()
	q.jobs = append(q.jobs, j)
	q.start(c)
	q.mu.Unlock()
}

// start makes sure that somebody works; mu is held.
func (q *dispatcher) start(c *Client) {
	if !q.running {
		q.running = true
		go c.work()
	}
}

// setOpen says whether the reader may wait for handlers.
func (q *dispatcher) setOpen(open bool) {
	q.mu.Lock()
	q.open = open
	q.room.Broadcast()
	q.mu.Unlock()
}

// deliver hands an event of the server to the dispatcher. It waits while too
// much is waiting already, which makes the server slow down or drop us.
func (c *Client) deliver(s *session, m *message.Message) {
	b := pool.Get(len(m.Event) + len(m.Payload))
	b.B = append(append(b.B, m.Event...), m.Payload...)
	j := job{buf: b, name: len(m.Event), d: Data{b: b.B[len(m.Event):], binary: m.Flags&message.FlagBinary != 0}}
	if m.Flags&message.FlagAck != 0 {
		j.ack = Ack{&ackCall{s: s, id: m.AckID}}
	}
	q := &c.queue
	q.mu.Lock()
	for q.open && (len(q.jobs) >= maxJobs || q.bytes >= maxJobBytes) {
		q.room.Wait()
	}
	q.jobs = append(q.jobs, j)
	q.bytes += len(b.B)
	q.start(c)
	q.mu.Unlock()
}

// work runs jobs until there are none.
func (c *Client) work() {
	q := &c.queue
	var batch []job
	for {
		q.mu.Lock()
		if len(q.jobs) == 0 {
			q.running = false
			q.mu.Unlock()
			return
		}
		batch, q.jobs = q.jobs, batch[:0]
		q.bytes = 0
		q.room.Broadcast()
		q.mu.Unlock()
		for i := range batch {
			c.do(&batch[i])
			batch[i] = job{}
		}
	}
}

// do runs one job.
func (c *Client) do(j *job) {
	if j.buf == nil {
		defer c.contain(Ack{})
		j.run()
		return
	}
	name := j.buf.B[:j.name]
	if !c.call(name, j.d, j.ack) {
		c.stats.unhandled.Add(1)
		if j.ack.Requested() {
			j.ack.Fail(&Error{Code: message.CodeNoHandler, Message: message.ErrNoHandler.Message, Event: string(name)})
		}
	}
	pool.Put(j.buf)
}

// call runs all handlers of an event and reports whether there was one.
func (c *Client) call(event []byte, d Data, ack Ack) bool {
	list := c.handlers.of(event)
	for _, h := range list {
		if h.once {
			if h.ran.Swap(true) {
				continue
			}
			c.handlers.remove(event, h)
		}
		c.invoke(h.f, d, ack)
	}
	return len(list) > 0
}

func (c *Client) invoke(f Handler, d Data, ack Ack) {
	defer c.contain(ack)
	f(d, ack)
}

// contain ends a panic of the user's code.
func (c *Client) contain(ack Ack) {
	p := recover()
	if p == nil {
		return
	}
	ack.Fail(message.ErrHandlerFailed)
	c.opts.Logger.Error("a handler panicked", "panic", describe(p))
	if !c.raising {
		c.raise(&Error{Code: message.CodeHandlerFailed, Message: "a handler panicked: " + describe(p)})
	}
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

// fire runs the handlers of a lifecycle event in their turn.
func (c *Client) fire(event string, d Data) {
	c.post(job{run: func() {
		c.raising = event == EventError
		c.call([]byte(event), d, Ack{})
		c.raising = false
	}})
}

// raise tells the "error" handlers of an error that no call returns.
func (c *Client) raise(e *Error) {
	if c.opts.EnableErrorHandling == Disabled {
		c.opts.Logger.Error("error", "code", string(e.Code), "error", e.Message)
		return
	}
	c.opts.Logger.Debug("error", "code", string(e.Code), "error", e.Message)
	c.fire(EventError, Data{b: message.AppendErrorJSON(nil, e), info: e})
}
