// Command auth lets players in who have a token, in the handshake or in a cookie, and keeps them in
// while their tokens are fresh. The guide docs/guides/AUTHENTICATION.md explains it.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"log"
	"net/http"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/examples/token"
)

func main() {
	key := make([]byte, 32) // from a secret of yours, or everybody signs in again after a restart
	rand.Read(key)
	g := &gate{key: key, accounts: demo{}}
	server, err := smartsocket.New(smartsocket.Options{
		EnableMessageCache: true,
		Authenticate:       g.authenticate,
	})
	if err != nil {
		log.Fatal(err)
	}
	g.register(server)
	if err := server.StartDetached(); err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", g.login)
	mux.Handle("/", server)
	web := &http.Server{Addr: "localhost:3000", Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(web.ListenAndServe())
}

// demo has one account, alice with the password wonderland.
type demo struct{}

// Login implements accounts.
func (demo) Login(_ context.Context, name, password string) (token.Claims, error) {
	if name != "alice" || password != "wonderland" {
		return token.Claims{}, errors.New("no such account")
	}
	return token.Claims{Subject: "p1", Name: "Alice"}, nil
}

// Blocked implements accounts.
func (demo) Blocked(context.Context, string) (bool, error) { return false, nil }
