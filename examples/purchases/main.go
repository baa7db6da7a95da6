// Command purchases sells things for gold, each order once, whatever happens to the connection. The
// guide docs/guides/PURCHASES.md explains it.
package main

import (
	"context"
	"fmt"
	"log"
	"os/signal"
	"syscall"

	"github.com/smartsocket/smartsocket"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	server, err := smartsocket.New(options)
	if err != nil {
		log.Fatal(err)
	}
	bank := newMemory()
	bank.gold["alice"] = 100
	register(server, bank)
	fmt.Println(`buy as alice: new SmartSocketClient("ws://localhost:3000", { apiKey: "alice" })`)
	if err := server.Run(ctx); err != nil {
		log.Fatal(err)
	}
}

var options = smartsocket.Options{
	EnableMessageCache: true, // a lost connection does not end a session
	// A player is who they say. See docs/guides/AUTHENTICATION.md for the real thing.
	Authenticate: func(_ context.Context, r smartsocket.AuthRequest) (any, error) {
		if r.APIKey == "" {
			return nil, smartsocket.ErrRejected
		}
		return r.APIKey, nil
	},
}
