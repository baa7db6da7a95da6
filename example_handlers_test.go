package smartsocket_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
)

// A typed handler gets its data decoded. Data of another shape never reaches
// it: the sender gets ERR_MSG_001.
func ExampleOn() {
	type move struct{ X, Y int }
	server := newServer()
	smartsocket.On(server, "move", func(s *smartsocket.Socket, m move, ack smartsocket.Ack) {
		ack.Reply(m.X + m.Y)
	})
	start(server)
	defer server.Close()

	ctx := context.Background()
	c := dial(server, "/")
	defer c.Disconnect()
	sum, err := client.Request[int](ctx, c, "move", move{X: 1, Y: 2})
	fmt.Println(sum, err)
	_, err = c.EmitWithAck(ctx, "move", "left")
	fmt.Println(errors.Is(err, smartsocket.ErrInvalidFormat))
	// Output:
	// 3 <nil>
	// true
}

// Handle answers a request: the result is the ack, an error an error ack.
func ExampleHandle() {
	server := newServer()
	prices := map[string]int{"sword": 30}
	smartsocket.Handle(server, "price", func(s *smartsocket.Socket, item string) (int, error) {
		price, ok := prices[item]
		if !ok {
			return 0, fmt.Errorf("no %s for sale", item)
		}
		return price, nil
	})
	start(server)
	defer server.Close()

	ctx := context.Background()
	c := dial(server, "/")
	defer c.Disconnect()
	fmt.Println(client.Request[int](ctx, c, "price", "sword"))
	_, err := client.Request[int](ctx, c, "price", "castle")
	fmt.Println(err)
	// Output:
	// 30 <nil>
	// smartsocket: ERR_APP_002 (event price): no castle for sale
}

// The server asks a client and waits for the answer. It waits in a blocking
// handler, which holds up this socket only. An Inline handler uses EmitAck.
func ExampleSocket_EmitWithAck() {
	server := newServer()
	done := make(chan bool)
	server.OnConnected(func(s *smartsocket.Socket) {
		answer, err := s.EmitWithAck(context.Background(), "ready?", nil)
		fmt.Printf("%s %v\n", answer.Bytes(), err)
		close(done)
	})
	start(server)
	defer server.Close()

	c, err := client.New("ws://"+server.Addr().String(), client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	c.On("ready?", func(_ client.Data, ack client.Ack) { ack.Reply(true) })
	if err := c.Connect(context.Background()); err != nil {
		log.Fatal(err)
	}
	defer c.Disconnect()
	<-done
	// Output: true <nil>
}

// Middleware sees every event before its handlers. An event passes when the
// middleware calls next(nil). Any other end stops it.
func ExampleServer_Use() {
	server := newServer()
	server.Use(func(s *smartsocket.Socket, event string, d smartsocket.Data, next func(error)) {
		if event == "shutdown" {
			next(errors.New("not for players"))
			return
		}
		next(nil)
	})
	for _, event := range []string{"move", "shutdown"} {
		server.On(event, func(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
			ack.Reply(nil)
		})
	}
	start(server)
	defer server.Close()

	ctx := context.Background()
	c := dial(server, "/")
	defer c.Disconnect()
	for _, event := range []string{"move", "shutdown"} {
		_, err := c.EmitWithAck(ctx, event, nil)
		fmt.Println(event, err)
	}
	// Output:
	// move <nil>
	// shutdown smartsocket: ERR_APP_001 (event shutdown): not for players
}
