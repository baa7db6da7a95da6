package client

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/smartsocket/smartsocket/crypto"
	"github.com/smartsocket/smartsocket/internal/ratelimit"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

// link is one connection, from the open WebSocket to its end.
//
//	waitHello ──HELLO──► waitConnectAck ──CONNECT_ACK──► open
//	    └───────────────────────┴──────────────────────────┴──► ended (done is closed)
//
// The reader runs run, receive, over and everything that they call: one goroutine at a time, not
// always the same. Sending is safe for concurrent use once the link is open.
type link struct {
	c    *Client
	t    transport
	at   *target         // where it is connected
	life context.Context // Client.life when it was made

	replaces *link                    // the open link that this one is to replace; nil = none
	replaced atomic.Bool              // another link has replaced it
	handover atomic.Pointer[handover] // from or to it, nil while there is none

	apiKey string // for CONNECT

	renewing atomic.Bool // fresh credentials are on their way to the server

	// turn is held while the reader deals with one message.
	turn       sync.Mutex
	superseded bool // the session's events come on another link; guarded by turn

	// Only for the reader.
	phase   phase
	bad     int    // unreadable messages in a row
	fault   *Error // why we closed, or what the server said before it closed
	missing bool   // events did not arrive and are not kept any more

	settled atomic.Bool   // the handshake has its result; whoever sets it owns the result
	ready   chan struct{} // closed when err is set; nil when attempt knows that
	err     *Error
	code    uint16 // the server's close code in the handshake, 0 = none; valid with err

	done chan struct{} // closed when the reader has ended

	// Valid after done.
	waitFor time.Duration // how long the server wants us to stay away, -1 = not said
	window  bool          // waitFor is a window to spread over
	moved   *target       // where the server wants us to go, nil = not said
	mover   *mover        // makes the connection that replaces this one, nil = none does

	// Fixed once the link is open.
	id        string
	threshold int // longer payloads are compressed; 0 = none
	maxSend   int // the server's limit for one payload; 0 = unknown
	rate      ratelimit.Limit
	asksAuth  bool // a new socket must authenticate by the event auth
	opened    time.Time
	session   *session // the reader may replace it until then
	recovered bool     // session began on an earlier link
	arrived   uint64   // from CONNECT_ACK: our events that arrived, plus 1; 0 = not told
	resumable bool     // the session may be recovered later

	behind atomic.Bool // parked events have to be sent first; set under Client.mu
	authed atomic.Bool // the event auth was answered well, or sent without asking for an answer

	sealMu sync.Mutex // makes sealing and queueing one step
	ends   *message.Ends

	clock remoteClock
}

type phase uint8

const (
	waitHello phase = iota
	waitConnectAck
	open
)

// badMessages is how many unreadable messages in a row end a connection.
const badMessages = 10

func newLink(c *Client, t transport, a *attempt) *link {
	l := &link{
		c:        c,
		t:        t,
		life:     a.life,
		at:       a.at,
		session:  a.session,
		replaces: a.replaces,
		waitFor:  -1,
		ready:    make(chan struct{}),
		done:     make(chan struct{}),
	}
	t.onDrain(func() { c.drained(l) })
	return l
}

// run serves the connection until it ends. It may return before, see transport.
func (l *link) run() { l.t.run(l.receive, l.over) }

// over is the last that the reader does.
func (l *link) over(end ending) {
	if l.settled.CompareAndSwap(false, true) {
		if l.err = l.refusal(end); end.err == nil {
			l.code = end.code
		}
		close(l.ready)
	} else if l.phase == open {
		l.c.lost(l, end)
	}
	close(l.done)
}

// refusal returns the reason why the handshake failed.
func (l *link) refusal(end ending) *Error {
	if l.fault != nil {
		return l.fault
	}
	e := &Error{
		Code:    message.CodeHandshakeFailed,
		Message: "the connection ended during the handshake",
		Cause:   end.err,
	}
	switch end.code {
	case message.CloseAuth:
		e.Code = message.CodeAuthFailed
	case message.CloseNamespace:
		e.Code = message.CodeInvalidNamespace
	case message.CloseBusy:
		e.Code = message.CodeMaxConnections
	case message.CloseIdle:
		e.Code = message.CodeTimeout
	}
	if end.reason != "" {
		e.Message += ": " + end.reason
	}
	return e
}

// fail closes the connection from our side, because of e.
func (l *link) fail(e *Error) {
	if l.fault == nil {
		l.fault = e
	}
	l.t.close(message.CloseCodeFor(e.Code), string(e.Code))
	// Whoever waits for the handshake does not have to wait for the closing handshake too.
	if l.settled.CompareAndSwap(false, true) {
		l.err = l.fault
		close(l.ready)
	}
}

// receive takes every message that the server sends. It borrows p and may change it.
func (l *link) receive(text bool, p []byte) {
	l.turn.Lock()
	defer l.turn.Unlock()
	if l.ends != nil && l.phase != waitHello {
		var err error
		if p, err = l.ends.Open(p); text || err != nil {
			l.unsealed(err)
			return
		}
	}
	m, err := parse(text, p)
	if err != nil {
		l.malformed(asError(err, message.CodeInvalidFormat))
		return
	}
	if l.phase != open {
		l.handshake(&m, p)
		return
	}
	if !l.isNew(&m) {
		return
	}
	if m.Flags&message.FlagDeflated != 0 {
		b, err := l.inflate(&m)
		if err != nil {
			l.unreadable(&m, asError(err, message.CodeDecompression))
			return
		}
		defer pool.PutUnsized(b)
	} else if len(m.Payload) > l.c.opts.MaxMessageBytes {
		l.unreadable(&m, message.ErrTooLarge)
		return
	}
	l.bad = 0
	l.dispatch(&m, p)
}

func parse(text bool, p []byte) (message.Message, error) {
	if text {
		return message.ParseJSON(p)
	}
	return message.Parse(p)
}

// unsealed ends a connection on which a message did not open. A server that refuses
// our key answers in clear, because it has no keys to seal with.
func (l *link) unsealed(err error) {
	if l.phase != open {
		l.fail(&Error{
			Code: message.CodeAuthFailed,
			Message: "the server's answer is not sealed with our key: " +
				"give both sides the same encryption key",
			Cause: err,
		})
		return
	}
	l.fail(message.ErrDecryption)
}

func (l *link) malformed(e *Error) {
	l.c.stats.invalid.Add(1)
	if l.phase != open {
		l.fail(&Error{
			Code:    message.CodeHandshakeFailed,
			Message: "the server's handshake cannot be read: is it a SmartSocket server?",
			Cause:   e,
		})
		return
	}
	l.c.raise(e)
	if l.bad++; l.bad == badMessages {
		l.fail(&Error{
			Code:    message.CodeHandshakeFailed,
			Message: "the server sends what cannot be read: update the older side",
			Cause:   e,
		})
	}
}

// unreadable deals with a message whose envelope is right but whose payload is not.
func (l *link) unreadable(m *message.Message, e *Error) {
	if m.Kind != message.KindEvent && m.Flags&message.FlagAck != 0 {
		l.c.settle(m.AckID, Data{}, &Error{
			Code:    message.CodeAckInvalid,
			Message: "the answer could not be read",
			Cause:   e,
		})
		return
	}
	if m.Kind == message.KindEvent && m.Flags&message.FlagAck != 0 {
		l.refuseNow(m.AckID, e)
	}
	l.malformed(e)
}

func (l *link) inflate(m *message.Message) (pool.Unsized, error) {
	b := pool.GetUnsized(pool.Inflated)
	out, err := pool.Inflate(b.B, m.Payload, l.c.opts.MaxMessageBytes, false)
	b.B = out
	if err == nil {
		m.Payload = out
		m.Flags &^= message.FlagDeflated
		return b, nil
	}
	pool.PutUnsized(b)
	if errors.Is(err, pool.ErrTooLarge) {
		return pool.Unsized{}, &Error{
			Code: message.CodeTooLarge,
			Message: "a message inflates to more than Options.MaxMessageBytes: " +
				"raise it, or send less",
		}
	}
	return pool.Unsized{}, &Error{
		Code:    message.CodeDecompression,
		Message: "a compressed message cannot be inflated",
		Cause:   err,
	}
}

// handshake takes HELLO and then CONNECT_ACK, or the ERROR that refuses us.
func (l *link) handshake(m *message.Message, p []byte) {
	switch {
	case m.Kind == message.KindError:
		e, err := message.ParseErrorJSON(m.Payload)
		if err != nil {
			l.malformed(asError(err, message.CodeInvalidFormat))
			return
		}
		l.fault = &e // the close frame follows
	case m.Kind == message.KindHello && l.phase == waitHello:
		if err := l.connect(p); err != nil {
			l.fail(asError(err, message.CodeHandshakeFailed))
		}
	case m.Kind == message.KindConnectAck && l.phase == waitConnectAck && l.fault == nil:
		a, err := message.ParseConnectAck(p)
		if err != nil {
			l.malformed(asError(err, message.CodeInvalidFormat))
			return
		}
		l.accepted(&a)
	default:
		l.malformed(&Error{Code: message.CodeInvalidFormat, Message: "a message out of turn"})
	}
}

// connect answers HELLO with CONNECT. It borrows hello.
func (l *link) connect(hello []byte) error {
	h, err := message.ParseHello(hello)
	if err != nil {
		return &Error{
			Code:    message.CodeHandshakeFailed,
			Message: "HELLO cannot be read: is it a SmartSocket server?",
			Cause:   err,
		}
	}
	if h.Version != message.Version {
		return &Error{
			Code:    message.CodeHandshakeFailed,
			Message: "the server speaks another protocol version: update the older side",
		}
	}
	l.maxSend = int(min(h.MaxMessageBytes, 1<<30))
	l.rate = paceOf(h.RateLimit, h.RateWindow)
	l.asksAuth = h.AuthEvent
	o := &l.c.opts
	m := message.Connect{
		Namespace:  []byte(l.c.namespace),
		Version:    message.Version,
		CanInflate: true,
		CanMove:    l.c.moves(),
		APIKey:     []byte(l.apiKey),
		Client:     []byte("go/1"),
	}
	random := make([]byte, message.RandomSize)
	rand.Read(random)
	m.Random = random
	if h.ResumeSupported {
		l.offer(&m)
	}
	var b []byte
	if l.c.key == nil {
		if len(h.Algorithms) > 0 {
			return &Error{
				Code:    message.CodeAuthFailed,
				Message: "the server encrypts: set Options.EncryptionKey",
			}
		}
		b = message.AppendConnect(nil, &m)
	} else {
		alg, err := l.algorithm(h.Algorithms)
		if err != nil {
			return err
		}
		b, l.ends, err = message.AppendSealedConnect(nil, hello, &m, l.c.key, alg, random)
		if err != nil {
			return err
		}
	}
	l.phase = waitConnectAck
	if err := l.t.append(b); err != nil {
		return err
	}
	l.t.flushLater()
	o.Logger.Debug("Sending CONNECT message")
	return nil
}

// algorithm chooses one of the algorithms that the server offers.
func (l *link) algorithm(offered []byte) (crypto.Algorithm, error) {
	want := l.c.opts.EncryptionAlgorithm
	for _, id := range offered {
		a := crypto.Algorithm(id)
		if a != crypto.AES256GCM && a != crypto.AES256CBC {
			continue
		}
		if want == "" || want == a.String() {
			return a, nil
		}
	}
	if len(offered) == 0 {
		return 0, &Error{
			Code: message.CodeAuthFailed,
			Message: "the server does not encrypt and Options.EncryptionKey is set: " +
				"nothing was sent to it",
		}
	}
	return 0, &Error{
		Code:    message.CodeAuthFailed,
		Message: "the server offers no encryption algorithm that is known or asked for",
	}
}

// accepted opens the link.
func (l *link) accepted(a *message.ConnectAck) {
	l.c.opts.Logger.Debug("Received CONNECT_ACK")
	given := !l.settled.CompareAndSwap(false, true)
	l.takeSession(a, given)
	if given {
		return // the attempt has been given up meanwhile
	}
	l.id, l.arrived = string(a.SocketID), a.Arrived
	l.threshold = int(min(a.CompressionThreshold, 1<<30))
	if a.MaxMessageBytes > 0 {
		l.maxSend = int(min(a.MaxMessageBytes, 1<<30))
	}
	silence := time.Duration(0)
	if a.HeartbeatInterval > 0 {
		beat := time.Duration(min(a.HeartbeatInterval, 1<<31)) * time.Millisecond
		silence = 3*beat + time.Second
	}
	l.t.limits(silence, l.ping)
	l.phase = open
	l.clock.add(l.c.clock.Now(), a.ServerTime, 0)
	l.c.established(l)
	close(l.ready)
}

// dispatch acts on a message of an open link. p is the whole message.
func (l *link) dispatch(m *message.Message, p []byte) {
	c := l.c
	switch m.Kind {
	case message.KindEvent:
		if message.ReservedEvent(m.Event) && string(m.Event) != message.EventRateLimited {
			l.unreadable(m, message.ErrorOfReserved(string(m.Event)))
			return
		}
		c.stats.received.Add(1)
		l.handover.Load().hear(l)
		c.deliver(l, m)
	case message.KindAck:
		d := Data{b: append([]byte(nil), m.Payload...), binary: m.Flags&message.FlagBinary != 0}
		c.settle(m.AckID, d, nil)
	case message.KindError:
		e, err := message.ParseErrorJSON(m.Payload)
		switch {
		case m.Flags&message.FlagAck != 0 && err != nil:
			c.settle(m.AckID, Data{}, &Error{
				Code:    message.CodeAckInvalid,
				Message: "the answer could not be read",
				Cause:   err,
			})
		case m.Flags&message.FlagAck != 0:
			c.settle(m.AckID, Data{}, &e)
		case err != nil:
			l.malformed(asError(err, message.CodeInvalidFormat))
		default:
			if e.RetryAfter > 0 {
				l.waitFor = time.Duration(min(e.RetryAfter, 1<<31)) * time.Millisecond
				l.window = false
			}
			if e.Event == authEvent && e.Code == message.CodeAuthFailed && l.renewAuth() {
				return
			}
			c.raise(&e)
		}
	case message.KindPing:
		l.pong(p)
	case message.KindPong:
		c.ponged(l, p)
	case message.KindGoaway:
		g, err := message.ParseGoaway(p)
		if err != nil {
			l.malformed(asError(err, message.CodeInvalidFormat))
			return
		}
		l.goaway(&g)
	default:
		l.malformed(&Error{Code: message.CodeInvalidFormat, Message: "a message out of turn"})
	}
}

// ping asks the server for a PONG, as a sign of life.
func (l *link) ping() {
	now := uint64(l.c.clock.Now().UnixMicro())
	var b [40]byte
	l.sendNow(message.AppendClock(b[:0], message.KindPing, message.Clock{ClientTime: now}))
}

// pong answers a PING with the same clock message and our time added.
func (l *link) pong(p []byte) {
	k, err := message.ParseClock(p)
	if err != nil {
		l.malformed(asError(err, message.CodeInvalidFormat))
		return
	}
	now := l.c.clock.Now()
	l.clock.add(now, k.ServerTime, k.RTT)
	k.ClientTime = uint64(now.UnixMicro())
	var b [40]byte
	l.sendNow(message.AppendClock(b[:0], message.KindPong, k))
}
