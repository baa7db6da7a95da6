//go:build linux || darwin

package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/examples/token"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/smartsockettest"
)

// users is demo with a player who is blocked, and one whose data cannot be read.
type users struct{ demo }

func (users) Blocked(_ context.Context, player string) (bool, error) {
	if player == "p3" {
		return false, errors.New("the database is down")
	}
	return player == "p2", nil
}

func start(t *testing.T) (*smartsockettest.Server, *gate) {
	t.Helper()
	g := &gate{key: []byte("a key for tests, of 32 bytes or more"), accounts: users{}}
	s := smartsockettest.New(t, smartsocket.Options{
		EnableMessageCache: true, Authenticate: g.authenticate,
	}, g.register)
	return s, g
}

// sign makes a player's token that is good for d on the server's clock.
func sign(s *smartsockettest.Server, g *gate, player string, d time.Duration) string {
	return token.Sign(g.key, token.Claims{
		Subject: player, Name: "Alice", Expires: s.Now().Add(d).Unix(),
	})
}

func TestTokenInTheHandshake(t *testing.T) {
	s, g := start(t)
	c := s.Client(t, client.Options{APIKey: sign(s, g, "p1", lifetime)})
	if who := smartsockettest.Call[string](c, "whoami", nil); who != "p1, called Alice" {
		t.Errorf("it is %q", who)
	}
	socket := c.Socket()
	if err := socket.Join("lobby", "player:p1"); err != nil {
		t.Error(err)
	}
	if err := socket.Join("staff"); !errors.Is(err, smartsocket.ErrRejected) {
		t.Errorf("a player joins the staff's room: %v", err)
	}
}

func TestWhoIsRefused(t *testing.T) {
	s, g := start(t)
	refused := func(key string, code message.Code) *client.Error {
		t.Helper()
		return s.NewClient(t, client.Options{APIKey: key}).ConnectFails(code)
	}
	refused("", message.CodeAuthFailed)
	refused("x.y.z", message.CodeAuthFailed)
	refused(sign(s, g, "p1", -time.Minute), message.CodeAuthFailed)
	if err := refused(sign(s, g, "p2", lifetime), message.CodeAuthFailed); err.Message !=
		errBlocked.Message {
		t.Errorf("who is blocked is told %q", err.Message)
	}
	if err := refused(sign(s, g, "p3", lifetime), message.CodeRefused); strings.Contains(
		err.Error(), "database") {
		t.Errorf("the client is told of the database: %v", err)
	}
}

// A page signs in, and its cookie comes with the handshake.
func TestCookie(t *testing.T) {
	s, g := start(t)
	login := func(password string) *http.Response {
		form := url.Values{"name": {"alice"}, "password": {password}}.Encode()
		r := httptest.NewRequest("POST", "/login", strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		g.login(w, r)
		return w.Result()
	}
	if res := login("looking-glass"); res.StatusCode != http.StatusForbidden ||
		len(res.Cookies()) > 0 {
		t.Errorf("a wrong password: %s", res.Status)
	}
	cookies := login("wonderland").Cookies()
	if len(cookies) != 1 || !cookies[0].HttpOnly || !cookies[0].Secure {
		t.Fatalf("the cookies are %v", cookies)
	}
	c := s.Client(t, client.Options{
		Header: map[string][]string{"Cookie": {cookie + "=" + cookies[0].Value}},
	})
	if who := smartsockettest.Call[string](c, "whoami", nil); who != "p1, called Alice" {
		t.Errorf("it is %q", who)
	}
}

// asked is users that tell when they are asked about somebody.
type asked struct {
	users
	about chan string
}

func (a asked) Blocked(ctx context.Context, player string) (bool, error) {
	defer func() { a.about <- player }()
	return a.users.Blocked(ctx, player)
}

// A client that can get fresh tokens stays connected for longer than any of them lives.
func TestTokenIsRefreshed(t *testing.T) {
	s, g := start(t)
	about := make(chan string, 10)
	g.accounts = asked{about: about}
	c := s.NewClient(t, client.Options{Credentials: func(context.Context) (string, error) {
		return sign(s, g, "p1", lifetime), nil
	}})
	c.Connect()
	<-about
	id := c.ID()
	for range 3 {
		s.Advance(lifetime - 5*time.Second) // the client is asked 10 s before the end
		<-about
		s.Quiet()
	}
	if c.ID() != id || c.Stats().Reconnects > 0 {
		t.Errorf("the client was not always connected: %+v", c.Stats())
	}
}

// One that cannot is closed in time.
func TestTokenExpires(t *testing.T) {
	s, g := start(t)
	c := s.Client(t, client.Options{
		APIKey: sign(s, g, "p1", lifetime), MaxReconnectAttempts: client.Never,
	})
	s.Advance(lifetime + time.Second)
	c.ExpectClosed(message.CloseExpired)
}

// A token of somebody else is no refresh.
func TestNobodyBecomesSomebodyElse(t *testing.T) {
	s, g := start(t)
	c := s.Client(t, client.Options{APIKey: sign(s, g, "p1", lifetime)})
	c.CallFails(smartsocket.AuthEvent, sign(s, g, "p4", lifetime), message.CodeAuthFailed)
	c.CallFails(smartsocket.AuthEvent, "x.y.z", message.CodeHandlerFailed)
	c.Call(smartsocket.AuthEvent, sign(s, g, "p1", lifetime))
	if who := smartsockettest.Call[string](c, "whoami", nil); who != "p1, called Alice" {
		t.Errorf("it is %q", who)
	}
}
