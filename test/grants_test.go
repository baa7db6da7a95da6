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
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/smartsockettest"
)

type Grant = smartsocket.Grant

// came is what comes on ch, which something else brings about.
func came[T any](t testing.TB, ch <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
	}
	return v
}

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
		if err := socket.Join("any", "other"); err != nil {
			t.Errorf("%v: %v", what, err)
		}
		if who := socket.Identity(); what != nil && who != "ann" {
			t.Errorf("%v: the identity is %v", what, who)
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
	patterns, rooms := make([]string, 1000), make([]string, 100) // so that the check takes a while
	for i := range patterns {
		patterns[i] = fmt.Sprint("pattern ", i)
	}
	for i := range rooms {
		rooms[i] = fmt.Sprint("a", i)
	}
	for range 50 {
		if err := socket.Authenticated(&Grant{Rooms: append(patterns, "a*")}); err != nil {
			t.Fatal(err)
		}
		begun := make(chan bool)
		var all sync.WaitGroup
		all.Go(func() {
			close(begun)
			socket.Join(rooms...) // refused or undone
		})
		<-begun
		if err := socket.Authenticated(&Grant{Rooms: []string{"b"}}); err != nil {
			t.Fatal(err)
		}
		all.Wait()
		if in := socket.Rooms(); len(in) > 0 {
			t.Fatalf("in %d rooms that the grant does not allow", len(in))
		}
	}
}

// A grant costs nothing where there is none, and the sockets fit into their size class.
func TestSizeOfASocket(t *testing.T) {
	if n := unsafe.Sizeof(Socket{}); n > 352 {
		t.Errorf("a socket has %d bytes: its size class has 352", n)
	}
}
