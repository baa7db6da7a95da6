package smartsocket

import (
	"context"
	"errors"
	"sync"

	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
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

// job is one thing to do for a socket on a pooled goroutine. It is copied in and
// out of the mailbox, so it is kept small.
type job struct {
	ns, own  *entry
	payload  *pool.Buffer // owned; nil = no data
	rare     *rareJob     // nil for jobEvent and jobConnected
	ackID    uint64
	name     string // of an event whose handlers are still to be found, see event
	kind     jobKind
	binary   bool // the payload is raw bytes
	counted  bool // in Socket.waiting
	wantsAck bool
}

// rareJob is what the rare kinds of job need. Each kind has its own field.
type rareJob struct {
	reason  Reason       // jobDisconnected
	limited *Error       // jobLimited
	request *AuthRequest // jobAuthenticate
	heir    *Socket      // jobHandOver: whose events may run now
}

// turn is what a goroutine needs while it does one job after the other: the job
// and the body that the handlers' Data points to.
type turn struct {
	job  job
	data body
}

var turns = sync.Pool{New: func() any { return new(turn) }}

// mailBatch is how many jobs of one socket run before another socket has its turn.
const mailBatch = 32

// post queues j behind the socket's other work. It reports false when the
// mailbox is full, and takes j otherwise; lifecycle jobs always fit.
func (s *Socket) post(j job) bool {
	n := 0
	if j.payload != nil {
		n = len(j.payload.B)
	}
	ok, wake := s.mail.Post(j, n, j.kind != jobEvent)
	if wake {
		s.srv.workers.Add((*worker)(s))
	}
	return ok
}

// worker is a Socket as mailbox.Workers see it: the same memory, with Work
// instead of the user's methods. At most one goroutine works on a socket at a
// time, so handlers of one socket never run concurrently with each other (Inline
// handlers aside).
type worker Socket

// Work runs a batch of the socket's jobs; true means that there is more. What
// several of them send to the socket leaves together, or earlier if one takes long.
func (w *worker) Work() (more bool) {
	s := (*Socket)(w)
	if s.mail.Several() {
		s.ws.Gather()
		defer s.ws.Flush()
	}
	t := turns.Get().(*turn)
	more = s.work(t)
	*t = turn{}
	turns.Put(t)
	return more
}

// work does up to mailBatch jobs.
func (s *Socket) work(t *turn) (more bool) {
	for range mailBatch {
		if !s.mail.Take(&t.job) {
			return false
		}
		s.do(t)
		t.data = body{}
	}
	return true
}

// do does t's job.
func (s *Socket) do(t *turn) {
	j := &t.job
	switch j.kind {
	case jobConnected:
		s.fire(pickConnected, Data{})
		s.ws.Post(func() { s.greeted = true })
	case jobHandOver:
		j.rare.heir.goOn()
	case jobDisconnected:
		s.gone(j.rare.reason)
	case jobAuthenticate:
		s.runAuthenticate(*j.rare.request)
	case jobLimited:
		t.data.info = j.rare.limited
		s.fire(pickLimited, Data{&t.data})
	case jobEvent:
		s.doEvent(t)
	}
}

func (s *Socket) doEvent(t *turn) {
	j := &t.job
	var ack Ack
	if j.wantsAck {
		ack = newAck(s, j.ackID)
	}
	t.data.binary = j.binary
	if j.payload != nil {
		t.data.b = j.payload.B
	}
	if j.name != "" {
		j.ns, j.own = s.handlersOf([]byte(j.name))
	}
	if j.ns == nil && j.own == nil {
		s.nobodyHandles(j, ack)
	} else {
		s.handle(j.ns, j.own, Data{&t.data}, ack)
	}
	if j.counted {
		s.waiting.Add(-1)
	}
	if j.payload != nil {
		pool.Put(j.payload)
	}
}

// follow lets the handlers of s wait for those of the session's earlier socket,
// so that its events stay in order over a resume. The session's lock is held.
func (s *Socket) follow(old *Socket) {
	if !old.dispatching && old.mail.Idle() {
		return
	}
	s.waiting.Add(1) // inline handlers wait too
	s.mail.Hold()
	if old.dispatching {
		old.heir = s // its loop hands over behind the event that it is at
	} else {
		old.post(job{kind: jobHandOver, rare: &rareJob{heir: s}})
	}
}

// goOn ends the wait of follow.
func (s *Socket) goOn() {
	wake := s.mail.Release()
	s.waiting.Add(-1)
	if wake {
		s.srv.workers.Add((*worker)(s))
	}
}

// nobodyHandles is unhandled for an event that waited.
func (s *Socket) nobodyHandles(j *job, ack Ack) {
	s.srv.counters.unhandled.Add(1)
	// Not Fail, which would be a handler's answer: a resend on a resumed session may find one.
	if asked, id, ok := ack.take(); ok {
		asked.nack(id, &Error{
			Code:    message.CodeNoHandler,
			Message: "no handler for this event in the namespace " + s.ns.path,
			Event:   j.name,
		})
	}
}

// stopWorkers lets the handlers that run or wait finish, until ctx ends.
func (v *Server) stopWorkers(ctx context.Context) error {
	if v.workers.Stop(ctx) {
		return nil
	}
	return errors.New("smartsocket: handlers were still running at shutdown")
}
