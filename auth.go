package smartsocket

import "github.com/smartsocket/smartsocket/internal/refusal"

// needsAuth reports whether CONNECT must carry credentials.
func (t *settings) needsAuth() bool { return t.apiKeys != nil || t.Authenticate != nil }

// Identity returns what the Authenticate hook or Authenticated said about the client, nil before.
func (s *Socket) Identity() any {
	if p := s.identity.Load(); p != nil {
		return *p
	}
	return nil
}

// Authenticated sets the identity and lets all events pass. Call it again to refresh the identity.
func (s *Socket) Authenticated(identity any) {
	s.identity.Store(&identity)
	s.auth.Store(authDone)
	l := s.link.Load()
	s.srv.journal.Authenticated(l.ws, "Authenticated")
	l.ws.Post(func() { s.srv.gate.Settle(&l.ticket) })
}

// RequireAuth lets only the event "auth" pass until Authenticated is called, and closes the
// connection if that takes longer than Options.AuthTimeout. Call it in a connected handler before
// that handler waits for anything, because the socket's events wait for the connected handlers. A
// handler of "auth" checks the credentials, calls Authenticated, and acks.
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
	if timeout < l.srv.fixed.ConnectionTimeout/2 {
		l.ws.SetTimer(timeout)
	}
}

// authOverdue ends a connection whose time for the auth event is over.
func (l *link) authOverdue() bool {
	if l.authBy == 0 || l.s.auth.Load() != authMissing || l.srv.sinceStart() < l.authBy {
		return false
	}
	l.turnAway(refusal.ErrAuthLate)
	return true
}
