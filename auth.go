package smartsocket

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/smartsocket/smartsocket/message"
)

// AuthRequest is what an Authenticate hook decides about. Its strings are the hook's to keep.
type AuthRequest struct {
	APIKey    string
	Namespace string
	Address   netip.Addr // the client's, behind trusted proxies the one they report
}

// hide is what a hook said, for the log, with the key removed.
func (r *AuthRequest) hide(said any) string {
	text := fmt.Sprint(said)
	if r.APIKey == "" {
		return text
	}
	return strings.ReplaceAll(text, r.APIKey, "(hidden)")
}

// AuthEvent is the only event that passes before a socket that must authenticate has done so.
const AuthEvent = "auth"

// Socket.auth has one of these: whether the socket must authenticate by the auth event.
const (
	authNotNeeded uint32 = iota
	authMissing
	authDone
)

// needsAuth reports whether CONNECT must carry credentials.
func (t *settings) needsAuth() bool { return t.apiKeys != nil || t.Authenticate != nil }

// authentication is a link that waits for the hook, which may block and so runs on the workers.
type authentication struct {
	l *link
	r AuthRequest
}

// authenticate asks the hook, if there is one, and opens the link.
func (l *link) authenticate(m *message.Connect) {
	if l.srv.fixed.Authenticate == nil {
		l.open()
		return
	}
	l.phase.Store(linkAuthenticating)
	r := AuthRequest{APIKey: string(m.APIKey), Namespace: l.ns.path, Address: l.ticket.Address()}
	l.srv.hooks.Add(&authentication{l, r})
}

// Work implements mailbox.Runner. It skips a connection that is gone.
func (a *authentication) Work() (more bool) {
	l := a.l
	if l.phase.Load() != linkAuthenticating {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), l.srv.fixed.HandshakeTimeout)
	defer cancel()
	identity, err := a.ask(ctx)
	l.ws.Post(func() {
		if l.phase.Load() != linkAuthenticating {
			return
		}
		if err != nil {
			l.srv.log.Debug("authentication refused",
				"namespace", l.ns.path, "error", a.r.hide(err))
			l.turnAway(errAuth)
			return
		}
		l.handshake.identity = &identity
		l.open()
	})
	return false
}

func (a *authentication) ask(ctx context.Context) (identity any, err error) {
	v := a.l.srv
	defer func() {
		if p := recover(); p != nil {
			v.counters.panics.Add(1)
			v.log.Error("the authenticate hook panicked", "panic", a.r.hide(p))
			err = errAuth
		}
	}()
	return v.fixed.Authenticate(ctx, a.r)
}

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

// watchAuth arms the deadline of RequireAuth. On the loop.
func (l *link) watchAuth() {
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
	l.turnAway(errAuthLate)
	return true
}
