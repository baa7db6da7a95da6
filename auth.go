package smartsocket

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/websocket"
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

// apiKeys is the list of keys that clients may present. Only digests are kept,
// under a key of this process, so that comparing tells nothing about the keys.
type apiKeys struct {
	mac  [32]byte
	list map[[32]byte]bool
}

func newAPIKeys(keys []string) *apiKeys {
	if len(keys) == 0 {
		return nil
	}
	a := &apiKeys{list: make(map[[32]byte]bool)}
	rand.Read(a.mac[:])
	for _, k := range keys {
		a.list[a.digest([]byte(k))] = true
	}
	return a
}

func (a *apiKeys) digest(key []byte) (d [32]byte) {
	h := hmac.New(sha256.New, a.mac[:])
	h.Write(key)
	copy(d[:], h.Sum(nil))
	return d
}

func (a *apiKeys) allow(key []byte) bool { return a.list[a.digest(key)] }

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
	r := AuthRequest{APIKey: string(m.APIKey), Namespace: s.ns.path, Address: s.address}
	s.post(job{kind: jobAuthenticate, rare: &rareJob{request: &r}})
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

// addressOf is the client's address: the peer's, or the one that a trusted proxy reports.
func (v *Server) addressOf(r *frame.Request, c *websocket.Conn) netip.Addr {
	peer := addrOf(c.RemoteAddr())
	if !v.trusted(peer) {
		return peer
	}
	// The last address that no trusted proxy added is the client; what stands before it the client may have made up.
	hops := strings.Split(string(r.ForwardedFor), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		a, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			return peer
		}
		if peer = a.Unmap(); !v.trusted(peer) {
			break
		}
	}
	return peer
}

func (v *Server) trusted(a netip.Addr) bool {
	for _, p := range v.current().proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func addrOf(a net.Addr) netip.Addr {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// group is the unit in which addresses are counted: an IPv4 address, or the /64
// of an IPv6 one, since a single subscriber has all of that.
func group(a netip.Addr) netip.Addr {
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}

// The throttle of failed authentications: so many at once, then one per refill.
const (
	failuresAllowed = 10
	failureRefill   = 10 * time.Second
	maxThrottled    = 100_000
)

// throttle counts connections and failed authentications per address.
type throttle struct {
	mu       sync.Mutex
	open     map[netip.Addr]int // connections
	waiting  map[netip.Addr]int // those that have not authenticated
	failures map[netip.Addr]failure
}

// failure is a leaky bucket: level drops by one per refill.
type failure struct {
	level float64
	at    time.Duration
}

func (f failure) now(t time.Duration) float64 {
	return max(f.level-float64(t-f.at)/float64(failureRefill), 0)
}

// blocked reports whether an address has failed too often to be let in, and for how long.
func (t *throttle) blocked(a netip.Addr, now time.Duration) (wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f, ok := t.failures[group(a)]
	if !ok {
		return 0
	}
	level := f.now(now)
	if level <= failuresAllowed-1 {
		return 0
	}
	return time.Duration((level - (failuresAllowed - 1)) * float64(failureRefill))
}

func (t *throttle) failed(a netip.Addr, now time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failures == nil {
		t.failures = make(map[netip.Addr]failure)
	}
	if len(t.failures) >= maxThrottled {
		for k, f := range t.failures {
			if f.now(now) == 0 {
				delete(t.failures, k)
			}
		}
		if len(t.failures) >= maxThrottled {
			return
		}
	}
	a = group(a)
	t.failures[a] = failure{t.failures[a].now(now) + 1, now}
}

// enter counts a connection of an address in one of t's maps; false when there are limit of them.
func (t *throttle) enter(m *map[netip.Addr]int, a netip.Addr, limit int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if *m == nil {
		*m = make(map[netip.Addr]int)
	}
	a = group(a)
	if (*m)[a] >= limit {
		return false
	}
	(*m)[a]++
	return true
}

func (t *throttle) leave(m *map[netip.Addr]int, a netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	a = group(a)
	if (*m)[a]--; (*m)[a] <= 0 {
		delete(*m, a)
	}
}
