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

// hide is what a hook said, for the log, without the key it was given.
func (r *AuthRequest) hide(said any) string {
	text := fmt.Sprint(said)
	if r.APIKey == "" {
		return text
	}
	return strings.ReplaceAll(text, r.APIKey, "(hidden)")
}

// AuthEvent is the only event that passes before a socket that must authenticate has done so.
const AuthEvent = "auth"

// Whether a socket must authenticate by the auth event.
const (
	authNotNeeded uint32 = iota
	authMissing
	authDone
)

var (
	errAuth      = &Error{Code: message.CodeAuthFailed, Message: "authentication failed: give client and server the same encryption key and algorithm, and a valid API key"}
	errAuthFirst = &Error{Code: message.CodeAuthFailed, Message: "authenticate first: send the event " + AuthEvent}
	errAuthLate  = &Error{Code: message.CodeAuthFailed, Message: "the connection did not authenticate in time"}
)

// needsAuth reports whether CONNECT must carry credentials.
func (t *settings) needsAuth() bool { return t.apiKeys != nil || t.Authenticate != nil }

// authenticate asks the hook, if there is one, and opens the socket. The hook
// runs on a pooled goroutine, since it may ask a database.
func (s *Socket) authenticate(m *message.Connect) {
	if s.srv.opts.Authenticate == nil {
		s.open()
		return
	}
	s.state.Store(stateAuthenticating)
	r := AuthRequest{APIKey: string(m.APIKey), Namespace: s.ns.path, Address: s.ticket.Address()}
	s.post(job{kind: jobAuthenticate, data: body{info: r}})
}

// runAuthenticate is the part of authenticate that may block.
func (s *Socket) runAuthenticate(r AuthRequest) {
	ctx, cancel := context.WithTimeout(context.Background(), s.srv.opts.HandshakeTimeout)
	defer cancel()
	identity, err := s.askHook(ctx, r)
	s.ws.Post(func() {
		if s.state.Load() != stateAuthenticating {
			return
		}
		if err != nil {
			s.srv.log.Debug("authentication refused", "namespace", s.ns.path, "error", r.hide(err))
			s.refuseConnect(errAuth)
			return
		}
		s.identity.Store(&identity)
		s.open()
	})
}

func (s *Socket) askHook(ctx context.Context, r AuthRequest) (identity any, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.srv.counters.panics.Add(1)
			s.srv.log.Error("the authenticate hook panicked", "panic", r.hide(p))
			err = errAuth
		}
	}()
	return s.srv.opts.Authenticate(ctx, r)
}

// Identity is what the Authenticate hook or Authenticated said about the client, nil before.
func (s *Socket) Identity() any {
	if p := s.identity.Load(); p != nil {
		return *p
	}
	return nil
}

// Authenticated marks the socket as authenticated as identity: from now on all
// its events pass. Call it again to refresh the identity without a reconnect.
func (s *Socket) Authenticated(identity any) {
	s.identity.Store(&identity)
	s.auth.Store(authDone)
	if n := s.session; n != nil { // which may have another connection by now
		n.mu.Lock()
		defer n.mu.Unlock()
		n.last.identity.Store(&identity)
		n.last.auth.Store(authDone)
	}
}

// RequireAuth lets only the event "auth" pass until Authenticated is called,
// and closes the socket when that does not happen within Options.AuthTimeout.
// Call it in a connected handler that is Inline or before anything is awaited:
// events of the socket wait for the connected handlers. A handler of "auth"
// checks the credentials, calls Authenticated, and acks.
func (s *Socket) RequireAuth() {
	if s.auth.CompareAndSwap(authNotNeeded, authMissing) {
		s.ws.Post(s.watchAuth)
	}
}

// watchAuth arms the deadline of RequireAuth. On the loop.
func (s *Socket) watchAuth() {
	timeout := s.srv.current().AuthTimeout
	s.authBy = s.srv.sinceStart() + timeout
	if timeout < s.srv.opts.ConnectionTimeout/2 {
		s.ws.SetTimer(timeout)
	}
}

// authOverdue closes a socket whose time for the auth event is over.
func (s *Socket) authOverdue() bool {
	if s.auth.Load() != authMissing || s.authBy == 0 || s.srv.sinceStart() < s.authBy {
		return false
	}
	s.refuseConnect(errAuthLate)
	return true
}
