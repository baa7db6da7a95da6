// Command web is the server that the templates beside it talk to, and its tests are what builds
// and runs every template. See README.md.
package main

import (
	"context"
	"log"
	"os"
	"os/signal"

	"github.com/smartsocket/smartsocket"
)

type move struct{ X, Y int }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	server, err := smartsocket.New(smartsocket.Options{
		Host: "localhost", Port: 4000,
		EnableMessageCache: true,          // a client that comes back has missed nothing
		AllowedOrigins:     []string{"*"}, // pages come from the tools' own servers
	})
	if err != nil {
		log.Fatal(err)
	}
	register(server)
	if err := server.Run(ctx); err != nil {
		log.Fatal(err)
	}
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
