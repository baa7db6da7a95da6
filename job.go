package smartsocket

import (
	"sync"

	"github.com/smartsocket/smartsocket/internal/metrics"
	"github.com/smartsocket/smartsocket/internal/outgoing"
	"github.com/smartsocket/smartsocket/internal/refusal"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

// jobTurn is how many jobs of one socket run before another socket has its turn, while it is here.
const jobTurn = 32

// post queues j behind the socket's other jobs. It returns false for an event that does not fit.
func (s *Socket) post(j job) bool {
	n := 0
	if j.payload != nil {
		n = len(j.payload.B)
		if !s.srv.memory.Take(n) {
			return false
		}
	}
	ok, wake := s.mail.Post(j, n, j.kind != jobEvent)
	if !ok {
		s.srv.memory.Give(n)
	}
	if wake {
		s.srv.workers.Add((*worker)(s))
	}
	return ok
}

// tell does a lifecycle job at once if all of its handlers are inline and nothing else waits, and
// queues it otherwise. It runs on the loop of the link that holds the session.
func (s *Socket) tell(j job) {
	if s.mail.Idle() && s.inline(j.kind) {
		s.do(&j)
		return
	}
	s.post(j)
}

// arrived tells the connected handlers of a link that has opened. The client's events wait until
// they are done, because these handlers may register others.
func (s *Socket) arrived(l *link) {
	j := job{kind: jobConnected, serial: uint32(l.serial)}
	if s.mail.Idle() && s.inline(jobConnected) {
		s.do(&j)
		l.announced = true
		return
	}
	j.link = l
	s.post(j)
}

// inline reports whether all handlers of a lifecycle job are inline.
func (s *Socket) inline(k jobKind) bool {
	switch k {
	case jobConnected:
		_, inline := s.has(eventConnected)
		return inline
	case jobLeft:
		_, inline := s.has(eventDisconnected)
		_, ended := s.has(eventEnded)
		return inline && ended
	}
	return false
}

// worker is a Socket as the goroutines that do its jobs see it: the same memory.
type worker Socket

// Work implements mailbox.Runner. What a turn sends leaves in one write at its end, or earlier if
// the turn takes long.
func (w *worker) Work() (more bool) {
	s := (*Socket)(w)
	l := s.link.Load()
	l.ws.Gather()
	defer l.ws.Flush()
	j := turns.Get().(*job)
	defer func() { // also when a handler ends this goroutine: then Work is called again
		*j = job{}
		turns.Put(j)
	}()
	for n := 0; n < jobTurn && (n == 0 || l.isOpen()); n++ { // who is gone lets others pass
		if !s.mail.Take(j) {
			return false
		}
		s.do(j)
		*j = job{}
	}
	return true
}

// turns has memory for the jobs that goroutines are working on. It is not on their stacks, because
// handlers are given pointers into it.
var turns = sync.Pool{New: func() any { return new(job) }}

// do does one job. j is borrowed.
func (s *Socket) do(j *job) {
	switch j.kind {
	case jobEvent:
		s.doEvent(j)
	case jobConnected:
		s.told.Store(j.serial)
		if l := j.link; l != nil {
			defer l.ws.Post(func() { l.announced = true })
		}
		s.fire(eventConnected, Data{})
	case jobLeft:
		s.gone(j)
	case jobEnded:
		s.over(*j.reason)
	case jobElse:
		j.data.info.(func())()
	case jobLimited:
		j.data.info = j.notice
		s.fire(eventLimited, Data{&j.data})
	}
}

// doEvent runs the handlers of an event that waited.
func (s *Socket) doEvent(j *job) {
	defer s.done(j)
	if j.payload != nil {
		j.data.B = j.payload.B
	}
	h := j.handlers
	if j.name != "" {
		h = s.handlersOf([]byte(j.name))
	}
	var ack Ack
	if j.wantsAck && !h.None() {
		ack = newAck(s, j.ackID, h.Event())
	}
	if h.None() {
		m := message.Message{Kind: message.KindEvent, Event: []byte(j.name)}
		if j.wantsAck {
			m.Flags, m.AckID = message.FlagAck, j.ackID
		}
		s.link.Load().refuse(&m, s.unhandled(j.name))
	} else {
		s.running.Store(h.First())
		defer s.running.Store(nil) // also when a handler ends this goroutine
		if j.since == 0 {
			s.handle(h, Data{&j.data}, ack)
			return
		}
		began := s.srv.sinceStart()
		s.srv.measures.Waiting.AddN(began-j.since, metrics.EveryQueued)
		s.handle(h, Data{&j.data}, ack)
		s.srv.measures.Queued.AddN(s.srv.sinceStart()-began, metrics.EveryQueued)
	}
}

// Receive is for package smartsockettest. It runs the handlers of an event that the client of s, a
// captive socket, sends, on the caller's goroutine. An ackID of 0 asks for no answer. data is
// borrowed.
func (*Namespace) Receive(s *Socket, event string, ackID uint64, data []byte, binary bool) {
	s.doEvent(&job{kind: jobEvent, name: event, ackID: ackID, wantsAck: ackID != 0,
		data: body{Payload: outgoing.Payload{B: data, Binary: binary}}})
}

// handle asks the middlewares about an event, and runs its handlers.
func (s *Socket) handle(h handlers, d Data, ack Ack) {
	event := h.Event()
	// This is checked here and not when the event arrived, because a connected handler that calls
	// RequireAuth may still have been running then.
	if s.auth.Load() == authMissing && event != AuthEvent {
		s.fail(event, ack, refusal.ErrAuthFirst)
		return
	}
	if !h.Fit(len(d.Bytes())) {
		s.fail(event, ack, refusal.ErrOverMax)
		return
	}
	if err := s.passes(event, d, ack); err != nil {
		s.reject(event, ack, err)
		return
	}
	outer := outermost{s.srv.interceptors.Now(), s.ns.interceptors.Now()}
	s.run(h.Many, d, ack, outer)
	s.run(h.Own, d, ack, outer)
}

// done gives back what belongs to an event that waited.
func (s *Socket) done(j *job) {
	if j.counted {
		s.waiting.Add(-1)
	}
	if j.payload != nil {
		s.srv.memory.Give(len(j.payload.B))
		pool.Put(j.payload)
	}
}

// discard drops the events that wait. Their sender is lost and will not get an answer.
func (s *Socket) discard() {
	n := int64(0)
	s.mail.Discard(func(j *job) bool {
		if j.kind != jobEvent {
			return false
		}
		n++
		s.done(j)
		return true
	})
	s.srv.counters.discarded.Add(n)
}
