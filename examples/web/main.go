// Command web is the server that the templates beside it talk to, on port 4000. It serves the
// folder that its argument names, too. Its tests build and run every template, see README.md.
package main

import (
	"context"
	"errors"
	"log"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/smartsocket/smartsocket"
)

const address = "localhost:4000"

type move struct{ X, Y int }

func main() {
	folder := "examples/web/service-worker"
	if len(os.Args) > 1 {
		folder = os.Args[1]
	}
	if err := serve(folder); err != nil {
		log.Fatal(err)
	}
}

func serve(folder string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	arena, err := smartsocket.New(smartsocket.Options{
		EnableMessageCache: true,          // a client that comes back has missed nothing
		AllowedOrigins:     []string{"*"}, // pages come from the tools' own servers
	})
	if err != nil {
		return err
	}
	register(arena)
	if err := arena.StartDetached(); err != nil {
		return err
	}
	defer arena.Close()
	server := http.Server{Addr: address, Handler: site(folder, arena),
		ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { server.Close() })
	log.Printf("the arena is at ws://%s/game, the files of %s are at http://%s", address, folder,
		address)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// site serves the arena and the files of a folder from one address, as a proxy in front of both
// does: the page then connects to "/game", wherever it is.
func site(folder string, arena http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/game", arena)
	mux.Handle("/", http.FileServer(http.Dir(folder)))
	return mux
}

// register adds the arena: who has joined is told of every move, the own ones included.
func register(server *smartsocket.Server) {
	game := server.Namespace("/game")
	smartsocket.On(game, "move", func(s *smartsocket.Socket, m move, ack smartsocket.Ack) {
		game.To("arena").Emit("moved", m)
		ack.Reply(true)
	})
	smartsocket.Handle(game, "join", func(s *smartsocket.Socket, room string) (int, error) {
		if err := s.Join(room); err != nil {
			return 0, err
		}
		return game.RoomLen(room), nil
	})
	smartsocket.Handle(game, "count", func(_ *smartsocket.Socket, room string) (int, error) {
		return game.RoomLen(room), nil
	})
}
