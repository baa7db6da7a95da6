package smartsocket

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/smartsocket/smartsocket/internal/opening"
	"github.com/smartsocket/smartsocket/message"
)

// AuthRequest is what an Authenticate hook decides about. Its strings are the hook's to keep.
type AuthRequest struct {
	APIKey    string
	Namespace string
	Address   netip.Addr // the client's, behind trusted proxies the one they report

	// HTTP is the request of the opening handshake: path, query, headers, cookies, TLS and the peer.
	// It is a copy for this hook alone; copy what the socket should keep into the identity. Its
	// context is the hook's, which has the values of a request that came through Server.ServeHTTP.
	HTTP *http.Request
}

// hide is what a hook said, for the log, without the key and the secrets it was given.
func (r *AuthRequest) hide(said any) string {
	text := fmt.Sprint(said)
	for _, secret := range append(opening.Secrets(r.HTTP), r.APIKey) {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "(hidden)")
		}
	}
	return text
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

// authentication is a link that waits for the Authenticate hook. The hook runs on a goroutine of
// its own kind, because it may ask a database.
type authentication struct {
	l *link
	r AuthRequest
}

// hooksWaiting is how many clients of one address may wait for the hook.
const hooksWaiting = 256

// authenticate asks the hook, if there is one, and opens the link.
func (l *link) authenticate(apiKey []byte) {
	if l.ns == nil {
		l.turnAway(l.srv.unknownNamespace())
		return
	}
	if l.srv.fixed.Authenticate == nil {
		l.open()
		return
	}
	l.phase.Store(linkAuthenticating)
	from := l.handshake.opening
	l.handshake.opening = nil
	a := &authentication{l, AuthRequest{
		APIKey: string(apiKey), Namespace: l.ns.path, Address: l.ticket.Address(),
	}}
	if !l.srv.hooks.Add(l.ticket.Group(), func() { a.run(from) }) {
		l.endHandshake(ErrTryLater.(*Error))
	}
}

// run asks the hook. A connection that is gone is not asked about any more.
func (a *authentication) run(from *opening.Opening) {
	l, v := a.l, a.l.srv
	if l.phase.Load() != linkAuthenticating {
		return
	}
	ctx, cancel := context.WithTimeout(from.Context(), v.fixed.HandshakeTimeout)
	defer cancel()
	identity, no := any(nil), errAuth // as it stays when the hook ends its goroutine
	defer func() {
		if no != nil && !message.Reconnects(message.CloseCodeFor(no.Code)) { // also if it is gone
			v.gate.Failed(a.r.Address, v.sinceStart())
		}
		l.ws.Post(func() {
			switch {
			case l.phase.Load() != linkAuthenticating:
			case no != nil:
				l.endHandshake(no)
			default:
				v.journal.Authenticated(l.ws, "Authenticate")
				l.handshake.identity = &identity
				l.open()
			}
		})
	}()
	identity, no = a.ask(ctx, from)
}

// refusalOf is what a client is told of the hook's error: an *Error as it is, and that it may come
// back when the hook had no time to decide.
func refusalOf(err error) *Error {
	var said *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &said) && said != nil:
		return said
	case errors.Is(err, context.DeadlineExceeded):
		return errNoDecision
	}
	return errAuth
}

// ask runs the hook and contains its panic.
func (a *authentication) ask(ctx context.Context, from *opening.Opening) (identity any, no *Error) {
	v, asking := a.l.srv, false
	defer func() {
		if p := recover(); p != nil || asking { // nil is runtime.Goexit
			v.counters.panics.Add(1)
			v.journal.HookPanicked(a.r.Namespace, a.r.hide(p))
			no = errAuth
		}
	}()
	var err error
	if a.r.HTTP, err = from.Request(ctx); err != nil {
		return nil, message.ErrInvalidFormat
	}
	asking = true
	identity, err = v.fixed.Authenticate(ctx, a.r)
	asking = false
	if err != nil {
		v.log.Debug("authentication refused", "namespace", a.r.Namespace, "error", a.r.hide(err))
	}
	return identity, refusalOf(err)
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
	s.srv.journal.Authenticated(s.link.Load().ws, "Authenticated")
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
