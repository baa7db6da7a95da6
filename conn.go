package smartsocket

import (
	"errors"
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/budget"
	"github.com/smartsocket/smartsocket/internal/fault"
	"github.com/smartsocket/smartsocket/internal/incoming"
	"github.com/smartsocket/smartsocket/internal/journal"
	"github.com/smartsocket/smartsocket/internal/refusal"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
	"github.com/smartsocket/smartsocket/reactor"
	"github.com/smartsocket/smartsocket/websocket"
)

// OnMessage is called for everything that a client sends.
func (l *link) OnMessage(ws *websocket.Conn, op frame.Opcode, p []byte) {
	l.srv.loops[ws.Loop()].in.Add(1)
	l.diary.Load().Received()
	if l.phase.Load() != linkOpen {
		l.beforeOpen(op, p)
		return
	}
	if l.seal != nil {
		var err error
		if op != frame.Binary {
			err = message.ErrDecryption
		} else {
			p, err = l.seal.Open(p)
		}
		if err != nil { // nothing that follows can be trusted
			l.refuse(&message.Message{}, refusal.Undecryptable)
			return
		}
	}
	m, err := incoming.Parse(op, p, l.plain)
	if err == nil && m.Kind == message.KindEvent && l.s.kept != nil {
		if !l.s.kept.Take(l) {
			return // the session has another connection, where the client sends it again
		}
		defer l.s.kept.Done()
	}
	if err == nil && m.Flags&message.FlagDeflated != 0 {
		var b pool.Unsized
		compressed := len(m.Payload)
		limit := ws.InflateLimit(compressed)
		if b, err = incoming.Inflate(&m, limit, l.srv.fixed.MaxMessageBytes); err == nil {
			defer pool.PutUnsized(b)
			if !ws.CountInflated(compressed, len(b.B)) {
				return
			}
		}
	}
	if err == nil {
		err = incoming.Check(&m, op, l.srv.fixed.MaxMessageBytes, l.srv.current().MaxJSONElements)
	}
	if err != nil {
		l.refuse(&m, refusal.Unusable(&m, fault.Wire(err, message.CodeInvalidFormat)))
		return
	}
	if l.unproved {
		l.unproved = false
		l.s.kept.Proved(l)
	}
	l.dispatch(&m, p)
}

// dispatch does what a message of a connected client asks for. p is all of it.
func (l *link) dispatch(m *message.Message, p []byte) {
	switch m.Kind {
	case message.KindEvent:
		l.event(m)
	case message.KindAck, message.KindError:
		if m.Flags&message.FlagAck == 0 {
			l.srv.log.Debug("the client reports an error", "socket", l.s.ID())
			return
		}
		l.settle(m)
	case message.KindPing:
		if l.ws.CountControl() {
			l.pong(p)
		}
	case message.KindPong:
		if l.ws.CountControl() {
			l.clockAnswer(p)
		}
	default:
		l.refuse(m, refusal.Violation(fault.Errorf(message.CodeInvalidFormat,
			"a message of kind %d is not expected from a client here", m.Kind)))
	}
}

// OnTimer is the deadline of the handshake, and later the heartbeat. Traffic does not touch the
// timer: when it fires, it looks at the time of the last sign of life. While something is on its
// way to the client, every part of it that the client's kernel takes is a sign of life too. No ping
// is sent then, because it would have to wait behind the rest.
func (l *link) OnTimer(ws *websocket.Conn) {
	if l.phase.Load() < linkOpen {
		l.turnAway(fault.Errorf(message.CodeTimeout,
			"no CONNECT came within %v", l.srv.fixed.HandshakeTimeout))
		return
	}
	if l.authOverdue() {
		return
	}
	limit := l.srv.fixed.ConnectionTimeout
	idle := ws.Now() - ws.LastProgress(limit)
	switch {
	case idle < limit:
		l.expiring = false
	case !l.expiring:
		// The loop may have been held up. It reads what came meanwhile before the next tick.
		l.expiring = true
		ws.SetTimer(time.Millisecond)
		return
	default:
		l.srv.counters.idleCloses.Add(1)
		ws.Close(frame.CloseCode(message.CloseIdle), string(message.CodeTimeout)+" idle")
		return
	}
	if !ws.Behind() {
		l.ping()
		l.sendClock()
	}
	ws.SetTimer(min(limit-idle, limit/2))
	l.heed()
}

// OnWritable sends the events that were held back until the client caught up.
func (l *link) OnWritable(*websocket.Conn) {
	l.pongQueued = false
	l.sendHeld()
}

// OnClose gives back what the link took, and lets the socket know.
func (l *link) OnClose(_ *websocket.Conn, code frame.CloseCode, reason string, err error) {
	was := l.phase.Swap(linkClosed)
	l.srv.loops[l.ws.Loop()].inline.CompareAndSwap(l.s, nil) // if a handler ended its goroutine
	d := journal.Gone(l.diary.Load(), l.ws, l.ticket.Address())
	l.diary.Store(d)
	var socket, namespace string
	if was == linkOpen {
		socket, namespace = l.s.ID(), l.ns.path
	}
	l.srv.journal.Closed(d, socket, namespace, uint16(code), reason, err)
	if slow := new(reactor.SlowError); errors.As(err, &slow) {
		l.srv.journal.SlowConsumer(d, socket, slow.Queued, slow.Cause)
	}
	if errors.Is(err, budget.ErrOver) {
		l.srv.counters.overBudget.Add(1)
		l.srv.journal.OverBudget(d, l.srv.memory)
	}
	if errors.Is(err, websocket.ErrFlood) {
		l.srv.counters.floods.Add(1)
	}
	l.srv.gate.Leave(&l.ticket)
	l.handshake.forgetHello()
	l.dropHeld()
	if was == linkOpen {
		moved := l.s.kept != nil && l.s.kept.Moved() // and its handlers may go on
		if x := l.s.ext.Load(); x != nil && !moved {
			x.contexts.EndConnection(l.serial, errGone)
		}
		l.s.left(l, reasonOf(code, reason, err))
	}
}
