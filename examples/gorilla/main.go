// Command gorilla is the chat example of gorilla/websocket with its hub, moved to SmartSocket. The
// guide docs/guides/FROM-GORILLA.md explains it.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"log"
	"net/http"
	"os/signal"
	"syscall"
	"time"

	"github.com/smartsocket/smartsocket"
)

//go:embed home.html
var home []byte

func main() {
	addr := flag.String("addr", "localhost:8080", "where to serve")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, *addr); err != nil {
		log.Fatal(err)
	}
}

func serve(ctx context.Context, addr string) error {
	server, err := smartsocket.New(options)
	if err != nil {
		return err
	}
	register(server)
	if err := server.StartDetached(); err != nil { // net/http listens
		return err
	}
	web := &http.Server{Addr: addr, Handler: site(server), ReadHeaderTimeout: 5 * time.Second}
	stopped := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		stopped <- errors.Join(server.Shutdown(grace), web.Shutdown(grace))
	})
	if err := web.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return errors.Join(err, server.Close())
	}
	return <-stopped
}

// site has the page and its server.
func site(server *smartsocket.Server) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { w.Write(home) })
	mux.Handle("/ws", server) // the path is the namespace
	return mux
}

// options are the constants of gorilla's client.go.
var options = smartsocket.Options{
	ConnectionTimeout: 60 * time.Second, // pongWait; pings leave at half of it
	MaxMessageBytes:   512,              // maxMessageSize
	MaxOutboxBytes:    256 << 10,        // the send channel of 256 messages
	MaxOutboxAge:      10 * time.Second, // writeWait
}

// register is all that is left of hub.go and client.go.
func register(server *smartsocket.Server) {
	room := server.Namespace("/ws")
	room.On("message", func(s *smartsocket.Socket, d smartsocket.Data, _ smartsocket.Ack) {
		room.Emit("message", d) // handed on as it came, to everybody
	}, smartsocket.Inline)
}
