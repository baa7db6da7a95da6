package client

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/smartsocket/smartsocket/crypto"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

// session is one connection, from the open WebSocket to its end. The reader's
// goroutine runs run, receive and what they call; sending is safe for
// concurrent use once the session is open.
type session struct {
	c     *Client
	t     transport
	at    *target         // where it is connected
	life  context.Context // of the connection that the user asked for
	phase phase           // reader only
	bad   int             // unreadable messages in a row, reader only
	fault *Error          // why this end closed, or what the server said before it did; reader only

	settled atomic.Bool   // the handshake has its result; whoever sets it owns the result
	ready   chan struct{} // closed when err is set
	err     *Error
	code    uint16        // the server's close code in the handshake, 0 = none; valid with err
	waitFor time.Duration // how long the server wants us to stay away, -1 = not said; valid after done
	window  bool          // waitFor is a window to spread over
	moved   *target       // where the server wants us to go, nil = not said; valid after done
	done    chan struct{} // closed when the reader has ended

	id        string
	threshold int // payloads over it are compressed; 0 = none
	maxSend   int // the server's limit for one payload; 0 = unknown
	opened    time.Time
	stream    *stream // replaced by the reader before the session opens, never afterwards
	recovered bool    // stream is an earlier session's
	arrived   uint64  // CONNECT_ACK's: one more than the events of the stream that the server got, 0 = not told
	missing   bool    // events did not arrive and are not kept any more; reader only
	resumable bool    // it may be recovered later

	sealMu sync.Mutex // sealing and queueing are one step
	ends   *message.Ends

	clock remoteClock
}

type phase uint8

const (
	waitHello phase = iota
	waitConnectAck
	open
)

// badMessages in a row end a connection.
const badMessages = 10

func newSession(c *Client, t transport, life context.Context, at *target, x *stream) *session {
	return &session{c: c, t: t, life: life, at: at, stream: x, waitFor: -1, ready: make(chan struct{}), done: make(chan struct{})}
}

// run serves the connection until it ends.
func (s *session) run() {
	end := s.t.run(s.receive)
	if s.settled.CompareAndSwap(false, true) {
		if s.err = s.refusal(end); end.err == nil {
			s.code = end.code
		}
		close(s.ready)
	} else if s.phase == open {
		s.c.lost(s, end)
	}
	close(s.done)
}

// refusal says why there is no session.
func (s *session) refusal(end ending) *Error {
	if s.fault != nil {
		return s.fault
	}
	e := &Error{Code: message.CodeHandshakeFailed, Message: "the connection ended during the handshake", Cause: end.err}
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

// fail closes the connection from this end.
func (s *session) fail(e *Error) {
	if s.fault == nil {
		s.fault = e
	}
	s.t.close(message.CloseCodeFor(e.Code), string(e.Code))
	if s.settled.CompareAndSwap(false, true) { // who waits for the handshake need not wait for the closing one
		s.err = s.fault
		close(s.ready)
	}
}

// receive is the door for everything that the server sends; p may be changed.
func (s *session) receive(text bool, p []byte) {
	if s.ends != nil && s.phase != waitHello {
		var err error
		if p, err = s.ends.Open(p); text || err != nil {
			s.unsealed(err)
			return
		}
	}
	m, err := parse(text, p)
	if err != nil {
		s.malformed(asError(err, message.CodeInvalidFormat))
		return
	}
	if s.phase != open {
		s.handshake(&m, p)
		return
	}
	if !s.isNew(&m) {
		return
	}
	if m.Flags&message.FlagDeflated != 0 {
		b, err := s.inflate(&m)
		if err != nil {
			s.unreadable(&m, asError(err, message.CodeDecompression))
			return
		}
		defer pool.Put(b)
	} else if len(m.Payload) > s.c.opts.MaxMessageBytes {
		s.unreadable(&m, message.ErrTooLarge)
		return
	}
	s.bad = 0
	s.dispatch(&m, p)
}

func parse(text bool, p []byte) (message.Message, error) {
	if text {
		return message.ParseJSON(p)
	}
	return message.Parse(p)
}

// unsealed ends a connection on which something did not open. A server that
// refuses the key answers in clear, since it has no keys to seal with.
func (s *session) unsealed(err error) {
	if s.phase != open {
		s.fail(&Error{Code: message.CodeAuthFailed, Message: "the server's answer is not sealed with our key: give both sides the same encryption key", Cause: err})
		return
	}
	s.fail(message.ErrDecryption)
}

func (s *session) malformed(e *Error) {
	s.c.stats.invalid.Add(1)
	if s.phase != open {
		s.fail(&Error{Code: message.CodeHandshakeFailed, Message: "the server's handshake cannot be read: is it a SmartSocket server?", Cause: e})
		return
	}
	s.c.raise(e)
	if s.bad++; s.bad == badMessages {
		s.fail(&Error{Code: message.CodeHandshakeFailed, Message: "the server sends what cannot be read: update the older side", Cause: e})
	}
}

// unreadable deals with a message whose envelope is right and whose payload is not.
func (s *session) unreadable(m *message.Message, e *Error) {
	if m.Kind != message.KindEvent && m.Flags&message.FlagAck != 0 {
		s.c.settle(m.AckID, Data{}, &Error{Code: message.CodeAckInvalid, Message: "the answer could not be read", Cause: e})
		return
	}
	if m.Kind == message.KindEvent && m.Flags&message.FlagAck != 0 {
		s.refuseNow(m.AckID, e)
	}
	s.malformed(e)
}

func (s *session) inflate(m *message.Message) (*pool.Buffer, error) {
	b := pool.Get(4 * len(m.Payload))
	out, err := pool.Inflate(b.B, m.Payload, s.c.opts.MaxMessageBytes, false)
	b.B = out
	if err == nil {
		m.Payload = out
		m.Flags &^= message.FlagDeflated
		return b, nil
	}
	pool.Put(b)
	if errors.Is(err, pool.ErrTooLarge) {
		return nil, &Error{Code: message.CodeTooLarge, Message: "a message inflates to more than Options.MaxMessageBytes: raise it, or send less"}
	}
	return nil, &Error{Code: message.CodeDecompression, Message: "a compressed message cannot be inflated", Cause: err}
}

// handshake takes HELLO, then CONNECT_ACK, or the ERROR that refuses us.
func (s *session) handshake(m *message.Message, p []byte) {
	switch {
	case m.Kind == message.KindError:
		e, err := message.ParseErrorJSON(m.Payload)
		if err != nil {
			s.malformed(asError(err, message.CodeInvalidFormat))
			return
		}
		s.fault = &e // the close frame follows
	case m.Kind == message.KindHello && s.phase == waitHello:
		if err := s.connect(p); err != nil {
			s.fail(asError(err, message.CodeHandshakeFailed))
		}
	case m.Kind == message.KindConnectAck && s.phase == waitConnectAck && s.fault == nil:
		a, err := message.ParseConnectAck(p)
		if err != nil {
			s.malformed(asError(err, message.CodeInvalidFormat))
			return
		}
		s.accepted(&a)
	default:
		s.malformed(&Error{Code: message.CodeInvalidFormat, Message: "a message out of turn"})
	}
}

// connect answers HELLO, which it borrows, with CONNECT.
func (s *session) connect(hello []byte) error {
	h, err := message.ParseHello(hello)
	if err != nil {
		return &Error{Code: message.CodeHandshakeFailed, Message: "HELLO cannot be read: is it a SmartSocket server?", Cause: err}
	}
	if h.Version != message.Version {
		return &Error{Code: message.CodeHandshakeFailed, Message: "the server speaks another protocol version: update the older side"}
	}
	s.maxSend = int(min(h.MaxMessageBytes, 1<<30))
	o := &s.c.opts
	m := message.Connect{Namespace: []byte(s.c.namespace), Version: message.Version, CanInflate: true, APIKey: []byte(o.APIKey), Client: []byte("go/1")}
	random := make([]byte, message.RandomSize)
	rand.Read(random)
	m.Random = random
	if h.ResumeSupported {
		s.stream.offer(&m)
	}
	var b []byte
	if s.c.key == nil {
		if len(h.Algorithms) > 0 {
			return &Error{Code: message.CodeAuthFailed, Message: "the server encrypts: set Options.EncryptionKey"}
		}
		b = message.AppendConnect(nil, &m)
	} else {
		alg, err := s.algorithm(h.Algorithms)
		if err != nil {
			return err
		}
		if b, s.ends, err = message.AppendSealedConnect(nil, hello, &m, s.c.key, alg, random); err != nil {
			return err
		}
	}
	s.phase = waitConnectAck
	if err := s.t.append(b); err != nil {
		return err
	}
	s.t.flushLater()
	o.Logger.Debug("Sending CONNECT message")
	return nil
}

// algorithm chooses among what the server offers.
func (s *session) algorithm(offered []byte) (crypto.Algorithm, error) {
	want := s.c.opts.EncryptionAlgorithm
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
		return 0, &Error{Code: message.CodeAuthFailed, Message: "the server does not encrypt and Options.EncryptionKey is set: nothing was sent to it"}
	}
	return 0, &Error{Code: message.CodeAuthFailed, Message: "the server offers no encryption algorithm that is known or asked for"}
}

// accepted opens the session.
func (s *session) accepted(a *message.ConnectAck) {
	s.c.opts.Logger.Debug("Received CONNECT_ACK")
	given := !s.settled.CompareAndSwap(false, true)
	s.takeStream(a, given)
	if given {
		return // the attempt was given up meanwhile
	}
	s.id, s.arrived = string(a.SocketID), a.Arrived
	s.threshold = int(min(a.CompressionThreshold, 1<<30))
	if a.MaxMessageBytes > 0 {
		s.maxSend = int(min(a.MaxMessageBytes, 1<<30))
	}
	if a.HeartbeatInterval > 0 {
		s.t.limits(time.Duration(min(a.HeartbeatInterval, 1<<31))*3*time.Millisecond + time.Second)
	}
	s.phase = open
	s.clock.add(s.c.clock.Now(), a.ServerTime, 0)
	s.c.established(s)
	close(s.ready)
}

// dispatch does what a message on an open session asks for; p is all of it.
func (s *session) dispatch(m *message.Message, p []byte) {
	c := s.c
	switch m.Kind {
	case message.KindEvent:
		c.stats.received.Add(1)
		c.deliver(s, m)
	case message.KindAck:
		d := Data{b: append([]byte(nil), m.Payload...), binary: m.Flags&message.FlagBinary != 0}
		c.settle(m.AckID, d, nil)
	case message.KindError:
		e, err := message.ParseErrorJSON(m.Payload)
		switch {
		case m.Flags&message.FlagAck != 0 && err != nil:
			c.settle(m.AckID, Data{}, &Error{Code: message.CodeAckInvalid, Message: "the answer could not be read", Cause: err})
		case m.Flags&message.FlagAck != 0:
			c.settle(m.AckID, Data{}, &e)
		case err != nil:
			s.malformed(asError(err, message.CodeInvalidFormat))
		default:
			if e.RetryAfter > 0 {
				s.waitFor, s.window = time.Duration(min(e.RetryAfter, 1<<31))*time.Millisecond, false
			}
			c.raise(&e)
		}
	case message.KindPing:
		s.pong(p)
	case message.KindPong:
	case message.KindGoaway:
		g, err := message.ParseGoaway(p)
		if err != nil {
			s.malformed(asError(err, message.CodeInvalidFormat))
			return
		}
		s.waitFor, s.window = time.Duration(min(g.ReconnectWindow, 1<<31))*time.Millisecond, true
		s.move(g.URL)
	default:
		s.malformed(&Error{Code: message.CodeInvalidFormat, Message: "a message out of turn"})
	}
}

// pong answers a clock message with our time added.
func (s *session) pong(p []byte) {
	k, err := message.ParseClock(p)
	if err != nil {
		s.malformed(asError(err, message.CodeInvalidFormat))
		return
	}
	now := s.c.clock.Now()
	s.clock.add(now, k.ServerTime, k.RTT)
	k.ClientTime = uint64(now.UnixMicro())
	var b [40]byte
	s.sendNow(message.AppendClock(b[:0], message.KindPong, k))
}

// move notes the address that GOAWAY gives, unless it cannot be used or would
// give up encryption.
func (s *session) move(url []byte) {
	if len(url) == 0 {
		return
	}
	to, err := parseTarget(string(url))
	if err != nil || s.c.at.secure && !to.secure {
		s.c.opts.Logger.Warn("the server names an address to move to that cannot be used, or is not as secure: staying")
		return
	}
	s.moved = to
}
