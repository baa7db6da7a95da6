package smartsocket

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"
	"unicode/utf8"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/outgoing"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
	"github.com/smartsocket/smartsocket/websocket"
)

// conn is a Socket as the transport sees it: the same memory, with the
// callbacks of websocket.Handler instead of the user's methods.
type conn Socket

func (c *conn) socket() *Socket { return (*Socket)(c) }

// maxConnectBytes bounds what a client may send before it is connected.
const maxConnectBytes = 4 << 10

// OnOpen greets the client: HELLO leaves in the same write as the 101. A plain client is connected at once.
func (c *conn) OnOpen(ws *websocket.Conn) {
	s := c.socket()
	s.ws = ws
	if s.refusal != nil {
		s.sendError(s.refusal)
		ws.Close(frame.CloseCode(message.CloseCodeFor(s.refusal.Code)), string(s.refusal.Code))
		return
	}
	ws.SetTimer(s.srv.opts.HandshakeTimeout)
	if s.plain {
		s.open()
		return
	}
	var random [32]byte
	rand.Read(random[:])
	h := message.Hello{
		AuthRequired:     s.srv.current().needsAuth(),
		ResumeSupported:  s.srv.sessions != nil,
		Version:          message.Version,
		Random:           random[:],
		MaxMessageBytes:  uint64(s.srv.opts.MaxMessageBytes),
		HandshakeTimeout: uint64(s.srv.opts.HandshakeTimeout.Milliseconds()),
	}
	if k := s.srv.current().keys; k != nil {
		h.Algorithms, h.KeyIDs = []byte{byte(k.algorithm)}, k.ids
	}
	s.hello = pool.Get(128)
	s.hello.B = message.AppendHello(s.hello.B, &h)
	s.sendMessage(s.hello.B)
}

// forgetHello returns the buffer of HELLO, which only the handshake needs.
func (s *Socket) forgetHello() {
	if s.hello != nil {
		pool.Put(s.hello)
		s.hello = nil
	}
}

// OnMessage is the door for everything that a client sends.
func (c *conn) OnMessage(ws *websocket.Conn, op frame.Opcode, p []byte) {
	s := c.socket()
	s.srv.loops[ws.Loop()].in.Add(1)
	if s.state.Load() != stateOpen {
		if s.state.Load() == stateHandshake && s.refusal == nil {
			s.connect(op, p)
		}
		return
	}
	if s.seal != nil {
		var ok bool
		if p, ok = s.unseal(op, p); !ok {
			return
		}
		op = frame.Binary
	}
	m, err := s.parse(op, p)
	if err == nil && m.Kind == message.KindEvent && s.session != nil {
		if !s.takes() {
			return
		}
		defer s.dispatched()
	}
	if err == nil && m.Flags&message.FlagDeflated != 0 {
		var b *pool.Buffer
		if b, err = s.inflate(&m); err == nil {
			defer pool.Put(b)
			if !ws.CountInflated(len(b.B)) {
				return
			}
		}
	}
	if err == nil {
		err = s.checkPayload(&m, op)
	}
	if err != nil {
		s.malformed(&m, asWire(err, message.CodeInvalidFormat))
		return
	}
	if s.unproved {
		s.proved()
	}
	s.dispatch(&m, p)
}

// dispatch does what a message of a connected client asks for; p is all of it.
func (s *Socket) dispatch(m *message.Message, p []byte) {
	switch m.Kind {
	case message.KindEvent:
		s.event(m)
	case message.KindAck, message.KindError:
		if m.Flags&message.FlagAck == 0 {
			s.srv.log.Debug("the client reports an error", "socket", s.id)
			return
		}
		s.settle(m)
	case message.KindPing:
		if s.ws.CountControl() {
			s.pong(p)
		}
	case message.KindPong:
		if s.ws.CountControl() {
			s.clockAnswer(p)
		}
	default:
		s.violation(errorf(message.CodeInvalidFormat, "a message of kind %d is not expected from a client here", m.Kind))
	}
}

func (s *Socket) parse(op frame.Opcode, p []byte) (message.Message, error) {
	if op == frame.Text {
		return message.ParseJSON(p)
	}
	if s.plain {
		return message.Message{}, errPlainBinary
	}
	return message.Parse(p)
}

// checkPayload holds a payload to the size limit, and makes sure that what is
// called JSON is, before anybody passes it on.
func (s *Socket) checkPayload(m *message.Message, op frame.Opcode) error {
	if len(m.Payload) > s.srv.opts.MaxMessageBytes {
		return errTooLarge
	}
	if op == frame.Binary && (m.Kind == message.KindEvent || m.Kind == message.KindAck) &&
		m.Flags&message.FlagBinary == 0 && len(m.Payload) > 0 && (!message.ValidJSON(m.Payload) || !utf8.Valid(m.Payload)) {
		return errBadJSON
	}
	return nil
}

// malformed answers a message that cannot be used. One over the size limit ends the connection. m
// counts only as far as e tells: of data that is not JSON the envelope was read, so who waits for an ack gets it.
func (s *Socket) malformed(m *message.Message, e *Error) {
	if e.Code == message.CodeTooLarge {
		s.srv.counters.violations.Add(1)
		s.sendError(e)
		s.ws.Close(frame.CloseTooBig, string(e.Code))
		return
	}
	if e == errBadJSON && m.Kind == message.KindEvent && m.Flags&message.FlagAck != 0 {
		s.nackOnly(m.AckID, e)
		s.fault()
		return
	}
	s.violation(e)
}

var (
	errPlainBinary = &Error{Code: message.CodeInvalidFormat, Message: "a plain client sends text messages: ask for the subprotocol " + message.Subprotocol + " to send binary ones"}
	errBadJSON     = outgoing.ErrBadJSON
	errPlaintext   = &Error{Code: message.CodeAuthFailed, Message: "this server encrypts: use a SmartSocket client with its encryption key"}
	errEncrypts    = &Error{Code: message.CodeAuthFailed, Message: "the client encrypts and this server does not: give both the same key, or none"}
	errTooLarge    = &Error{Code: message.CodeTooLarge, Message: "the payload is over maxMessageBytes: split it"}
	errReserved    = &Error{Code: message.CodeInvalidFormat, Message: "this event name is reserved: use another"}
)

// connect handles the one message that may come before the socket is connected.
func (s *Socket) connect(op frame.Opcode, p []byte) {
	if op != frame.Binary || len(p) > maxConnectBytes {
		s.refuseConnect(errorf(message.CodeInvalidFormat, "the first message must be a CONNECT of at most %d bytes", maxConnectBytes))
		return
	}
	var m message.Connect
	var err error
	if s.srv.current().keys != nil {
		m, err = s.openConnect(p)
	} else if m, err = message.ParseConnect(p); err == nil && m.Algorithm != 0 {
		err = errEncrypts
	}
	s.forgetHello()
	if err != nil {
		s.refuseConnect(asWire(err, message.CodeInvalidFormat))
		return
	}
	if m.Version != message.Version {
		s.refuseConnect(errorf(message.CodeHandshakeFailed, "the client speaks protocol version %d, this server %d: update the older one", m.Version, message.Version))
		return
	}
	s.inflates = m.CanInflate
	if s.srv.sessions != nil {
		s.resume = &resumeRequest{append([]byte(nil), m.SessionToken...), m.LastSeq, sha256.Sum256(m.APIKey)}
	}
	if k := s.srv.current().apiKeys; k != nil && !k.Allow(m.APIKey) { // before strangers learn of the namespaces
		s.refuseConnect(errAuth)
		return
	}
	if m.Namespace != nil {
		s.ns = s.srv.lookup(string(m.Namespace))
	}
	if s.ns == nil {
		s.refuseConnect(s.srv.unknownNamespace())
		return
	}
	s.authenticate(&m)
}

// refuseConnect ends a handshake with an ERROR and the code's close code.
func (s *Socket) refuseConnect(e *Error) {
	s.srv.counters.rejected.Add(1)
	if e.Code == message.CodeAuthFailed {
		s.srv.gate.Failed(s.ticket.Address(), s.srv.sinceStart())
	}
	s.sendError(e)
	s.ws.Close(frame.CloseCode(message.CloseCodeFor(e.Code)), string(e.Code))
}

// open makes the socket visible and runs the connected handlers.
func (s *Socket) open() {
	if s.ns == nil {
		s.refuseConnect(s.srv.unknownNamespace())
		return
	}
	s.ws.Established()
	s.srv.gate.Settle(&s.ticket)
	x := s.srv.sessions
	if x == nil || s.plain || !s.tryResume(x) {
		s.id = newSocketID()
		if !s.plain {
			var token []byte
			if x != nil {
				token = x.start(s, s.resume.apiKey)
			}
			s.sendConnectAck(token, 0)
		}
		s.state.Store(stateOpen)
		s.ns.hub.add(s)
	}
	s.resume = nil
	if s.srv.current().RequireAuth {
		s.RequireAuth()
	}
	if s.recovered && s.auth.Load() == authMissing {
		s.ws.Post(s.watchAuth)
	}
	if s.srv.draining.Load() { // Shutdown may have listed the sockets before this one was there
		defer s.goAway(message.AppendGoaway(nil, &message.Goaway{}))
	}
	s.ping()
	s.sendClock()
	s.ws.SetTimer(s.srv.opts.ConnectionTimeout / 2)
	any, inline := s.has(pickConnected)
	switch {
	case !any:
		s.greeted = true
	case inline:
		s.fire(pickConnected, Data{})
		s.greeted = true
	default:
		s.post(job{kind: jobConnected})
	}
}

// sendConnectAck completes the handshake; arrived is the record's field.
func (s *Socket) sendConnectAck(token []byte, arrived uint64) {
	a := message.ConnectAck{
		SocketID:             []byte(s.id),
		SessionToken:         token,
		Recovered:            s.recovered,
		HeartbeatInterval:    uint64(s.srv.opts.ConnectionTimeout.Milliseconds() / 2),
		CompressionThreshold: s.srv.wireThreshold(),
		MaxMessageBytes:      uint64(s.srv.opts.MaxMessageBytes),
		ServerTime:           uint64(time.Now().UnixMicro()),
		Arrived:              arrived,
	}
	b := pool.Get(128)
	b.B = message.AppendConnectAck(b.B, &a)
	s.sendMessage(b.B)
	pool.Put(b)
}

// OnPong takes the round-trip time out of the answer to our ping.
func (c *conn) OnPong(_ *websocket.Conn, p []byte) {
	if len(p) != 8 {
		return
	}
	s := c.socket()
	rtt := s.srv.sinceStart() - time.Duration(binary.BigEndian.Uint64(p))
	if rtt > 0 && rtt < s.srv.opts.ConnectionTimeout {
		s.measured(rtt)
	}
}

// ping sends a WebSocket ping that carries our clock; browsers answer by themselves.
func (s *Socket) ping() {
	var p [8]byte
	binary.BigEndian.PutUint64(p[:], uint64(s.srv.sinceStart()))
	s.ws.Ping(p[:])
}

// pong answers the clock message of a client, unless an earlier answer still waits.
func (s *Socket) pong(p []byte) {
	if s.pongQueued {
		return
	}
	k, err := message.ParseClock(p)
	if err != nil {
		s.violation(asWire(err, message.CodeInvalidFormat))
		return
	}
	var b [40]byte
	s.pongQueued = s.sendMessage(message.AppendClock(b[:0], message.KindPong, message.Clock{
		ServerTime: uint64(time.Now().UnixMicro()), RTT: uint64(s.RTT().Microseconds()), ClientTime: k.ClientTime,
	})) == websocket.Backpressured
}

// OnTimer is the handshake's deadline first, the heartbeat afterwards. One
// timer serves both, and is not touched by traffic: it looks at the last read when it fires.
func (c *conn) OnTimer(ws *websocket.Conn) {
	s := c.socket()
	if s.state.Load() < stateOpen {
		s.refuseConnect(errorf(message.CodeTimeout, "no CONNECT came within %v", s.srv.opts.HandshakeTimeout))
		return
	}
	if s.authOverdue() {
		return
	}
	limit := s.srv.opts.ConnectionTimeout
	idle := ws.Now() - ws.LastRead()
	switch {
	case idle < limit:
		s.expiring = false
	case !s.expiring:
		// The loop itself may have been held up: what the client sent meanwhile is read before the next tick.
		s.expiring = true
		ws.SetTimer(time.Millisecond)
		return
	default:
		s.srv.counters.idleCloses.Add(1)
		ws.Close(frame.CloseCode(message.CloseIdle), string(message.CodeTimeout)+" idle")
		return
	}
	s.ping()
	s.sendClock()
	if rest := limit - idle; rest < limit/2 {
		ws.SetTimer(rest)
		return
	}
	ws.SetTimer(limit / 2)
}

// OnWritable sends the events that were held back until the client caught up.
func (c *conn) OnWritable(*websocket.Conn) {
	s := c.socket()
	s.pongQueued = false
	s.sendHeld()
}

// OnClose runs the disconnected handlers behind everything that the socket sent, then forgets it.
func (c *conn) OnClose(_ *websocket.Conn, code frame.CloseCode, reason string, err error) {
	s := c.socket()
	was := s.state.Swap(stateClosed)
	if errors.Is(err, websocket.ErrFlood) {
		s.srv.counters.floods.Add(1)
	}
	s.srv.gate.Leave(&s.ticket)
	s.forgetHello()
	s.dropHeld()
	if was != stateOpen {
		return
	}
	switch {
	case s.session == nil || s.final(code) && s.srv.sessions.doom(s):
		s.failPending()
	case !s.final(code):
		s.srv.sessions.leave(s)
	}
	r := reasonOf(code, reason, err)
	any, inline := s.has(pickDisconnected)
	if (!any || inline) && s.mailEmpty() {
		s.gone(r)
		return
	}
	s.post(job{kind: jobDisconnected, data: body{info: r}})
}

// gone tells the disconnected handlers, with the rooms still in place, and leaves the rooms.
func (s *Socket) gone(r Reason) {
	if any, _ := s.has(pickDisconnected); any {
		b, _ := message.Marshal(nil, r.String())
		s.fire(pickDisconnected, Data{&body{b: b, info: r}})
	}
	if !s.stays(r.Code) {
		s.ns.hub.remove(s)
	}
}

// newSocketID returns a fresh public id.
func newSocketID() string {
	var raw [16]byte
	rand.Read(raw[:])
	var out [len(socketIDPrefix) + 22]byte
	copy(out[:], socketIDPrefix)
	base64.RawURLEncoding.Encode(out[len(socketIDPrefix):], raw[:])
	return string(out[:])
}

const socketIDPrefix = "ss_"
