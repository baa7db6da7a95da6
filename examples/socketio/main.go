// Command socketio is the chat of Socket.IO's documentation, moved to SmartSocket. The guide
// docs/guides/FROM-SOCKETIO.md explains it.
package main

import (
	"context"
	"log"
	"os/signal"
	"sync"
	"syscall"

	"github.com/smartsocket/smartsocket"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	server, err := smartsocket.New(smartsocket.Options{Port: 3000})
	if err != nil {
		log.Fatal(err)
	}
	register(server)
	if err := server.Run(ctx); err != nil {
		log.Fatal(err)
	}
}

// chat is what the JavaScript server keeps in variables outside of its handlers. Handlers of
// different sockets run at the same time, so it has a lock.
type chat struct {
	mu    sync.Mutex
	users int
}

type said struct {
	Username string `json:"username"`
	Message  string `json:"message"`
}

type presence struct {
	Username string `json:"username"`
	NumUsers int    `json:"numUsers"`
}

// username is socket.username: "" before the event "add user".
func username(s *smartsocket.Socket) string {
	name, _ := s.Get("username").(string)
	return name
}

// count changes the number of users and returns it.
func (c *chat) count(by int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users += by
	return c.users
}

func register(server *smartsocket.Server) {
	var c chat
	io := server.Namespace("/")

	smartsocket.On(io, "add user", func(s *smartsocket.Socket, name string, _ smartsocket.Ack) {
		if username(s) != "" {
			return
		}
		s.Set("username", name)
		n := c.count(+1)
		s.Emit("login", presence{name, n})
		s.Broadcast().Emit("user joined", presence{name, n})
	})

	smartsocket.On(io, "new message", func(s *smartsocket.Socket, text string, _ smartsocket.Ack) {
		s.Broadcast().Emit("new message", said{username(s), text})
	})

	// Who is typing is soon out of date, so it may be lost.
	io.SetEmitOptions("typing", smartsocket.Volatile)
	io.On("typing", func(s *smartsocket.Socket, _ smartsocket.Data, _ smartsocket.Ack) {
		s.Broadcast().Emit("typing", username(s))
	})

	io.OnEnded(func(s *smartsocket.Socket, _ smartsocket.Reason) { // socket.on('disconnect')
		if name := username(s); name != "" {
			s.Broadcast().Emit("user left", presence{name, c.count(-1)})
		}
	})
}
