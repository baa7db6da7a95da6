// Command socketio is the chat of Socket.IO's documentation, moved to SmartSocket. The guide
// docs/guides/FROM-SOCKETIO.md explains it.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os/signal"
	"slices"
	"sync"
	"syscall"

	"github.com/smartsocket/smartsocket"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	server, err := smartsocket.New(options)
	if err != nil {
		log.Fatal(err)
	}
	register(server)
	if err := server.Run(ctx); err != nil {
		log.Fatal(err)
	}
}

// new Server(3000, { connectionStateRecovery: {} }); io.use((socket, next) => { … })
var options = smartsocket.Options{
	Port: 3000, EnableMessageCache: true,
	Authenticate: func(_ context.Context, r smartsocket.AuthRequest) (any, error) {
		if r.APIKey == "expired" {
			return nil, errors.New("the token has expired")
		}
		return nil, nil
	},
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

	// socket.on('list users', (callback) => callback([...]))
	smartsocket.Handle(io, "list users", func(*smartsocket.Socket, struct{}) ([]string, error) {
		users := []string{}
		for _, s := range io.Sockets() {
			users = append(users, username(s))
		}
		slices.Sort(users)
		return users, nil
	})

	// A Buffer is a []byte, here and in the page's ArrayBuffer.
	smartsocket.On(io, "picture", func(s *smartsocket.Socket, png []byte, _ smartsocket.Ack) {
		s.To("pictures").Emit("picture", png)
	})

	// socket.on('subscribe', (room) => socket.join(room))
	smartsocket.Handle(io, "subscribe", func(s *smartsocket.Socket, room string) (int, error) {
		if room != "pictures" {
			return 0, fmt.Errorf("there is no room %q", room)
		}
		err := s.Join(room)
		return io.RoomLen(room), err
	})

	io.OnEnded(func(s *smartsocket.Socket, _ smartsocket.Reason) { // socket.on('disconnect')
		if name := username(s); name != "" {
			s.Broadcast().Emit("user left", presence{name, c.count(-1)})
		}
	})
}
