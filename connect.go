package smartsocket

import (
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/departure"
	"github.com/smartsocket/smartsocket/internal/grant"
	"github.com/smartsocket/smartsocket/internal/greeting"
	"github.com/smartsocket/smartsocket/internal/session"
	"github.com/smartsocket/smartsocket/internal/socketid"
	"github.com/smartsocket/smartsocket/internal/turnaway"
	"github.com/smartsocket/smartsocket/internal/vetting"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
	"github.com/smartsocket/smartsocket/websocket"
)

// newLink makes the link of an accepted connection. Without the message cache it lies inside its
// socket, so that both are one allocation.
func (v *Server) newLink(plain bool) *link {
	if v.sessions != nil && !plain {
		return &link{srv: v, plain: plain}
	}
	s := &Socket{srv: v}
	s.first.srv, s.first.s, s.first.plain = v, s, plain
	return &s.first
}

// OnOpen greets the client: HELLO leaves in the same write as the 101. A plain client is connected
// at once, or when the Authenticate hook has allowed it.
func (l *link) OnOpen(ws *websocket.Conn) {
	l.ws = ws
	l.srv.journal.Upgraded(ws)
	if r := l.handshake.refusal; r != nil {
		l.dismiss(r)
		return
	}
	ws.SetTimer(l.srv.fixed.HandshakeTimeout)
	if l.plain {
		l.authenticate(nil)
		return
	}
	t := l.srv.current()
	b := greeting.Hello(t.keys, message.Hello{
		AuthRequired: t.needsAuth(), AuthEvent: t.RequireAuth,
		ResumeSupported: l.srv.sessions != nil, RateLimit: uint64(t.limit.MaxRequests),
		RateWindow:       uint64(t.limit.Window.Milliseconds()),
		MaxMessageBytes:  uint64(l.srv.fixed.MaxMessageBytes),
		HandshakeTimeout: uint64(l.srv.fixed.HandshakeTimeout.Milliseconds())})
	l.handshake.hello = b
	l.send(b.B)
}

// beforeOpen takes what comes before the link is open: CONNECT, then messages that have to wait.
func (l *link) beforeOpen(op frame.Opcode, p []byte) {
	h := l.handshake
	switch l.phase.Load() {
	case linkHandshake:
		if h.refusal == nil {
			l.connect(op, p)
		}
	case linkAuthenticating:
		if !h.early.Add(op, p) {
			l.turnAway(greeting.ErrEarly)
		}
	}
}

// connect handles the one message that may come before the link is open.
func (l *link) connect(op frame.Opcode, p []byte) {
	m, seal, no := greeting.Connect(l.srv.current().keys, l.handshake.hello.B, op, p)
	l.seal = seal
	l.handshake.forgetHello()
	if no != nil {
		l.turnAway(no)
		return
	}
	l.srv.journal.Connect(l.ws, &m)
	l.inflates, l.moves = m.CanInflate, m.CanMove
	h := l.handshake
	if l.srv.sessions != nil {
		h.token, h.seq = append([]byte(nil), m.SessionToken...), m.LastSeq
		h.apiKey = session.HashOf(m.APIKey)
	}
	// Before the namespaces, of which strangers must not learn.
	if k := l.srv.current().apiKeys; k != nil && !k.Allow(m.APIKey) {
		l.turnAway(vetting.ErrAuth)
		return
	} else if k != nil {
		l.srv.journal.Authenticated(l.ws, "apiKeys")
	}
	if ofPath := l.ns; m.Namespace != nil {
		h.asked = string(m.Namespace)
		l.ns = l.srv.lookup(h.asked)
		if l.ns != ofPath && l.srv.current().NamespaceOfPath {
			l.turnAway(vetting.ErrPath)
			return
		}
	}
	l.authenticate(m.APIKey)
}

// authenticate asks the Authenticate hook, if there is one, and opens the link. The hook is asked
// about unknown namespaces too, because strangers must not learn which there are.
func (l *link) authenticate(apiKey []byte) {
	if l.srv.hooks == nil {
		l.open()
		return
	}
	l.phase.Store(linkAuthenticating)
	gone := func() bool { return l.phase.Load() != linkAuthenticating }
	done := func(identity any, no *Error) {
		l.ws.Post(func() {
			switch {
			case gone():
			case no != nil:
				l.endHandshake(no)
			case l.ns == nil || !grant.Of(identity).Enters(l.ns.path):
				l.turnAway(l.srv.unknownNamespace())
			default:
				l.srv.journal.Authenticated(l.ws, "Authenticate")
				l.handshake.identity = &identity
				l.open()
			}
		})
	}
	r := vetting.Request{APIKey: string(apiKey), Namespace: cleanPath(l.handshake.asked),
		Address: l.ticket.Address()}
	if !l.srv.hooks.Ask(l.ticket.Group(), r, l.handshake.opening, gone, done) {
		l.endHandshake(vetting.ErrTryLater)
	}
}

// open makes the link the connection of the session that the client asked for, or of a new socket,
// and tells the application. It runs again when the session was busy.
func (l *link) open() {
	if l.phase.Load() == linkClosed {
		l.withdraw()
		return
	}
	if l.ns == nil {
		l.turnAway(l.srv.unknownNamespace())
		return
	}
	h := l.handshake
	if !h.settled {
		h.settled = true
		l.ws.Established()
	}
	switch l.resume() {
	case session.Busy:
		l.phase.Store(linkAuthenticating) // Retry follows
		return
	case session.Refused:
		if l.srv.departure.Refuses(false) { // it had no session to come back to
			l.turnAway(turnaway.ErrDraining)
			return
		}
		l.begin()
		l.announce(false)
	case session.Resumed:
		l.announce(true)
	}
	if l.s.kept != nil {
		l.s.kept.Done()
	}
	l.handshake = nil
	for _, e := range h.early {
		if !l.ws.Open() {
			return
		}
		l.srv.loops[l.ws.Loop()].in.Add(-1) // OnMessage counts it again
		l.OnMessage(l.ws, e.Op, e.P)
	}
}

// begin makes a new socket of a link whose client has no session to come back to.
func (l *link) begin() {
	h := l.handshake
	if l.s == nil {
		l.s = &Socket{srv: l.srv}
	}
	s := l.s
	s.ns, s.place.ID = l.ns, socketid.New()
	if h.identity != nil {
		s.take(h.identity)
	}
	s.link.Store(l)
	l.serial = 1
	var token []byte
	if l.srv.sessions != nil && !l.plain {
		s.kept = new(kept)
		token = l.srv.sessions.Start(&s.kept.Session, (*owner)(s), l, h.apiKey)
	}
	if !l.plain {
		l.sendConnectAck(token, false, 0)
	}
	l.phase.Store(linkOpen)
	s.mustAuthenticate() // before a broadcast finds it
	s.ns.hub.Add(s)      // it can be found by its id, and is addressed from now on
}

// Captive is for package smartsockettest. It returns a connected socket without a connection, whose
// connected handlers have run. take gets what is sent to it, as that of websocket.Captive.
func (n *Namespace) Captive(take func(op frame.Opcode, p []byte)) *Socket {
	l := n.srv.newLink(false)
	l.ws, l.ns, l.handshake = websocket.Captive(take), n, new(handshake)
	l.begin()
	l.handshake, l.announced = nil, true
	l.s.do(&job{kind: jobConnected, serial: 1})
	return l.s
}

// announce starts the time to authenticate, the heartbeat and the connected handlers.
func (l *link) announce(recovered bool) {
	s := l.s
	s.mustAuthenticate()              // also a session that began before Reload set the option
	if s.auth.Load() == authMissing { // a newcomer until it is authenticated
		l.ws.Post(l.watchAuth)
	} else {
		l.srv.gate.Settle(&l.ticket)
	}
	l.srv.journal.Joined(l.ws, l.ticket.Address(), s.ID(), s.ns.path, recovered)
	l.ping()
	l.sendClock()
	l.ws.SetTimer(l.srv.fixed.ConnectionTimeout / 2)
	l.heed()
	s.arrived(l)
	// Drain or Shutdown may have listed the sockets before this one was there.
	if l.srv.departure.Stage() >= departure.Leaving {
		l.sendAway(message.Goaway{})
	}
}

// sendConnectAck completes the handshake. For arrived see message.ConnectAck.
func (l *link) sendConnectAck(token []byte, recovered bool, arrived uint64) {
	a := message.ConnectAck{
		SocketID: []byte(l.s.ID()), SessionToken: token, Recovered: recovered, Arrived: arrived,
		HeartbeatInterval:    uint64(l.srv.fixed.ConnectionTimeout.Milliseconds() / 2),
		CompressionThreshold: l.srv.wireThreshold(), ServerTime: uint64(l.srv.clock.Micro()),
		MaxMessageBytes: uint64(l.srv.fixed.MaxMessageBytes),
	}
	b := pool.Get(128)
	b.B = message.AppendConnectAck(b.B, &a)
	l.send(b.B)
	pool.Put(b)
}

// goingAway is the reason of close frames.
const goingAway = "server shutting down"

// sendAway asks the client to go elsewhere. One that moves is still served, and any other closed.
func (l *link) sendAway(g message.Goaway) {
	if g.Move = l.moves; !g.Move {
		g.Deadline = 0
	}
	if !l.plain {
		l.send(message.AppendGoaway(nil, &g))
	}
	if !g.Move {
		l.ws.Close(frame.CloseGoingAway, goingAway)
	}
}
