//go:build linux || darwin

package test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/internal/testclock"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/smartsockettest"
)

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
		if err := came(t, told, "the error"); !errors.As(err, &e) ||
			e.Code != message.CodeAuthFailed || e.Event != "" {
			t.Errorf("%v: told %v", lifetime, err)
		}
		if r := came(t, reasons, "the end"); r.Code != 3002 {
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
	came(t, open, "the connection")
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
		key := came(t, keys, "the hook")
		if key != fmt.Sprint("token ", i+1) || socket.Get("key") != key {
			t.Errorf("round %d: %s, and the socket has %v", i, key, socket.Get("key"))
		}
		s.Advance(59 * time.Second)
		if len(back) > 0 {
			t.Error("closed early")
		}
		s.Advance(2 * time.Second)
		if recovered := came(t, back, "the client"); !recovered {
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
	g := came(t, grants, "the handshake")
	for i := range 5 {
		s.Advance(g.Expires.Sub(s.Now()) - 11*time.Second) // the client is asked 10 s before
		s.Quiet()
		if len(grants) > 0 {
			t.Fatal("asked early")
		}
		s.Advance(2 * time.Second)
		want := fmt.Sprint("token ", i+2)
		if g = came(t, grants, "the event auth"); g.Identity != want {
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
	s.Advance(5*time.Minute + 5*time.Second) // no heartbeat is due in the next seconds
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
				g := &Grant{Identity: who, Expires: s.Now().Add(time.Minute)}
				return true, k.Authenticated(g)
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
	if r := came(t, ended, "the end"); r.Code != 3002 {
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

// With RequireAuth it is the event auth that counts. What the hook says when the client comes back
// replaces neither the identity nor the limits.
func TestResumeKeepsWhatAuthSaid(t *testing.T) {
	var s *smartsockettest.Server
	s = smartsockettest.New(t, Options{
		EnableMessageCache: true, RequireAuth: true, Authenticate: granting(nil),
	}, func(v *Server) {
		smartsocket.Handle(v, "auth", func(k *Socket, who string) (bool, error) {
			return true, k.Authenticated(&Grant{Identity: who, Rooms: []string{"match:*"},
				Expires: s.Now().Add(time.Minute)})
		})
	})
	c := s.Client(t)
	c.Call("auth", "ann")
	c.Cut()
	if !c.Reconnect() {
		t.Error("not recovered")
	}
	if k := c.Socket(); k.Identity() != "ann" || k.Join("secret") == nil {
		t.Errorf("it is %v, in the rooms %q", k.Identity(), k.Rooms())
	}
	c.Cut()
	s.Advance(61 * time.Second)
	if c.Reconnect() || c.Socket().Identity() != nil {
		t.Error("recovered when the grant had expired")
	}
}
