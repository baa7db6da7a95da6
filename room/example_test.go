//go:build linux || darwin

package room_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/room"
)

// Ship is one player's, Sea what the ships of one room are in.
type (
	Ship struct{ X, Speed int }
	Sea  struct{ Ships map[string]*Ship }
)

// A room in which everybody steers a ship, with ten ticks in a second.
func Example() {
	server, err := smartsocket.New(smartsocket.Options{Host: "127.0.0.1", Port: -1})
	if err != nil {
		log.Fatal(err)
	}
	game := server.Namespace("/")
	seas := room.Register(game, room.Options[Sea]{
		Name: "sea", Rate: 10, Capacity: 16, Seats: 20 * time.Second,
		OnOpen: func(r *room.Room[Sea]) error {
			r.State.Ships = make(map[string]*Ship)
			return nil
		},
		OnEnter: func(r *room.Room[Sea], m *room.Member) error {
			r.State.Ships[m.Key()] = new(Ship)
			return nil
		},
		OnInput: func(r *room.Room[Sea], m *room.Member, in room.Input) {
			var speed int
			if in.Decode(&speed) == nil {
				r.State.Ships[m.Key()].Speed = speed
			}
		},
		OnTick: func(r *room.Room[Sea]) {
			for _, ship := range r.State.Ships {
				ship.X += ship.Speed
			}
			_, _ = r.Emit("ships", r.State.Ships, smartsocket.State(""))
		},
		OnLeave: func(r *room.Room[Sea], m *room.Member, _ error) {
			delete(r.State.Ships, m.Key())
		},
	})
	smartsocket.Handle(game, "sail", func(s *smartsocket.Socket, where string) (string, error) {
		r, m, err := seas.Place(s, room.Wish[Sea]{Label: where})
		if err != nil {
			return "", err
		}
		fmt.Println("a ship enters", r.Label())
		return m.Key(), nil
	})
	if err := server.Start(); err != nil {
		log.Fatal(err)
	}
	defer server.Close()

	c, err := client.New("ws://"+server.Addr().String(), client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Disconnect()
	moved := make(chan int, 100)
	me := make(chan string, 1)
	client.On(c, "ships", func(ships map[string]Ship, _ client.Ack) {
		key := <-me
		moved <- ships[key].X
		me <- key
	})
	ctx := context.Background()
	if err := c.Connect(ctx); err != nil {
		log.Fatal(err)
	}
	key, err := client.Request[string](ctx, c, "sail", "the baltic")
	if err != nil {
		log.Fatal(err)
	}
	me <- key
	if err := c.Emit("sea:input", map[string]any{"seq": 1, "data": 3}); err != nil {
		log.Fatal(err)
	}
	for x := range moved {
		if x > 0 {
			fmt.Println("it has moved by", x)
			return
		}
	}
	// Output:
	// a ship enters the baltic
	// it has moved by 3
}
