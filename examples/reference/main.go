// Command reference is a server for the pages of the SmartSocket for Node.js, whose examples its
// client runs. The guide docs/guides/FROM-REFERENCE-JS.md explains it.
package main

import (
	"context"
	"errors"
	"log"
	"os/signal"
	"syscall"
	"time"

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

// new SmartSocket({ port: 3000, rateLimitMaxRequests: 1000, enableMessageCache: true })
var options = smartsocket.Options{
	Port: 3000, RateLimitMaxRequests: 1000, EnableMessageCache: true, RequireAuth: true,
}

// Credentials are what pages send with the event auth.
type Credentials struct {
	UserID   string `json:"userId"`
	Password string `json:"password"`
}

// Message is what is said.
type Message struct {
	Text string `json:"text"`
}

// Validate is "if (!data.text …) ack({ error: … })".
func (m Message) Validate() error {
	if m.Text == "" {
		return errors.New("the field text is missing or empty")
	}
	return nil
}

func register(server *smartsocket.Server) {
	chat := server.Namespace("/chat")

	// socket.on('auth', (credentials, ack) => { socket.data.authenticated = true; … })
	smartsocket.Handle(chat, smartsocket.AuthEvent,
		func(s *smartsocket.Socket, c Credentials) (bool, error) {
			if c.Password != "secret" {
				return false, smartsocket.ErrAuthFailed
			}
			return true, s.Authenticated(c.UserID)
		})

	// server.on('message', (socket, data, ack) => { namespace.emit('message', …); ack(…); })
	smartsocket.Handle(chat, "message", func(s *smartsocket.Socket, m Message) (bool, error) {
		_, err := chat.Emit("message", m)
		return err == nil, err
	})

	// server.setEventRateLimit('delete', { window: 60000, maxRequests: 1 })
	server.SetEventRateLimit("delete", smartsocket.Limit{Window: time.Minute, MaxRequests: 1})
	smartsocket.Handle(chat, "delete", func(*smartsocket.Socket, int) (bool, error) {
		return true, nil
	})

	// What the page gets back after a lost connection: see the guide.
	chat.On("drop", func(s *smartsocket.Socket, _ smartsocket.Data, _ smartsocket.Ack) {
		s.DisconnectWith(3400, "come back")
	})
}
