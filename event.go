package smartsocket

import (
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

// event takes one EVENT on the loop: finds its handlers and runs them here, or
// hands a copy to the socket's mailbox.
func (s *Socket) event(m *message.Message) {
	if s.session != nil && m.Flags&message.FlagAck != 0 && s.repeated(m.AckID) {
		return
	}
	if s.limited(m) {
		return
	}
	if message.ReservedEvent(m.Event) {
		s.reject(m, errReserved)
		return
	}
	s.faults = 0 // not for events over a limit: they must not excuse invalid messages
	if m.Flags&message.FlagAck != 0 && s.srv.draining.Load() {
		s.nack(m.AckID, message.ErrShuttingDown)
		return
	}
	j := job{kind: jobEvent, data: body{binary: m.Flags&message.FlagBinary != 0}}
	if s.greeted {
		ns, own := s.handlersOf(m.Event)
		if ns == nil && own == nil {
			s.unhandled(m)
			return
		}
		inline := allInline(ns) && allInline(own)
		if inline && s.waiting.Load() == 0 {
			s.runInline(ns, own, m)
			return
		}
		j.ns, j.own, j.counted = ns, own, inline
	} else {
		// The connected handlers may still register handlers of this event.
		j.name, j.counted = string(m.Event), true
	}
	if m.Flags&message.FlagAck != 0 {
		j.ackID, j.wantsAck = m.AckID, true
	}
	if len(m.Payload) > 0 {
		j.payload = pool.Get(len(m.Payload))
		j.payload.B = append(j.payload.B, m.Payload...)
	}
	if j.counted {
		s.waiting.Add(1)
	}
	if !s.post(j) {
		if j.counted {
			s.waiting.Add(-1)
		}
		if j.payload != nil {
			pool.Put(j.payload)
		}
		s.srv.counters.overflows.Add(1)
		s.reject(m, errMailboxFull)
	}
}

// handlersOf finds the namespace's and the socket's own handlers of an event.
func (s *Socket) handlersOf(event []byte) (ns, own *entry) {
	ns = s.ns.handlers.Find(event)
	if x := s.ext.Load(); x != nil {
		own = x.own.Find(event)
	}
	return ns, own
}

var errMailboxFull = &Error{Code: message.CodeRateLimited, Message: "too many of this connection's messages wait for their handlers: send slower"}

// reject answers an event that is not going to be handled.
func (s *Socket) reject(m *message.Message, e *Error) {
	if m.Flags&message.FlagAck != 0 {
		s.nack(m.AckID, e)
		return
	}
	s.violation(e)
}

// unhandled is an event that nobody registered for.
func (s *Socket) unhandled(m *message.Message) {
	s.srv.counters.unhandled.Add(1)
	if m.Flags&message.FlagAck != 0 {
		s.nack(m.AckID, &Error{Code: message.CodeNoHandler, Message: "no handler for this event in the namespace " + s.ns.path, Event: string(m.Event)})
	}
}

func (s *Socket) runInline(ns, own *entry, m *message.Message) {
	var ack Ack
	if m.Flags&message.FlagAck != 0 {
		ack = newAck(s, m.AckID)
	}
	l := &s.srv.loops[s.ws.Loop()]
	l.inline.Store(s)
	l.data = body{b: m.Payload, binary: m.Flags&message.FlagBinary != 0}
	s.handle(ns, own, Data{&l.data}, ack)
	l.data = body{}
	l.inline.Store(nil)
	l.handled.Add(1)
}

// handle runs middleware and handlers of one event.
func (s *Socket) handle(ns, own *entry, d Data, ack Ack) {
	event := ""
	if ns != nil {
		event = ns.Event()
	} else {
		event = own.Event()
	}
	// Here and not on arrival: a connected handler that calls RequireAuth may still have been running then.
	if s.auth.Load() == authMissing && event != AuthEvent {
		s.refuse(event, ack, errAuthFirst)
		return
	}
	if !s.passes(event, d, ack) {
		return
	}
	s.run(ns, d, ack)
	s.run(own, d, ack)
}
