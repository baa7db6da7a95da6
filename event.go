package smartsocket

import (
	"github.com/smartsocket/smartsocket/internal/departure"
	"github.com/smartsocket/smartsocket/internal/ledger"
	"github.com/smartsocket/smartsocket/internal/metrics"
	"github.com/smartsocket/smartsocket/internal/refusal"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

// event takes one EVENT on the loop. Its handlers run here, or a copy waits in the mailbox.
func (l *link) event(m *message.Message) {
	l.srv.journal.Received(l.s.ID(), l.ns.path, m)
	h, no := l.judge(m)
	if !no.None() {
		l.refuse(m, no)
		return
	}
	s := l.s
	if l.announced && h.Inline() && s.waiting.Load() == 0 {
		l.runInline(h, m)
		return
	}
	j := job{kind: jobEvent, handlers: h, data: body{Payload: payloadOf(m)}}
	if l.srv.loops[l.ws.Loop()].sampler.Queued() {
		j.since = l.srv.sinceStart()
	}
	j.counted = !l.announced || h.Inline()
	if !l.announced {
		j.name = string(m.Event) // the connected handlers may still register handlers of it
	}
	if m.Flags&message.FlagAck != 0 {
		j.ackID, j.wantsAck = m.AckID, true
	}
	j.data.B = nil // it is copied
	if len(m.Payload) > 0 {
		j.payload = pool.Get(len(m.Payload))
		j.payload.B = append(j.payload.B, m.Payload...)
	}
	if j.counted {
		s.waiting.Add(1)
	}
	if s.post(j) {
		return
	}
	if j.counted {
		s.waiting.Add(-1)
	}
	if j.payload != nil {
		pool.Put(j.payload)
	}
	l.refuse(m, refusal.Refusal{
		Err: refusal.ErrMailboxFull, Follow: refusal.Told | refusal.Unasked,
		Counter: &l.srv.counters.overflows,
	})
}

// judge finds the handlers of an event, or why none of them will see it.
func (l *link) judge(m *message.Message) (handlers, refusal.Refusal) {
	wanted := m.Flags&message.FlagAck != 0
	if wanted && l.s.kept != nil {
		if no := l.askedBefore(m.AckID); !no.None() {
			return handlers{}, no
		}
	}
	if no := l.s.overLimit(m); !no.None() {
		return handlers{}, no
	}
	if message.ReservedEvent(m.Event) {
		return handlers{}, refusal.Refusal{
			Err:    message.ErrorOfReserved(string(m.Event)),
			Follow: refusal.Told | refusal.Unasked,
		}
	}
	// An event within its limits ends a run of violations. One over a limit does not, because
	// otherwise it would excuse invalid messages.
	l.violations = 0
	if wanted && l.srv.departure.Stage() == departure.Ending {
		return handlers{}, refusal.Refusal{Err: message.ErrShuttingDown, Follow: refusal.Unasked}
	}
	if !l.announced {
		return handlers{}, refusal.Refusal{}
	}
	h := l.s.handlersOf(m.Event)
	if h.None() {
		return h, l.s.unhandled(string(m.Event))
	}
	return h, refusal.Refusal{}
}

// askedBefore refuses a question that came before. If its answer is kept, refuse sends it again.
func (l *link) askedBefore(id uint64) refusal.Refusal {
	verdict, answer := l.s.kept.ledger.Ask(id, l.serial)
	switch verdict {
	case ledger.Forgotten:
		return refusal.Refusal{Err: refusal.ErrAskedBefore}
	case ledger.Reused:
		return refusal.Violation(refusal.ErrAckIDUsed)
	case ledger.Answered, ledger.Waiting:
		return refusal.Repeated(answer, &l.srv.counters.repeated)
	}
	return refusal.Refusal{}
}

// runInline runs the handlers of an event on the loop, where it was parsed.
func (l *link) runInline(h handlers, m *message.Message) {
	var ack Ack
	if m.Flags&message.FlagAck != 0 {
		ack = newAck(l.s, m.AckID, h.Event())
	}
	loop := &l.srv.loops[l.ws.Loop()]
	e := h.First()
	if loop.event.Load() != e { // a load is cheaper than a store, and mostly it is the same event
		loop.event.Store(e)
	}
	loop.inline.Store(l.s)
	loop.data = body{Payload: payloadOf(m)}
	if loop.sampler.Inline() {
		began := l.srv.sinceStart()
		l.s.handle(h, Data{&loop.data}, ack)
		l.srv.measures.Inline.AddN(l.srv.sinceStart()-began, metrics.EveryInline)
	} else {
		l.s.handle(h, Data{&loop.data}, ack)
	}
	loop.data = body{}
	loop.inline.Store(nil)
	loop.handled.Add(1)
}
