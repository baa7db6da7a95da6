package smartsocket_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
)

// The Authenticate hook decides about a client during its handshake. What it
// returns is the socket's identity; an error refuses the client.
func ExampleOptions_authenticate() {
	options := exampleOptions
	options.Authenticate = func(_ context.Context, r smartsocket.AuthRequest) (any, error) {
		if r.APIKey != "anns-secret" { // look it up in your database
			return nil, errors.New("no such player")
		}
		return "Ann", nil
	}
	server, err := smartsocket.New(options)
	if err != nil {
		log.Fatal(err)
	}
	smartsocket.Handle(server, "whoami", func(s *smartsocket.Socket, _ any) (any, error) {
		return s.Identity(), nil
	})
	start(server)
	defer server.Close()

	for _, key := range []string{"anns-secret", "guessed"} {
		ctx := context.Background()
		c, err := client.New("ws://"+server.Addr().String(), client.Options{APIKey: key})
		if err != nil {
			log.Fatal(err)
		}
		if err := c.Connect(ctx); err != nil {
			fmt.Println(err.(*client.Error).Code)
			continue
		}
		fmt.Println(client.Request[string](ctx, c, "whoami", nil))
		c.Disconnect()
	}
	// Output:
	// Ann <nil>
	// ERR_CONN_004
}

// A Server is an http.Handler. StartDetached starts it without a listener of
// its own, and the path of a request is the namespace.
func ExampleServer_ServeHTTP() {
	server := newServer()
	game := server.Namespace("/game")
	smartsocket.Handle(game, "ping", func(*smartsocket.Socket, any) (string, error) {
		return "pong", nil
	})
	if err := server.StartDetached(); err != nil {
		log.Fatal(err)
	}
	defer server.Close()

	mux := http.NewServeMux()
	mux.Handle("/game", server)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "a page")
	})
	web := httptest.NewServer(mux) // or http.ListenAndServe(":3000", mux)
	defer web.Close()

	page, err := http.Get(web.URL)
	if err != nil {
		log.Fatal(err)
	}
	defer page.Body.Close()
	text, err := io.ReadAll(page.Body)
	fmt.Println(string(text), err)

	ctx := context.Background()
	c, err := client.New("ws"+strings.TrimPrefix(web.URL, "http")+"/game", client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	if err := c.Connect(ctx); err != nil {
		log.Fatal(err)
	}
	defer c.Disconnect()
	fmt.Println(client.Request[string](ctx, c, "ping", nil))
	// Output:
	// a page <nil>
	// pong <nil>
}
