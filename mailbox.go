package smartsocket

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

// A mailbox keeps one socket's work for pooled goroutines, in order. At most one
// goroutine works on a socket at a time, so handlers of one socket never run
// concurrently with each other (Inline handlers aside).
type mailbox struct {
	mu      sync.Mutex
	head    *job
	tail    *job
	next    *Socket // in the workers' ready list
	count   int32
	bytes   int32
	running bool // in the ready list or in a worker's hands
	gated   bool // nobody takes anything yet, see follow
}

// The bounds of a mailbox; what is over them is refused with ERR_RATE_001.
const (
	maxMailCount = 8192
	maxMailBytes = 4 << 20
	// mailBatch is how many jobs of one socket run before another socket has its turn.
	mailBatch = 32
)

type jobKind uint8

const (
	jobEvent jobKind = iota
	jobConnected
	jobDisconnected
	jobLimited
	jobAuthenticate
	jobHandOver
)

// job is one thing to do for a socket.
type job struct {
	next     *job
	ns, own  *entry
	payload  *pool.Buffer // owned; nil = no data
	data     body         // around payload; info is the Reason of jobDisconnected, the *Error of jobLimited, the AuthRequest of jobAuthenticate, the *Socket of jobHandOver
	ackID    uint64
	name     string // of an event that came before the connected handlers were done: its handlers are still to be found
	kind     jobKind
	counted  bool // in Socket.waiting
	wantsAck bool
}

var jobs = sync.Pool{New: func() any { return new(job) }}

// post queues j behind the socket's other work. It reports false when the
// mailbox is full; lifecycle jobs always fit.
func (s *Socket) post(j job) bool {
	n := 0
	if j.payload != nil {
		n = len(j.payload.B)
	}
	m := &s.mail
	m.mu.Lock()
	if j.kind == jobEvent && (m.count >= maxMailCount || int(m.bytes)+n > maxMailBytes && m.count > 0) {
		m.mu.Unlock()
		return false
	}
	p := jobs.Get().(*job)
	*p = j
	if m.tail == nil {
		m.head = p
	} else {
		m.tail.next = p
	}
	m.tail = p
	m.count++
	m.bytes += int32(n)
	wake := !m.running && !m.gated
	m.running = m.running || wake
	m.mu.Unlock()
	if wake {
		s.srv.workers.add(s)
	}
	return true
}

func (s *Socket) mailEmpty() bool {
	s.mail.mu.Lock()
	defer s.mail.mu.Unlock()
	return !s.mail.running && !s.mail.gated
}

// several reports whether more than one job waits.
func (m *mailbox) several() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.count > 1
}

// take removes the oldest job, or marks the mailbox idle and returns nil.
func (m *mailbox) take() *job {
	m.mu.Lock()
	defer m.mu.Unlock()
	j := m.head
	if j == nil || m.gated {
		m.running = false
		return nil
	}
	if m.head = j.next; m.head == nil {
		m.tail = nil
	}
	m.count--
	if j.payload != nil {
		m.bytes -= int32(len(j.payload.B))
	}
	return j
}

// work runs a batch of the socket's jobs; true means that there is more. What
// several of them send to the socket leaves together, or earlier if one takes long.
func (s *Socket) work() bool {
	if s.mail.several() {
		s.ws.Gather()
		defer s.ws.Flush()
	}
	for range mailBatch {
		j := s.mail.take()
		if j == nil {
			return false
		}
		s.do(j)
		*j = job{}
		jobs.Put(j)
	}
	return true
}

func (s *Socket) do(j *job) {
	switch j.kind {
	case jobConnected:
		s.fire(eventConnected, Data{})
		s.ws.Post(func() { s.greeted = true })
	case jobHandOver:
		j.data.info.(*Socket).goOn()
	case jobDisconnected:
		s.gone(j.data.info.(Reason))
	case jobAuthenticate:
		s.runAuthenticate(j.data.info.(AuthRequest))
	case jobLimited:
		s.fire(eventLimited, Data{&j.data})
	case jobEvent:
		var ack Ack
		if j.wantsAck {
			ack = newAck(s, j.ackID)
		}
		if j.payload != nil {
			j.data.b = j.payload.B
		}
		if j.name != "" {
			j.ns, j.own = s.handlersOf([]byte(j.name))
		}
		if j.ns == nil && j.own == nil {
			s.nobodyHandles(j, ack)
		} else {
			s.handle(j.ns, j.own, Data{&j.data}, ack)
		}
		if j.counted {
			s.waiting.Add(-1)
		}
		if j.payload != nil {
			pool.Put(j.payload)
		}
	}
}

// follow lets the handlers of s wait for those of the session's earlier socket,
// so that its events stay in order over a resume. The session's lock is held.
func (s *Socket) follow(old *Socket) {
	if !old.dispatching && old.mailEmpty() {
		return
	}
	s.waiting.Add(1) // inline handlers wait too
	s.mail.mu.Lock()
	s.mail.gated = true
	s.mail.mu.Unlock()
	if old.dispatching {
		old.heir = s // its loop hands over behind the event that it is at
	} else {
		old.post(job{kind: jobHandOver, data: body{info: s}})
	}
}

// goOn ends the wait of follow.
func (s *Socket) goOn() {
	m := &s.mail
	m.mu.Lock()
	m.gated = false
	wake := m.head != nil && !m.running
	m.running = m.running || wake
	m.mu.Unlock()
	s.waiting.Add(-1)
	if wake {
		s.srv.workers.add(s)
	}
}

// nobodyHandles is unhandled for an event that waited.
func (s *Socket) nobodyHandles(j *job, ack Ack) {
	s.srv.counters.unhandled.Add(1)
	// Not Fail, which would be a handler's answer: sent again on a resumed session, the event may find one.
	if asked, id, ok := ack.take(); ok {
		asked.nack(id, &Error{Code: message.CodeNoHandler, Message: "no handler for this event in the namespace " + s.ns.path, Event: j.name})
	}
}

// workers is a bounded set of goroutines that run the mailboxes. Goroutines are
// started when there is work and nobody idle, and stay until the server stops.
type workers struct {
	mu      sync.Mutex
	wake    sync.Cond
	head    *Socket
	tail    *Socket
	idle    int
	started int
	max     int
	stopped bool
	done    sync.WaitGroup
}

func newWorkers(n int) *workers {
	w := &workers{max: n}
	w.wake.L = &w.mu
	return w
}

// add puts a socket with work at the end of the ready list.
func (w *workers) add(s *Socket) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s.mail.next = nil
	if w.tail == nil {
		w.head = s
	} else {
		w.tail.mail.next = s
	}
	w.tail = s
	switch {
	case w.idle > 0:
		w.idle--
		w.wake.Signal()
	case w.started < w.max && !w.stopped:
		w.started++
		w.done.Add(1)
		go w.run()
	}
}

func (w *workers) run() {
	defer w.done.Done()
	for {
		w.mu.Lock()
		for w.head == nil {
			if w.stopped {
				w.mu.Unlock()
				return
			}
			w.idle++
			w.wake.Wait()
		}
		s := w.head
		if w.head = s.mail.next; w.head == nil {
			w.tail = nil
		}
		w.mu.Unlock()
		if s.work() {
			w.add(s)
		}
	}
}

// quiet reports whether nothing runs and nothing waits.
func (w *workers) quiet() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.head == nil && w.idle == w.started
}

// stop lets the goroutines finish what is queued and waits for them until ctx ends.
func (w *workers) stop(ctx context.Context) error {
	w.mu.Lock()
	w.stopped = true
	w.idle = 0
	w.wake.Broadcast()
	w.mu.Unlock()
	done := make(chan struct{})
	go func() {
		w.done.Wait()
		close(done)
	}()
	grace := time.NewTimer(10 * time.Millisecond) // ctx may be over while nothing runs
	defer grace.Stop()
	select {
	case <-done:
		return nil
	case <-grace.C:
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return errors.New("smartsocket: handlers were still running at shutdown")
	}
}
