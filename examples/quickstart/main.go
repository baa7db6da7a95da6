// Command quickstart is a server and two Go clients in one program.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"os/signal"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
)

type move struct{ X, Y int }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) error {
	server, err := serve()
	if err != nil {
		return err
	}
	defer server.Close()
	return play(ctx, "ws://"+server.Addr().String()+"/game", out)
}

func serve() (*smartsocket.Server, error) {
	server, err := smartsocket.New(smartsocket.Options{Host: "127.0.0.1", Port: -1,
		Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	register(server)
	return server, server.Start()
}

// register is apart from serve, so that a test can use it (memory_test.go).
func register(server *smartsocket.Server) {
	game := server.Namespace("/game")

	// A typed handler: the JSON is decoded before it runs. It may block.
	smartsocket.On(game, "move", func(s *smartsocket.Socket, m move, ack smartsocket.Ack) {
		game.To("arena").Except(s.ID()).Emit("moved", m) // everyone in the room except the sender
		ack.Reply(true)
	})

	// Request and answer: an error becomes an error acknowledgement.
	smartsocket.Handle(game, "join", func(s *smartsocket.Socket, room string) (int, error) {
		if err := s.Join(room); err != nil {
			return 0, err
		}
		return game.RoomLen(room), nil
	})
}

func play(ctx context.Context, url string, out io.Writer) error {
	var players [2]*client.Client
	for i := range players {
		c, err := client.New(url, client.Options{})
		if err != nil {
			return err
		}
		if err := c.Connect(ctx); err != nil {
			return err
		}
		defer c.Disconnect()
		n, err := client.Request[int](ctx, c, "join", "arena")
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "player %d joined, %d in the arena\n", i+1, n)
		players[i] = c
	}

	moved := make(chan move)
	client.On(players[1], "moved", func(m move, _ client.Ack) { moved <- m })
	if _, err := players[0].EmitWithAck(ctx, "move", move{X: 1, Y: 2}); err != nil {
		return err
	}
	select {
	case m := <-moved:
		fmt.Fprintf(out, "player 2 saw a move to %d,%d\n", m.X, m.Y)
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}
