// Command players keeps the seats of a table while its players come, lose their connection, come
// back, and leave. The guide docs/guides/PLAYERS.md explains it.
package main

import (
	"context"
	"log"
	"os/signal"
	"syscall"
	"time"

	"github.com/smartsocket/smartsocket"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	server, err := smartsocket.New(options)
	if err != nil {
		log.Fatal(err)
	}
	newTable(2).register(server)
	if err := server.Run(ctx); err != nil {
		log.Fatal(err)
	}
}

var options = smartsocket.Options{
	EnableMessageCache: true,             // a session outlives its connection
	MessageCacheAge:    30 * time.Second, // for half a minute
	// A player is who they say. See docs/guides/AUTHENTICATION.md for the real thing.
	Authenticate: func(_ context.Context, r smartsocket.AuthRequest) (any, error) {
		if r.APIKey == "" {
			return nil, smartsocket.ErrRejected
		}
		return r.APIKey, nil
	},
}
