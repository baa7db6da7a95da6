package smartsocket

import (
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/grant"
	"github.com/smartsocket/smartsocket/internal/refusal"
	"github.com/smartsocket/smartsocket/message"
)

// Grant is what an Authenticate hook returns, or Socket.Authenticated is given, in place of an
// identity, by value or as a pointer. What it leads to belongs to the server from then on. The next
// authentication replaces all of it but the values; an identity alone grants everything for ever.
//
// Names are exact, or end in a * for any rest. A nil list allows all, an empty one none.
type Grant struct {
	// Identity is what Socket.Identity returns. A client that comes back to its session must have
	// the key that it had, or a Grant with an equal Identity (==). So with tokens that change, it
	// is a name or an id, not a pointer, and without what changes.
	Identity any
	Values   map[string]any // kept with the socket, as by Socket.Set
	// Expires is when the connection is closed with 3002, so that the client comes back with fresh
	// credentials, unless Authenticated has set a later time. If there are handlers of the event
	// "auth", the client is asked for fresh ones AuthTimeout before, or when a quarter of its time
	// is left if that is less. Zero means never.
	Expires    time.Time
	Namespaces []string // that the client may connect to; it does not learn of others
	Rooms      []string // that the socket may join; it leaves others
}

// needsAuth reports whether CONNECT must carry credentials.
func (t *settings) needsAuth() bool { return t.apiKeys != nil || t.Authenticate != nil }

// Identity returns what the Authenticate hook or Authenticated said about the client, nil before.
func (s *Socket) Identity() any {
	if p := s.identity.Load(); p != nil {
		return grant.Who(*p)
	}
	return nil
}

// IdentityOf is Socket.Identity for an identity of type T. It returns T's zero value if there is
// none, or another.
func IdentityOf[T any](s *Socket) T {
	who, _ := s.Identity().(T)
	return who
}

// Authenticated sets the identity, or what a Grant says, and lets all events pass. Call it again to
// refresh that. On an error nothing changes: the Grant has expired (ERR_CONN_004), does not name
// the socket's namespace (ERR_MSG_005), or has a bad pattern (ERR_APP_002).
func (s *Socket) Authenticated(identity any) error {
	who, err := s.srv.checked(identity)
	if err == nil {
		err = grant.Of(who).Stays(s.ns.path)
	}
	if err != nil {
		return err
	}
	s.take(&who)
	switch {
	case !s.auth.CompareAndSwap(authMissing, authDone):
		s.auth.CompareAndSwap(authNotNeeded, authGiven)
	case s.identity.Load() != &who: // the client came back meanwhile, see owner.Back
		s.take(&who)
	}
	l := s.link.Load()
	s.srv.journal.Authenticated(l.ws, "Authenticated")
	l.ws.Post(func() {
		s.srv.gate.Settle(&l.ticket)
		l.heed()
	})
	return nil
}

// checked is an identity as a socket keeps it: a Grant is checked and becomes a *grant.Grant.
func (v *Server) checked(identity any) (any, error) {
	switch g := identity.(type) {
	case Grant:
		return v.checked(&g)
	case *Grant:
		return grant.New((*grant.Terms)(g), v.clock.Micro(), v.current().AuthTimeout)
	}
	return identity, nil
}

// take makes an outcome of authentication the socket's.
func (s *Socket) take(who *any) {
	g := grant.Of(*who)
	for key, value := range g.Values() {
		s.Set(key, value)
	}
	s.identity.Store(who)
	if g != nil {
		s.Leave(g.Refused(s.Rooms())...)
	}
}

// heed asks a client whose grant is about to expire for fresh credentials, and ends the connection
// when it has expired. It arms the timer for the next look. On the loop.
func (l *link) heed() {
	if !l.ws.Open() {
		return
	}
	do, next := l.s.granted().Look(l.srv.clock.Micro(), l.serial)
	switch do {
	case grant.End:
		l.srv.journal.Expired(l.ws, l.s.ID())
		l.sendError(message.Message{Kind: message.KindError}, grant.ErrExpired)
		l.ws.Close(frame.CloseCode(message.CloseExpired), grant.Reason)
	case grant.Warn:
		if h := l.s.handlersOf([]byte(AuthEvent)); !h.None() {
			l.sendError(message.Message{Kind: message.KindError}, grant.ErrExpiring)
		}
	}
	if next > 0 {
		l.ws.Hasten(next)
	}
}

// RequireAuth lets only the event "auth" pass until Authenticated is called, and closes the
// connection if that takes longer than Options.AuthTimeout. Call it in a connected handler before
// that handler waits for anything, because the socket's events wait for the connected handlers. A
// handler of "auth" checks the credentials, calls Authenticated, and acks. What that said holds for
// the session: when the client comes back, the Authenticate hook does not replace it.
func (s *Socket) RequireAuth() {
	if s.auth.CompareAndSwap(authNotNeeded, authMissing) {
		l := s.link.Load()
		l.ws.Post(l.watchAuth)
	}
}

// mustAuthenticate is RequireAuth without the deadline, if the option says so.
func (s *Socket) mustAuthenticate() {
	if s.srv.current().RequireAuth {
		s.auth.CompareAndSwap(authNotNeeded, authMissing)
	}
}

// watchAuth arms the deadline of RequireAuth. On the loop.
func (l *link) watchAuth() {
	if l.s.auth.Load() == authMissing {
		l.srv.gate.Unsettle(&l.srv.current().places, &l.ticket)
	}
	timeout := l.srv.current().AuthTimeout
	l.authBy = l.srv.sinceStart() + timeout
	l.ws.Hasten(timeout)
}

// authOverdue ends a connection whose time for the auth event is over.
func (l *link) authOverdue() bool {
	if l.authBy == 0 || l.s.auth.Load() != authMissing || l.srv.sinceStart() < l.authBy {
		return false
	}
	l.turnAway(refusal.ErrAuthLate)
	return true
}
