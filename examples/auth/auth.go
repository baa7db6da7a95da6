package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/examples/token"
	"github.com/smartsocket/smartsocket/message"
)

// lifetime is how long a token is good. Its client gets a fresh one in time.
const lifetime = 10 * time.Minute

// cookie is the cookie that keeps a page's token.
const cookie = "session"

// accounts stands for your users: a database that may fail.
type accounts interface {
	Login(ctx context.Context, name, password string) (token.Claims, error)
	Blocked(ctx context.Context, player string) (bool, error)
}

// gate decides who comes in.
type gate struct {
	key      []byte // signs the tokens
	accounts accounts
}

// authenticate is the server's Authenticate hook. Programs send their token in the handshake, pages
// have a cookie.
func (g *gate) authenticate(ctx context.Context, r smartsocket.AuthRequest) (any, error) {
	text := r.APIKey
	if c, err := r.HTTP.Cookie(cookie); err == nil && text == "" {
		text = c.Value
	}
	return g.grant(ctx, text)
}

// refresh handles the event "auth", by which a client sends a fresh token on a live connection.
func (g *gate) refresh(s *smartsocket.Socket, text string) (bool, error) {
	fresh, err := g.grant(s.Context(), text)
	if err != nil {
		return false, err
	}
	if fresh.Identity != s.Identity() {
		return false, errBlocked // nobody becomes somebody else
	}
	return true, s.Authenticated(fresh)
}

// errBlocked reaches the client as it is, and ends its attempts to connect.
var errBlocked = message.New(message.CodeAuthFailed, "this account cannot play: ask the support")

// grant says who the bearer of a token is, what they may do, and until when.
func (g *gate) grant(ctx context.Context, text string) (*smartsocket.Grant, error) {
	c, err := token.Verify(g.key, text, time.Now())
	if err != nil {
		return nil, err // the client gets ERR_CONN_004, without the reason
	}
	blocked, err := g.accounts.Blocked(ctx, c.Subject)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", smartsocket.ErrTryLater, err) // not the player's fault
	case blocked:
		return nil, errBlocked
	}
	rooms := []string{"lobby", "player:" + c.Subject}
	if c.Admin {
		rooms = append(rooms, "staff")
	}
	return &smartsocket.Grant{
		Identity: c.Subject,
		Values:   map[string]any{"name": c.Name},
		Expires:  c.End(),
		Rooms:    rooms,
	}, nil
}

// login checks a password and gives a token: to programs in the body, to pages in a cookie that
// their scripts cannot read.
func (g *gate) login(w http.ResponseWriter, r *http.Request) {
	c, err := g.accounts.Login(r.Context(), r.FormValue("name"), r.FormValue("password"))
	if err != nil {
		http.Error(w, "name and password do not fit", http.StatusForbidden)
		return
	}
	c.Expires = time.Now().Add(lifetime).Unix()
	text := token.Sign(g.key, c)
	http.SetCookie(w, &http.Cookie{
		Name: cookie, Value: text, Path: "/", Expires: c.End(),
		HttpOnly: true, Secure: true, SameSite: http.SameSiteStrictMode,
	})
	w.Header().Set("Cache-Control", "no-store")
	fmt.Fprint(w, text)
}

// register registers what sockets need to stay authenticated.
func (g *gate) register(v *smartsocket.Server) {
	smartsocket.Handle(v, smartsocket.AuthEvent, g.refresh)
	smartsocket.Handle(v, "whoami", func(s *smartsocket.Socket, _ struct{}) (string, error) {
		return fmt.Sprintf("%s, called %s", s.Identity(), s.Get("name")), nil
	})
}
