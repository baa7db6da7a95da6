package smartsocket_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
)

// exampleOptions listen on any free port of this machine and log nothing.
var exampleOptions = smartsocket.Options{
	Host: "127.0.0.1", Port: -1, Logger: slog.New(slog.DiscardHandler),
}

// newServer makes the server of an example. It is not started yet.
func newServer() *smartsocket.Server {
	server, err := smartsocket.New(exampleOptions)
	if err != nil {
		log.Fatal(err)
	}
	return server
}

// start starts a server.
func start(server *smartsocket.Server) {
	if err := server.Start(); err != nil {
		log.Fatal(err)
	}
}

// dial connects a Go client to one namespace of a started server.
func dial(server *smartsocket.Server, namespace string) *client.Client {
	c, err := client.New("ws://"+server.Addr().String()+namespace, client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	if err := c.Connect(context.Background()); err != nil {
		log.Fatal(err)
	}
	return c
}

// A server with one event, and a client that sends it. A program that only
// serves calls Run, which starts the server and drains it when ctx ends.
func Example() {
	server, err := smartsocket.New(smartsocket.Options{
		Host:   "127.0.0.1",
		Port:   -1, // any free one
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		log.Fatal(err)
	}
	server.On("hello", func(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
		ack.Reply(d) // the data goes back as it came
	})
	if err := server.Start(); err != nil {
		log.Fatal(err)
	}
	defer server.Close()

	c, err := client.New("ws://"+server.Addr().String(), client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	if err := c.Connect(ctx); err != nil {
		log.Fatal(err)
	}
	defer c.Disconnect()
	answer, err := c.EmitWithAck(ctx, "hello", "world")
	fmt.Printf("%s %v\n", answer.Bytes(), err)
	// Output: "world" <nil>
}

// A socket joins rooms on the server. What is emitted to a room reaches its
// members; Socket.To leaves the socket itself out.
func Example_rooms() {
	server := newServer()
	smartsocket.Handle(server, "join", func(s *smartsocket.Socket, room string) (bool, error) {
		return true, s.Join(room)
	})
	server.On("say", func(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
		sent, err := s.To("arena").Emit("said", d)
		fmt.Println("sent to", sent.Queued, err)
	})
	start(server)
	defer server.Close()

	ctx := context.Background()
	ann, bob := dial(server, "/"), dial(server, "/")
	defer ann.Disconnect()
	defer bob.Disconnect()
	heard := make(chan string)
	client.On(bob, "said", func(text string, _ client.Ack) { heard <- text })
	for _, c := range []*client.Client{ann, bob} {
		if _, err := c.EmitWithAck(ctx, "join", "arena"); err != nil {
			log.Fatal(err)
		}
	}
	if err := ann.Emit("say", "hi"); err != nil {
		log.Fatal(err)
	}
	fmt.Println("bob heard", <-heard)
	// Unordered output:
	// sent to 1 <nil>
	// bob heard hi
}

// State, Volatile and Deadline are for events that are soon out of date. A
// client that keeps up, like this one, gets every event. One that is behind
// gets the newest state only, no volatile event, and none past its deadline.
func Example_delivery() {
	server := newServer()
	start(server)
	defer server.Close()
	c := dial(server, "/")
	defer c.Disconnect()
	got := make(chan string)
	for _, event := range []string{"moved", "sparks", "countdown", "score"} {
		c.On(event, func(d client.Data, _ client.Ack) { got <- event })
	}

	emit := func(event string, data any, opts ...smartsocket.EmitOption) {
		sent, err := server.Emit(event, data, opts...)
		fmt.Println(<-got, sent.Queued, sent.Dropped, err)
	}
	emit("moved", [2]int{3, 4}, smartsocket.State("player-7")) // the newest per player
	emit("sparks", nil, smartsocket.Volatile)                  // now or never
	emit("countdown", 3, smartsocket.Deadline(time.Second))    // within a second or never
	emit("score", 12)                                          // always, in order
	// Output:
	// moved 1 0 <nil>
	// sparks 1 0 <nil>
	// countdown 1 0 <nil>
	// score 1 0 <nil>
}
