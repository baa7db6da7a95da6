package smartsocket

import (
	"cmp"
	"net"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/admission"
	"github.com/smartsocket/smartsocket/internal/fault"
	"github.com/smartsocket/smartsocket/internal/grant"
	"github.com/smartsocket/smartsocket/internal/outgoing"
	"github.com/smartsocket/smartsocket/internal/session"
	"github.com/smartsocket/smartsocket/internal/succession"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
	"github.com/smartsocket/smartsocket/websocket"
)

// The steps of a resume are in doc.go. The comments of session.Peer and session.Owner say under
// which lock the methods run that follow here.

// resume takes over the session that the client asked for, if that can be.
func (l *link) resume() session.Result {
	h := l.handshake
	if l.plain || len(h.token) == 0 {
		return session.Refused
	}
	token := session.HashOf(h.token)
	if from := l.srv.taker.Load(); !h.sought && l.srv.sessions.Holder(token) == nil {
		h.sought = true
		if from.Ask(token, l.srv.fixed.HandshakeTimeout/2, func() { l.ws.Post(l.open) }) {
			return session.Busy
		}
	}
	n := l.srv.sessions.Find(token, h.apiKey, func(o session.Owner) bool {
		return grant.Same(o.(*owner).identity.Load(), h.identity)
	})
	if n == nil {
		l.srv.journal.NotResumed(l.ws)
		return session.Refused
	}
	o := n.Owner().(*owner)
	s := o.socket()
	if (h.identity == nil || s.auth.Load() == authDone) && o.lapsed() {
		return session.Refused
	}
	l.s = s
	result, was := n.Resume(token, l, h.seq)
	switch {
	case result != session.Resumed:
		l.s, h.wanted = nil, n
	case was != nil: // its own end will not be told
		if x := s.ext.Load(); x != nil {
			x.contexts.EndConnection(was.(*link).serial, errGone)
		}
		s.tell(job{kind: jobLeft, outcome: session.Away,
			reason: &Reason{Code: frame.CloseCode(message.CloseReplaced), Text: "replaced"}})
	}
	return result
}

// The methods of session.Peer. Kept events may be compressed, so Fits wants a client that inflates.

func (l *link) Fits(old session.Peer) bool {
	o := old.(*link)
	return l.ns == o.ns && (l.inflates || !o.inflates)
}

func (l *link) Welcome(token []byte, arrived uint64) { l.sendConnectAck(token, true, arrived) }

func (l *link) Group() session.Group { return l.ticket.Group() }
func (l *link) Waits(ackID uint64) bool {
	x := l.s.ext.Load()
	if x == nil {
		return false
	}
	_, open := x.questions.Asked(ackID)
	return open
}

func (l *link) Send(event []byte, seq uint64) bool {
	b := pool.Get(len(event) + 10)
	b.B = message.AppendSeq(b.B, event, seq)
	status := l.send(b.B)
	pool.Put(b)
	return status != websocket.Dropped
}

func (l *link) Replaced() { l.ws.CloseIfRead(frame.CloseCode(message.CloseReplaced), "replaced") }
func (l *link) Retry() {
	if !l.ws.Post(l.open) {
		l.withdraw()
	}
}

// withdraw gives up the session that l asked for while it was busy.
func (l *link) withdraw() {
	if h := l.handshake; h != nil && h.wanted != nil {
		h.wanted.Withdraw()
	}
}

// owner is a Socket as its session sees it (session.Owner): the same memory, with other methods.
type owner Socket

func (o *owner) socket() *Socket { return (*Socket)(o) }
func (o *owner) Left()           { o.ns.hub.SetAway(o.socket(), true) }

// Back makes p the socket's link from now on.
func (o *owner) Back(p session.Peer) {
	l, was := p.(*link), o.link.Load()
	if was.mounted != nil {
		o.socket().Context() // made now if it was not yet, so that it keeps the first one's values
	}
	l.serial = was.serial + 1
	l.unproved = true
	if who := l.handshake.identity; who != nil && o.auth.Load() != authDone {
		o.socket().take(who)
	}
	o.ns.hub.SetAway(o.socket(), false)
	l.phase.Store(linkOpen)
	o.link.Store(l)
}

// Ended tells the application that a session is over, unless the end of its connection is why.
func (o *owner) Ended(why session.End, here session.Peer) {
	s := o.socket()
	s.forget()
	r := &Reason{Code: frame.CloseCode(why.Code()), Text: why.String()}
	if kicked := o.kept.kicked.Load(); why == session.Disconnected && kicked != nil {
		r = kicked
	}
	if here != nil { // the application believes it connected
		s.post(job{kind: jobLeft, outcome: session.Away, reason: r})
		here.Replaced()
	}
	s.post(job{kind: jobEnded, reason: r})
}

// left notes the end of l's connection and tells the application, behind what the client sent.
func (s *Socket) left(l *link, r *Reason) {
	outcome := session.Over
	if s.kept != nil {
		outcome = s.kept.Leave(l, final(r.Code), s.admitted(l))
		if outcome == session.Replaced {
			return
		}
		defer s.kept.Done()
	}
	if outcome == session.Over {
		s.forget()
		if r.Err != nil {
			s.discard()
		}
	}
	s.tell(job{kind: jobLeft, outcome: outcome, reason: r, link: l})
}

// admitted reports whether the client has authenticated, or need not. Until the connected handlers
// of l are done, one of them may still ask for it. On l's loop.
func (s *Socket) admitted(l *link) bool {
	auth := s.auth.Load()
	return auth >= authDone || auth == authNotNeeded && l.announced
}

// forget settles what waits for the client, which will not come back and is not counted any more.
func (s *Socket) forget() {
	s.settled.Store(true) // ahead of the look at ext, see Context
	s.ns.hub.SetAway(s, true)
	if x := s.ext.Load(); x != nil {
		x.contexts.End(errGone)
		(*owner)(s).Orphaned()
	}
	if s.kept != nil {
		s.kept.ledger.End(s.srv.sessions)
	}
}

// Recovered reports whether the client came back to its session, for which its connected handlers
// run again. The socket has its id, rooms and values, and the client gets what it missed. In the
// handlers of the first connection it is false, however late they run.
func (s *Socket) Recovered() bool { return s.told.Load() > 1 }

// lapsed ends the session of a grant that has expired while the client was away, and reports
// whether it has. Who comes back to it has not authenticated.
func (o *owner) lapsed() bool {
	s := o.socket()
	over := s.granted().Over(s.srv.clock.Micro())
	if over {
		code := frame.CloseCode(message.CloseExpired)
		s.kept.kicked.Store(&Reason{Code: code, Text: grant.Reason})
		s.kept.Doom()
		s.link.Load().ws.Close(code, grant.Reason)
	}
	return over
}

// GiveSessions lets the sessions of this server go on in another process, which calls TakeSessions
// with the other end of to (see package handover), which may be nil: each when its client comes
// there, the rest at the end of HandOver, which follows. A session leaves when its handlers have
// returned. Its Socket is away here, and what is emitted to it, late answers and Disconnect are
// passed on. docs/guides/RESTARTS.md has the rest.
func (v *Server) GiveSessions(to net.Conn) {
	v.giver.Store(succession.NewGiver(to, v.sessions, v.clock, v.log))
}

// TakeSessions lets the sessions of another process go on in this server. Call it before the server
// accepts clients. It takes from, which may be nil.
func (v *Server) TakeSessions(from net.Conn) {
	v.taker.Store(succession.NewTaker(from, v.sessions, v.clock, v.log, v.adopt))
}

// The methods of succession.Leaving and succession.Arrived.

func (o *owner) Pack(x *succession.Session) bool {
	s, l, more := o.socket(), o.link.Load(), o.socket().extra()
	x.ID, x.Namespace, x.Auth = s.ID(), s.ns.path, s.auth.Load()
	x.Inflates, x.Address = l.inflates, l.ticket.Address()
	values, who := x.Keep(more.values.All(), o.identity.Load())
	who = who || s.srv.hooks != nil && x.Auth == authNotNeeded // the hook says it again
	all := values && who && !more.own.Any() && !more.life.Any()
	return x.Auth != authMissing && (all || s.srv.current().ExportSession != nil)
}

func (o *owner) Export() func() ([]byte, error) {
	if hook := o.srv.current().ExportSession; hook != nil {
		return func() ([]byte, error) { return hook(o.socket()) }
	}
	return nil
}

func (o *owner) Freeze(x *succession.Session) {
	x.Rooms = o.socket().Rooms()
	x.Ledger = o.kept.ledger.Move(o.srv.sinceStart(), o.srv.sessions)
	x.Asked, x.Questions = o.socket().extra().questions.Move()
}

func (o *owner) Behind(f func()) { o.socket().post(job{kind: jobElse, data: body{info: f}}) }

func (o *owner) GoneOn(had session.Peer) {
	s := o.socket()
	if s.ns.hub.SetAway(s, true); s.srv.fixed.Broker != nil { // which reaches its rooms there, too
		s.ns.hub.Remove(s)
	}
	o.Behind(func() {
		if had != nil {
			s.gone(&job{reason: &Reason{Code: frame.CloseCode(message.CloseReplaced),
				Text: "the session goes on in another process"}})
		}
		s.settled.Store(true)
		s.extra().contexts.End(errGone)
	})
}

func (o *owner) Kicked() (uint16, string) {
	r := cmp.Or(o.kept.kicked.Load(), new(Reason))
	return uint16(r.Code), r.Text
}

func (o *owner) Answered(id uint64, a succession.Answer) {
	if done, ok := o.socket().extra().questions.Claim(id); ok {
		p := outgoing.Payload{B: a.Data, Binary: a.Binary}
		o.socket().finish(done, Data{&body{Payload: p}}, a.Err)
	}
}

func (o *owner) Orphaned() {
	s := o.socket()
	for _, done := range s.extra().questions.Close() {
		s.finish(done, Data{}, fault.Lost("the connection was lost before the answer came"))
	}
}

func (o *owner) Reply(id uint64, answer []byte) { o.socket().answer(id, answer) }

func (o *owner) Kick(code uint16, text string) {
	o.socket().DisconnectWith(frame.CloseCode(code), text)
}

// adopt makes the socket of a session that has moved. Its client is away.
func (v *Server) adopt(x *succession.Session, to succession.Back) (*session.Session, error) {
	ns := v.lookup(x.Namespace)
	who, err := x.Outcome(v.clock.Micro(), v.current().AuthTimeout)
	if ns == nil {
		err = fault.Errorf(message.CodeInvalidNamespace, "no namespace %.40q", x.Namespace)
	}
	if err != nil {
		return nil, err
	}
	l := &link{srv: v, ns: ns, ws: websocket.Gone(), serial: 1, inflates: x.Inflates,
		ticket: admission.TicketOf(x.Address)}
	l.phase.Store(linkClosed)
	s := &Socket{srv: v, ns: ns, kept: new(kept)}
	l.s, s.place.ID = s, x.ID
	s.link.Store(l)
	s.auth.Store(x.Auth)
	s.told.Store(1)
	s.identity.Store(who)
	for key, value := range x.Values {
		s.Set(key, value)
	}
	s.kept.ledger.Adopt(x.Ledger, l.serial, v.sinceStart(), v.sessions)
	s.extra().questions.Adopt(x.Asked, x.Questions, func(id uint64) func(Data, error) {
		return func(d Data, err error) {
			to(id, succession.Answer{Data: d.Bytes(), Binary: d.Binary(), Err: err})
		}
	})
	v.sessions.Adopt(&s.kept.Session, (*owner)(s), l, &x.State)
	defer s.kept.Done()
	ns.hub.Add(s)
	ns.hub.SetAway(s, true)
	_, err = ns.hub.Join(s, x.Rooms)
	if hook := v.current().ImportSession; err == nil && hook != nil {
		err = succession.Guarded(func() error { return hook(s, x.App) })
	}
	if err != nil {
		s.kept.Doom()
	}
	return &s.kept.Session, err
}
