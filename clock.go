package smartsocket

import (
	"encoding/binary"
	"time"

	"github.com/smartsocket/smartsocket/internal/fault"
	"github.com/smartsocket/smartsocket/internal/refusal"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/websocket"
)

// sendClock asks a protocol client for its time.
func (l *link) sendClock() {
	if l.plain {
		return
	}
	if kept := l.s.kept; kept != nil {
		l.mark = kept.ledger.Mark() // before the PING is sent, see package ledger
	}
	var b [40]byte
	now := l.srv.clock.Micro()
	l.clock.Ask(now)
	l.send(message.AppendClock(b[:0], message.KindPing,
		message.Clock{ServerTime: uint64(now), RTT: uint64(l.roundTrip().Microseconds())}))
}

// clockAnswer takes a PONG: the round trip, and how far the client's clock is ahead.
func (l *link) clockAnswer(p []byte) {
	k, err := message.ParseClock(p)
	if err != nil {
		l.refuse(&message.Message{}, refusal.Violation(fault.Wire(err, message.CodeInvalidFormat)))
		return
	}
	if kept := l.s.kept; kept != nil && l.clock.Answers(k) {
		kept.ledger.Confirm(l.serial, l.mark, l.srv.sessions)
	}
	sample, ok := l.clock.Answer(k, l.srv.clock.Micro(), l.srv.fixed.ConnectionTimeout)
	if !ok {
		return
	}
	l.measured(sample.RTT)
	if sample.Best {
		l.offset.Store(sample.Offset)
	}
	if sample.More {
		l.sendClock()
	}
}

// ping sends a WebSocket ping that carries our clock. Browsers answer it on their own.
func (l *link) ping() {
	var p [8]byte
	binary.BigEndian.PutUint64(p[:], uint64(l.srv.sinceStart()))
	l.ws.Ping(p[:])
}

// OnPong takes the round-trip time out of the answer to our ping.
func (l *link) OnPong(_ *websocket.Conn, p []byte) {
	if len(p) != 8 {
		return
	}
	rtt := l.srv.sinceStart() - time.Duration(binary.BigEndian.Uint64(p))
	if rtt > 0 && rtt < l.srv.fixed.ConnectionTimeout {
		l.measured(rtt)
	}
}

// pong answers the clock message of a client, unless an earlier answer still waits.
func (l *link) pong(p []byte) {
	if l.pongQueued {
		return
	}
	k, err := message.ParseClock(p)
	if err != nil {
		l.refuse(&message.Message{}, refusal.Violation(fault.Wire(err, message.CodeInvalidFormat)))
		return
	}
	var b [40]byte
	l.pongQueued = l.send(message.AppendClock(b[:0], message.KindPong, message.Clock{
		ServerTime: uint64(l.srv.clock.Micro()), ClientTime: k.ClientTime,
		RTT: uint64(l.roundTrip().Microseconds()),
	})) == websocket.Backpressured
}

func (l *link) measured(rtt time.Duration) {
	l.rtt.Store(int64(rtt))
	l.srv.measures.RoundTrip.Add(rtt)
}

func (l *link) roundTrip() time.Duration { return time.Duration(l.rtt.Load()) }

// RTT returns the round-trip time of the last heartbeat, also while away, and 0 before the first.
func (s *Socket) RTT() time.Duration { return s.link.Load().roundTrip() }

// ClockOffset returns how far the client's clock is ahead, give or take RTT/2, or 0 if unknown.
func (s *Socket) ClockOffset() time.Duration {
	return time.Duration(s.link.Load().offset.Load()) * time.Microsecond
}
