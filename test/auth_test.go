package test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/message"
)

func TestAPIKeys(t *testing.T) {
	keys := []string{"key-number-one", "key-number-two"}
	v := startServer(t, Options{APIKeys: keys}, nil)
	for _, key := range keys {
		if _, m := connectWith(t, v, key); m.Kind != message.KindConnectAck {
			t.Errorf("%s was refused: %q", key, m.Payload)
		}
	}
	for _, key := range []string{"", "key-number-on", "key-number-one ", "KEY-NUMBER-ONE"} {
		w, m := connectWith(t, v, key)
		if codeOf(m) != message.CodeAuthFailed {
			t.Errorf("%q was answered with kind %d %q", key, m.Kind, m.Payload)
		}
		w.wantClose(3500)
	}
	if r, _ := tryUpgrade(t, v, ""); r.StatusCode != 401 {
		t.Errorf("a plain client got HTTP %d", r.StatusCode)
	}
}

// A client that has not authenticated learns no names of namespaces, and no client gets an endless
// list.
func TestStrangersLearnNoNamespaces(t *testing.T) {
	many := func(v *Server) {
		for i := range 1000 {
			v.Namespace(fmt.Sprintf("/secret-%03d", i))
		}
	}
	ask := func(v *Server, key string) string {
		w := dialWire(t, v, "/", message.Subprotocol)
		w.next()
		w.sendConnect(message.Connect{APIKey: []byte(key), Namespace: []byte("/guess")})
		return string(w.message().Payload)
	}
	keyed := startServer(t, Options{APIKeys: []string{"key-number-one"}}, many)
	check := func(when, got, code string) {
		t.Helper()
		if !strings.Contains(got, code) || strings.Contains(got, "secret") {
			t.Errorf("%s: %s", when, got)
		}
	}
	check("with a wrong key", ask(keyed, "wrong-key"), "ERR_CONN_004")
	got := ask(keyed, "key-number-one")
	for _, part := range []string{"ERR_MSG_005", "/secret-000", " and 981 more"} {
		if !strings.Contains(got, part) || len(got) > 1000 {
			t.Errorf("with the key: %s", got)
		}
	}
	hook := func(context.Context, smartsocket.AuthRequest) (any, error) { return nil, nil }
	for name, o := range map[string]Options{
		"hook":  {Authenticate: hook},
		"event": {RequireAuth: true},
	} {
		check("before the "+name, ask(startServer(t, o, many), ""), "ERR_MSG_005")
	}
}

func TestFailedAuthenticationsAreThrottled(t *testing.T) {
	v := startServer(t, Options{APIKeys: []string{"key-number-one"}}, nil)
	for range 10 {
		w, _ := connectWith(t, v, "wrong-key")
		w.wantClose(3500)
	}
	r, _ := tryUpgrade(t, v, message.Subprotocol)
	if r.StatusCode != 429 || r.Header.Get("Retry-After") == "" {
		t.Errorf("the eleventh attempt got HTTP %d %v", r.StatusCode, r.Header)
	}
	body, _ := io.ReadAll(r.Body)
	if after := r.Header.Get("Retry-After"); !strings.Contains(string(body), "failureLimit") ||
		!strings.Contains(string(body), " "+after+" s") {
		t.Errorf("Retry-After %s, %q", after, body)
	}
	if n := v.ConnectionStats().Refusals["throttled"]; n != 1 {
		t.Errorf("%d refusals were counted", n)
	}
}

// The throttle of failures has an option of its own, whatever the rate limits are.
func TestFailureLimit(t *testing.T) {
	for limit, want := range map[int]int{3: 429, -1: 101} {
		v := startServer(t, Options{
			APIKeys: []string{"key-number-one"}, FailureLimit: limit,
			EnableRateLimiting: smartsocket.Disabled,
		}, nil)
		for range 3 {
			w, _ := connectWith(t, v, "wrong-key")
			w.wantClose(3500)
		}
		if r, _ := tryUpgrade(t, v, message.Subprotocol); r.StatusCode != want {
			t.Errorf("failureLimit %d: HTTP %d, want %d", limit, r.StatusCode, want)
		}
	}
}

// The wait that a throttled client is told of is the computed one.
func TestThrottledClientIsToldHowLong(t *testing.T) {
	v := startServer(t, Options{APIKeys: []string{"key-number-one"}, FailureLimit: 2}, nil)
	failures := make([]*wire, 8)
	for i := range failures { // at once, as of a crowd
		failures[i] = dialWire(t, v, "/", message.Subprotocol)
		failures[i].next()
	}
	for _, w := range failures {
		w.sendConnect(message.Connect{APIKey: []byte("wrong-key")})
		w.message()
		w.wantClose(3500)
	}
	r, _ := tryUpgrade(t, v, message.Subprotocol)
	wait, err := strconv.Atoi(r.Header.Get("Retry-After"))
	if r.StatusCode != 429 || err != nil || wait < 60 || wait > 71 {
		t.Errorf("HTTP %d, Retry-After %d after 8 failures of which 2 may come", r.StatusCode, wait)
	}
}

func TestAuthenticateHook(t *testing.T) {
	type user struct{ name string }
	got := make(chan any, 1)
	hook := func(ctx context.Context, r smartsocket.AuthRequest) (any, error) {
		if r.Address != netip.MustParseAddr("127.0.0.1") || r.Namespace != "/" {
			t.Errorf("the hook was asked about %+v", r)
		}
		switch r.APIKey {
		case "panics":
			panic("boom")
		case "slow":
			<-ctx.Done()
			return nil, ctx.Err()
		case "ann":
			return &user{"Ann"}, nil
		}
		return nil, errors.New("who?")
	}
	o := Options{Authenticate: hook, HandshakeTimeout: 300 * time.Millisecond}
	v := startServer(t, o, func(v *Server) {
		v.OnConnected(func(s *Socket) { got <- s.Identity() })
	})
	if _, m := connectWith(t, v, "ann"); m.Kind != message.KindConnectAck {
		t.Fatalf("refused: %q", m.Payload)
	}
	if u, ok := (<-got).(*user); !ok || u.name != "Ann" {
		t.Errorf("identity %v", u)
	}
	for _, key := range []string{"bob", "panics", "slow"} {
		w, m := connectWith(t, v, key)
		// A slow hook is ended by its own deadline or by the handshake's, whichever comes first.
		timeout := key == "slow" && codeOf(m) == message.CodeTimeout
		if codeOf(m) != message.CodeAuthFailed && !timeout {
			t.Errorf("%s was answered with kind %d %q", key, m.Kind, m.Payload)
		}
		w.nc.Close()
	}
}

func TestRequireAuthEvent(t *testing.T) {
	for _, asks := range []bool{false, true} { // HELLO says so
		w := dialWire(t, startServer(t, Options{RequireAuth: asks}, nil), "/", message.Subprotocol)
		_, p := w.next()
		if h, err := message.ParseHello(p); err != nil || h.AuthEvent != asks || h.AuthRequired {
			t.Errorf("RequireAuth %v: %+v, %v", asks, h, err)
		}
	}
	v := startServer(t, Options{AuthTimeout: 400 * time.Millisecond}, func(v *Server) {
		v.OnConnected(func(s *Socket) {
			time.Sleep(20 * time.Millisecond) // meanwhile the client's first events arrive
			s.RequireAuth()
		})
		smartsocket.On(v, "auth", func(s *Socket, token string, ack Ack) {
			if token != "secret" {
				ack.Fail(&smartsocket.Error{Code: message.CodeAuthFailed, Message: "no"})
				return
			}
			s.Authenticated(token)
			ack.Reply(true)
		})
		v.On("echo", echo)
		v.On("fast", echo, smartsocket.Inline)
	})
	w, never := dialFull(t, v, "/"), dialFull(t, v, "/")
	for i, event := range []string{"echo", "fast"} {
		w.request(uint64(i), event, "1")
		w.wantNack(uint64(i), message.CodeAuthFailed)
	}
	w.request(2, "auth", `"wrong"`)
	w.wantNack(2, message.CodeAuthFailed)
	w.request(3, "auth", `"secret"`)
	w.wantAck(3, "true")
	w.request(4, "echo", "1")
	w.wantEvent("echo", "1")
	w.wantAck(4, "1")
	never.wantClose(3500)
	w.request(5, "fast", "2")
	w.wantEvent("echo", "2")
}

// A handler that still has the socket of the earlier connection authenticates the session.
func TestAuthenticatedOverAResume(t *testing.T) {
	in, release := make(chan bool, 1), make(chan bool)
	v := cacheServer(t, Options{RequireAuth: true})
	v.On("auth", func(s *Socket, _ Data, ack Ack) {
		in <- true
		<-release
		s.Authenticated("me")
		ack.Reply("ok")
	})
	var a resumer
	a.connect(t, v, "/", "")
	a.request(1, "auth", `"secret"`)
	<-in
	a.again(t, v)
	a.request(1, "auth", `"secret"`)
	close(release)
	a.wantAck(1, `"ok"`)
	a.request(2, "get", "")
	a.wantAck(2, `[null,[],true]`)
}

// A client that has not authenticated has no session: strangers who come and go would push out the
// sessions of others.
func TestNoSessionBeforeAuthentication(t *testing.T) {
	v := cacheServer(t, Options{RequireAuth: true})
	var a resumer
	a.connect(t, v, "/", "")
	id := a.id
	a.nc.Close()
	ns := v.Namespace("/")
	eventually(t, "the socket to be gone", func() bool { return ns.Socket(id) == nil })
	a.connect(t, v, "/", "")
	if a.recovered || a.id == id {
		t.Error("the session was kept")
	}
}
