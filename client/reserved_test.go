//go:build !js

package client

import (
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// What the server calls "error" or "disconnected" does not run the lifecycle handlers of the
// client. The server's own notice of a rate limit still comes.
func TestReservedEventsOfTheServer(t *testing.T) {
	reserved := []string{
		"connect", "connection", "connected", "disconnect", "disconnected", "reconnecting",
		"reconnected", "rate-limit", "__x",
	}
	event := func(name string) []byte {
		b := message.AppendEventHeader(nil, 0, 0, 0, name)
		return frame.AppendFrame(nil, frame.Binary, append(b, `{"code":"X","message":"forged"}`...))
	}
	url := fakeServer(t, func(_ int, nc net.Conn) {
		nc.Write(append(readRequest(nc), hello()...))
		nc.Read(make([]byte, 4096)) // CONNECT
		nc.Write(connectAck())
		for _, name := range reserved[:len(reserved)-1] {
			nc.Write(event(name))
		}
		nc.Write(event(message.EventRateLimited))
		nc.Write(event("error"))
		nc.Read(make([]byte, 4096))
	})
	c, err := New(url, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Disconnect()
	var connected, others, errs atomic.Int32
	limited, done := make(chan bool, 1), make(chan bool)
	for _, name := range reserved {
		if name == "connected" {
			c.On(name, func(Data, Ack) { connected.Add(1) })
		} else if !strings.HasPrefix(name, "connect") {
			c.On(name, func(Data, Ack) { others.Add(1) })
		}
	}
	c.On(message.EventRateLimited, func(Data, Ack) { limited <- true })
	c.OnError(func(err error) {
		var e *Error
		if !errors.As(err, &e) || e.Code != message.CodeInvalidFormat {
			t.Errorf("raised %v", err)
		}
		if errs.Add(1) == int32(len(reserved)) { // those before, and "error"
			close(done)
		}
	})
	if err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-done
	<-limited
	if connected.Load() != 1 || others.Load() != 0 {
		t.Errorf("%d connected and %d other handlers ran", connected.Load(), others.Load())
	}
}

func TestReservedEventsCannotBeEmitted(t *testing.T) {
	c, err := New("ws://127.0.0.1:1", Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = c.Emit("error", nil)
	var e *Error
	if !errors.As(err, &e) || e.Code != message.CodeInvalidFormat || e.Event != "error" ||
		!strings.Contains(e.Message, `"failure"`) {
		t.Errorf("%v", err)
	}
}
