package test

import (
	"context"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/message"
)

// A message that waits for the hook is counted once, and none is handled behind the one that
// ended the connection.
func TestEarlyMessages(t *testing.T) {
	release := make(chan bool)
	handled := make(chan string, 9)
	v := startServer(t, Options{
		Authenticate: func(context.Context, smartsocket.AuthRequest) (any, error) {
			<-release
			return nil, nil
		},
	}, func(v *Server) {
		v.On("bye", func(s *Socket, _ Data, _ Ack) {
			handled <- "bye"
			s.Disconnect()
		}, smartsocket.Inline)
		v.On("more", func(*Socket, Data, Ack) { handled <- "more" }, smartsocket.Inline)
	})
	w := dialWire(t, v, "/", message.Subprotocol)
	w.message()
	w.sendConnect(message.Connect{Namespace: []byte("/")})
	w.emit("bye", "")
	w.emit("more", "")
	time.Sleep(300 * time.Millisecond)
	release <- true
	time.Sleep(300 * time.Millisecond)
	if n := v.ConnectionStats().MessagesIn; n != 3 {
		t.Errorf("%d messages came in, want 3", n)
	}
	if len(handled) != 1 {
		t.Errorf("%d events were handled, want the one that ended the connection", len(handled))
	}
}
