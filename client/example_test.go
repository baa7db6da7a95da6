//go:build !js

package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"strings"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/message"
)

// serve starts a server whose namespace /chat repeats in capitals what it is told.
func serve() *smartsocket.Server {
	server, err := smartsocket.New(smartsocket.Options{
		Host: "127.0.0.1", Port: -1, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		log.Fatal(err)
	}
	chat := server.Namespace("/chat")
	smartsocket.On(chat, "say", func(s *smartsocket.Socket, text string, ack smartsocket.Ack) {
		chat.Emit("said", strings.ToUpper(text))
		ack.Reply(len(text))
	})
	chat.OnConnected(func(s *smartsocket.Socket) { s.Emit("welcome", nil) })
	if err := server.Start(); err != nil {
		log.Fatal(err)
	}
	return server
}

// A client registers its handlers, connects, and asks. Handlers run one after
// the other, on a goroutine of the client's.
func Example() {
	server := serve()
	defer server.Close()
	ctx := context.Background()

	c, err := client.New("ws://"+server.Addr().String()+"/chat", client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	said := make(chan string)
	client.On(c, "said", func(text string, _ client.Ack) { said <- text })
	if err := c.Connect(ctx); err != nil {
		log.Fatal(err)
	}
	defer c.Disconnect()

	fmt.Println(client.Request[int](ctx, c, "say", "hello")) // waits for the answer
	fmt.Println(<-said)
	// Output:
	// 5 <nil>
	// HELLO
}

// Errors have a code, and errors.Is compares it.
func ExampleClient_Connect() {
	server := serve()
	defer server.Close()

	c, err := client.New("ws://"+server.Addr().String()+"/nowhere", client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	err = c.Connect(context.Background())
	fmt.Println(errors.Is(err, message.ErrInvalidNamespace))
	// Output: true
}

// A lost connection comes back on its own. What the application fetched before
// may be out of date then, unless the server kept the session.
func ExampleClient_OnReconnected() {
	server := serve()
	defer server.Close()

	c, err := client.New("ws://"+server.Addr().String()+"/chat", client.Options{
		ReconnectDelay: 10 * time.Millisecond, // 1 s unless given
	})
	if err != nil {
		log.Fatal(err)
	}
	connected := make(chan bool)
	c.On("welcome", func(client.Data, client.Ack) { connected <- true })
	c.OnReconnected(func(recovered bool) { fmt.Println("fetch the state:", !recovered) })
	if err := c.Connect(context.Background()); err != nil {
		log.Fatal(err)
	}
	defer c.Disconnect()
	<-connected

	for _, s := range server.Namespace("/chat").Sockets() {
		s.DisconnectWith(3000, "come back") // 3000 to 3499 ask the client to reconnect
	}
	<-connected
	// Output: fetch the state: true
}
