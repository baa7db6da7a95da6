//go:build linux || darwin

package test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/internal/testclock"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/smartsockettest"
)

type Grant = smartsocket.Grant

// granting is a hook that says the same about everybody.
func granting(identity any) func(context.Context, asked) (any, error) {
	return func(context.Context, asked) (any, error) { return identity, nil }
}

// A hook's Grant has an identity, values and rooms, by value and as a pointer.
func TestGrantOfTheHook(t *testing.T) {
	g := Grant{
		Identity: "ann", Values: map[string]any{"level": 3},
		Rooms: []string{"team:7", "match:*"}, Namespaces: []string{"/"},
	}
	for kind, what := range map[string]any{"value": g, "pointer": &g} {
		s := smartsockettest.New(t, Options{Authenticate: granting(what)}, func(v *Server) {
			v.OnConnected(func(s *Socket) {
				if s.Identity() != "ann" || s.Get("level") != 3 {
					t.Errorf("%s: connected as %v, %v", kind, s.Identity(), s.Get("level"))
				}
			})
		})
		socket := s.Client(t).Socket()
		if err := socket.Join("team:7", "match:1"); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		err := socket.Join("match:2", "team:8")
		var typed *smartsocket.Error
		if !errors.As(err, &typed) || !errors.Is(err, smartsocket.ErrRejected) ||
			!strings.Contains(typed.Message, `"team:8"`) {
			t.Errorf("%s: Join of a room that is not granted: %v", kind, err)
		}
		n, err := s.To("team:7").Join("team:8")
		if n != 0 || !errors.Is(err, smartsocket.ErrRejected) {
			t.Errorf("%s: Target.Join: %d, %v", kind, n, err)
		}
		if got := socket.Rooms(); !slices.Equal(got, []string{"team:7", "match:1"}) {
			t.Errorf("%s: in the rooms %q", kind, got)
		}
	}
}

// Identities without a Grant, and Grants without rooms, are as they were.
func TestWithoutRoomGrants(t *testing.T) {
	for _, what := range []any{nil, "ann", &Grant{Identity: "ann"}} {
		s := smartsockettest.New(t, Options{Authenticate: granting(what)}, nil)
		socket := s.Client(t).Socket()
		if err := socket.Join("any", "other"); err != nil || what != nil && socket.Identity() != "ann" {
			t.Errorf("%v: %v, %v", what, err, socket.Identity())
		}
	}
}

// A namespace that the grant does not name and one that does not exist look the same, and to a
// stranger all look the same.
func TestNamespacesOfAGrant(t *testing.T) {
	hook := func(_ context.Context, r asked) (any, error) {
		if r.APIKey != "the-key" {
			return nil, errors.New("who?")
		}
		return Grant{Identity: r.Namespace, Namespaces: []string{"/game"}}, nil
	}
	v := startServer(t, Options{Authenticate: hook, FailureLimit: -1}, func(v *Server) {
		v.Namespace("/game")
		v.Namespace("/admin")
	})
	ask := func(path, key string) message.Message {
		w := dialWire(t, v, path, message.Subprotocol)
		w.next()
		w.sendConnect(message.Connect{APIKey: []byte(key)})
		m := w.message()
		switch codeOf(m) {
		case message.CodeInvalidNamespace:
			w.wantClose(3501)
		case message.CodeAuthFailed:
			w.wantClose(3500)
		}
		return m
	}
	if m := ask("/game", "the-key"); m.Kind != message.KindConnectAck {
		t.Errorf("the namespace of the grant: %s", m.Payload)
	}
	refused := string(ask("/admin", "the-key").Payload)
	none := string(ask("/none", "the-key").Payload)
	if refused != none || !strings.Contains(refused, string(message.CodeInvalidNamespace)) ||
		strings.Contains(refused, "game") {
		t.Errorf("refused %s, unknown %s", refused, none)
	}
	for _, path := range []string{"/game", "/admin", "/none"} {
		if m := ask(path, "wrong-key"); codeOf(m) != message.CodeAuthFailed {
			t.Errorf("a stranger at %s: %s", path, m.Payload)
		}
	}
	w := dialPlain(t, v, "/admin")
	if _, b := w.next(); !strings.Contains(string(b), string(message.CodeAuthFailed)) {
		t.Errorf("a plain stranger: %s", b)
	}
}

// A Grant that cannot be used is the server's mistake: it is told in the log, and its clients may
// come back. One that has expired is the client's.
func TestGrantsThatCannotBeUsed(t *testing.T) {
	var log logBuffer
	var nothing *Grant
	what := make(chan any, 1)
	v := startServer(t, Options{Logger: log.warnings(), FailureLimit: 3,
		Authenticate: func(context.Context, asked) (any, error) { return <-what, nil },
	}, nil)
	for _, bad := range []any{
		Grant{Rooms: []string{"a*b"}}, &Grant{Namespaces: []string{""}}, nothing,
		Grant{Rooms: []string{"a*b"}}, Grant{Rooms: []string{"a*b"}},
	} {
		what <- bad
		w, m := connectWith(t, v, "key")
		if codeOf(m) != message.CodeRefused || strings.Contains(string(m.Payload), "Grant") {
			t.Errorf("%v was told as %s", bad, m.Payload)
		}
		w.wantClose(1013)
	}
	if text := log.String(); !strings.Contains(text, `Grant.Rooms`) {
		t.Errorf("the log: %s", text)
	}
	what <- Grant{Expires: time.Unix(1, 0)}
	w, m := connectWith(t, v, "key")
	if codeOf(m) != message.CodeAuthFailed || !strings.Contains(string(m.Payload), "expired") {
		t.Errorf("an expired one was told as %s", m.Payload)
	}
	w.wantClose(3500)
}

// Authenticated changes nothing when it returns an error.
func TestAuthenticatedWithAGrantThatCannotBeUsed(t *testing.T) {
	s := smartsockettest.New(t, Options{}, nil)
	socket := s.Client(t).Socket()
	if err := socket.Authenticated(&Grant{Identity: "ann", Rooms: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		bad  *Grant
		want error
	}{
		{&Grant{Rooms: []string{"*a"}}, smartsocket.ErrHandlerFailed},
		{&Grant{Expires: s.Now()}, message.ErrAuthFailed},
		{&Grant{Namespaces: []string{"/other"}}, smartsocket.ErrInvalidNamespace},
		{nil, smartsocket.ErrHandlerFailed},
	} {
		if err := socket.Authenticated(c.bad); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v", c.bad, err)
		}
		if socket.Identity() != "ann" || socket.Join("b") == nil {
			t.Errorf("%+v was taken", c.bad)
		}
	}
}

// A refresh replaces the whole grant: the socket leaves rooms that it does not allow any more.
func TestRefreshReplacesTheGrant(t *testing.T) {
	s := smartsockettest.New(t, Options{}, nil)
	socket := s.Client(t).Socket()
	refresh := func(identity any, want ...string) {
		t.Helper()
		if err := socket.Authenticated(identity); err != nil {
			t.Fatal(err)
		}
		if got := socket.Rooms(); !slices.Equal(got, want) {
			t.Errorf("in the rooms %q, want %q", got, want)
		}
	}
	if err := socket.Join("team:7", "match:1", "lobby"); err != nil {
		t.Fatal(err)
	}
	refresh(Grant{Rooms: []string{"team:*", "lobby"}}, "team:7", "lobby")
	refresh(Grant{Rooms: []string{}, Values: map[string]any{"a": 1}})
	if socket.Join("lobby") == nil {
		t.Error("joined with an empty list")
	}
	refresh("ann")
	if err := socket.Join("lobby"); err != nil || socket.Get("a") != 1 {
		t.Errorf("after an identity alone: %v, %v", err, socket.Get("a"))
	}
}

// A Join that is under way while rooms are taken away does not win.
func TestRefreshDuringAJoin(t *testing.T) {
	s := smartsockettest.New(t, Options{}, nil)
	socket := s.Client(t).Socket()
	for range 500 {
		if err := socket.Authenticated("ann"); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		all.Go(func() { socket.Join("a") })
		if err := socket.Authenticated(&Grant{Rooms: []string{"b"}}); err != nil {
			t.Fatal(err)
		}
		all.Wait()
		if socket.In("a") {
			t.Fatal("in a room that the grant does not allow")
		}
	}
}

// When its grant expires, a client of either kind is told and closed, to the second, whatever the
// heartbeats are doing.
func TestGrantExpires(t *testing.T) {
	for _, lifetime := range []time.Duration{
		3 * time.Second, 7 * time.Second, time.Minute, 10 * time.Minute,
	} {
		reasons := make(chan smartsocket.Reason, 1)
		var s *smartsockettest.Server
		s = smartsockettest.New(t, Options{
			Authenticate: func(context.Context, asked) (any, error) {
				return Grant{Expires: s.Now().Add(lifetime)}, nil
			},
		}, func(v *Server) {
			v.OnDisconnected(func(_ *Socket, r smartsocket.Reason) { reasons <- r })
		})
		c := s.NewClient(t, client.Options{MaxReconnectAttempts: client.Never})
		told := make(chan error, 1)
		c.OnError(func(err error) { told <- err })
		c.Connect()
		s.Advance(lifetime - time.Second)
		s.Quiet()
		if !c.Connected() {
			t.Fatalf("%v: closed early", lifetime)
		}
		s.Advance(2 * time.Second)
		if r := c.ExpectClosed(message.CloseExpired); r.Text != "ERR_CONN_004 expired" {
			t.Errorf("%v: %s", lifetime, r)
		}
		var e *client.Error // nobody is asked before who could not answer
		if err := <-told; !errors.As(err, &e) || e.Code != message.CodeAuthFailed || e.Event != "" {
			t.Errorf("%v: told %v", lifetime, err)
		}
		if r := <-reasons; r.Code != 3002 {
			t.Errorf("%v: the server's reason is %v", lifetime, r)
		}
	}
}

// A plain client is told in JSON, before and then.
func TestGrantOfAPlainClientExpires(t *testing.T) {
	var clock testclock.Clock
	open := make(chan bool)
	v := startServer(t, Options{
		Authenticate: func(context.Context, asked) (any, error) {
			return &Grant{Expires: time.UnixMicro(clock.Micro()).Add(20 * time.Second)}, nil
		},
	}, func(v *Server) {
		v.UseClock(&clock)
		v.On("auth", reply)
		v.OnConnected(func(*Socket) { open <- true })
	})
	w := dialPlain(t, v, "/")
	<-open
	clock.Advance(16*time.Second, func() {})
	_, b := w.next()
	if text := string(b); !strings.Contains(text, `"event":"auth"`) ||
		!strings.Contains(text, "ERR_CONN_004") {
		t.Errorf("before: %s", text)
	}
	clock.Advance(5*time.Second, func() {})
	_, b = w.next()
	if text := string(b); strings.Contains(text, `"event"`) ||
		!strings.Contains(text, "ERR_CONN_004") {
		t.Errorf("then: %s", text)
	}
	w.wantClose(3002)
}

// tokens is a client's Credentials: token 1, token 2 and so on.
func tokens() func(context.Context) (string, error) {
	n := 0
	return func(context.Context) (string, error) {
		n++
		return fmt.Sprint("token ", n), nil
	}
}

// A client whose grant has expired comes back with fresh credentials, and to its session.
func TestClientComesBackWithFreshCredentials(t *testing.T) {
	keys := make(chan string, 10)
	var s *smartsockettest.Server
	s = smartsockettest.New(t, Options{
		EnableMessageCache: true,
		Authenticate: func(_ context.Context, r asked) (any, error) {
			keys <- r.APIKey
			return &Grant{Identity: "ann", Values: map[string]any{"key": r.APIKey},
				Expires: s.Now().Add(time.Minute)}, nil
		},
	}, nil)
	c := s.NewClient(t, client.Options{Credentials: tokens()})
	back := make(chan bool, 10)
	c.OnReconnected(func(recovered bool) { back <- recovered })
	c.Connect()
	socket := c.Socket()
	for i := range 3 {
		if key := <-keys; key != fmt.Sprint("token ", i+1) || socket.Get("key") != key {
			t.Errorf("round %d: %s, and the socket has %v", i, key, socket.Get("key"))
		}
		s.Advance(59 * time.Second)
		if len(back) > 0 {
			t.Error("closed early")
		}
		s.Advance(2 * time.Second)
		if recovered := <-back; !recovered {
			t.Error("the session was not recovered")
		}
		s.Quiet()
	}
	if c.Socket() != socket {
		t.Error("the client has another socket")
	}
}

// A session belongs to the key it began with, and to the identity of its Grant. Who has its token
// and is somebody else gets a session of his own.
func TestSessionBelongsToTheIdentityOfItsGrant(t *testing.T) {
	v := cacheServer(t, Options{Authenticate: func(_ context.Context, r asked) (any, error) {
		who, _, granted := strings.Cut(r.APIKey, "/")
		if !granted {
			return who, nil
		}
		return Grant{Identity: who}, nil
	}})
	for _, c := range []struct {
		first, then string
		recovered   bool
	}{
		{"ann/1", "ann/2", true}, {"ann/1", "bob/1", false}, {"ann-alone", "ann-other", false},
		{"ann/1", "ann", false}, {"ann", "ann/1", false}, {"ann", "ann", true},
	} {
		var a resumer
		a.connect(t, v, "/", c.first)
		a.connect(t, v, "/", c.then)
		if a.recovered != c.recovered {
			t.Errorf("%s, then %s: recovered %v", c.first, c.then, a.recovered)
		}
	}
}

// A client is asked for fresh credentials shortly before its grant expires, sends them as the
// event auth, and the connection goes on.
func TestGrantIsRefreshedOnTheLiveConnection(t *testing.T) {
	grants := make(chan *Grant, 10)
	var s *smartsockettest.Server
	authenticate := func(token string) *Grant {
		g := &Grant{Identity: token, Expires: s.Now().Add(time.Minute)}
		grants <- g
		return g
	}
	s = smartsockettest.New(t, Options{
		Authenticate: func(_ context.Context, r asked) (any, error) {
			return authenticate(r.APIKey), nil
		},
	}, func(v *Server) {
		smartsocket.Handle(v, "auth", func(s *Socket, token string) (bool, error) {
			return true, s.Authenticated(authenticate(token))
		})
	})
	c := s.NewClient(t, client.Options{Credentials: tokens()})
	c.OnReconnected(func(bool) { t.Error("it was closed") })
	c.OnError(func(err error) { t.Errorf("told %v", err) })
	c.Connect()
	g := <-grants
	for i := range 5 {
		s.Advance(g.Expires.Sub(s.Now()) - 11*time.Second) // the client is asked 10 s before
		s.Quiet()
		if len(grants) > 0 {
			t.Fatal("asked early")
		}
		s.Advance(2 * time.Second)
		want := fmt.Sprint("token ", i+2)
		if g = <-grants; g.Identity != want {
			t.Errorf("round %d: %v", i, g.Identity)
		}
		s.Quiet()
		if who := c.Socket().Identity(); who != want {
			t.Errorf("round %d: the socket is %v", i, who)
		}
	}
	if !c.Connected() {
		t.Error("closed")
	}
}

// The application refreshes a grant at any time, to a later end or a sooner one.
func TestApplicationRefreshesAGrant(t *testing.T) {
	s := smartsockettest.New(t, Options{}, nil)
	c := s.Client(t, client.Options{MaxReconnectAttempts: client.Never})
	refresh := func(lifetime time.Duration) {
		t.Helper()
		g := &Grant{Expires: s.Now().Add(lifetime)}
		if err := c.Socket().Authenticated(g); err != nil {
			t.Fatal(err)
		}
		s.Quiet()
	}
	refresh(time.Minute)
	s.Advance(59 * time.Second)
	refresh(10 * time.Minute)
	s.Advance(5 * time.Minute)
	if !c.Connected() {
		t.Fatal("closed although the grant was refreshed")
	}
	refresh(2 * time.Second)
	s.Advance(3 * time.Second)
	c.ExpectClosed(message.CloseExpired)
}

// An identity alone lifts the end of an earlier grant.
func TestIdentityAloneHasNoEnd(t *testing.T) {
	s := smartsockettest.New(t, Options{}, nil)
	c := s.Client(t)
	for _, what := range []any{&Grant{Expires: s.Now().Add(time.Minute)}, "ann"} {
		if err := c.Socket().Authenticated(what); err != nil {
			t.Fatal(err)
		}
	}
	s.Advance(2 * time.Minute)
	if !c.Connected() || c.Socket().Identity() != "ann" {
		t.Error("closed")
	}
}

// authServer keeps sessions and lets clients authenticate by the event auth, for a minute.
func authServer(t *testing.T, setup func(*Server)) *smartsockettest.Server {
	var s *smartsockettest.Server
	s = smartsockettest.New(t, Options{EnableMessageCache: true, RequireAuth: true},
		func(v *Server) {
			smartsocket.Handle(v, "auth", func(k *Socket, who string) (bool, error) {
				return true, k.Authenticated(&Grant{Identity: who, Expires: s.Now().Add(time.Minute)})
			})
			smartsocket.Handle(v, "who", func(k *Socket, _ any) (any, error) {
				return k.Identity(), nil
			})
			if setup != nil {
				setup(v)
			}
		})
	return s
}

// A grant ends at its time, however the session's connections come and go meanwhile.
func TestExpiryHoldsOverAResume(t *testing.T) {
	s := authServer(t, nil)
	c := s.Client(t)
	c.Call("auth", "ann")
	s.Advance(20 * time.Second)
	c.Cut()
	s.Advance(20 * time.Second)
	if !c.Reconnect() {
		t.Fatal("not recovered")
	}
	if who := smartsockettest.Call[string](c, "who", nil); who != "ann" {
		t.Errorf("after the resume it is %q", who)
	}
	s.Advance(19 * time.Second)
	if !c.Connected() {
		t.Fatal("closed early")
	}
	s.Advance(2 * time.Second)
	c.ExpectClosed(1006) // the cut
	c.ExpectClosed(message.CloseExpired)
}

// Whoever comes back to a session whose grant has expired has not authenticated: the session is
// over, and the client gets a new one.
func TestResumeWithAnExpiredGrant(t *testing.T) {
	ended := make(chan smartsocket.Reason, 1)
	s := authServer(t, func(v *Server) {
		v.OnEnded(func(_ *Socket, r smartsocket.Reason) { ended <- r })
	})
	c := s.Client(t)
	c.Call("auth", "ann")
	was := c.Socket()
	c.Cut()
	was.Emit("secret", nil)
	s.Advance(61 * time.Second)
	if c.Reconnect() {
		t.Error("recovered")
	}
	if r := <-ended; r.Code != 3002 {
		t.Errorf("the session ended with %v", r)
	}
	if now := c.Socket(); now == was || now.Identity() != nil {
		t.Errorf("the client is %v, %v", now.ID(), now.Identity())
	}
	c.CallFails("who", nil, message.CodeAuthFailed)
	c.ExpectNothing()
	c.Call("auth", "ann again")
	if who := smartsockettest.Call[string](c, "who", nil); who != "ann again" {
		t.Errorf("after another authentication it is %q", who)
	}
}

// A grant costs nothing where there is none, and the sockets fit into their size class.
func TestSizeOfASocket(t *testing.T) {
	if n := unsafe.Sizeof(Socket{}); n > 352 {
		t.Errorf("a socket has %d bytes: its size class has 352", n)
	}
}
