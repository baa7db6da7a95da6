//go:build !js

package client

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/message"
)

// After Sync the server has what was emitted before, and the client's handlers have returned from
// what the server had sent.
func TestSync(t *testing.T) {
	const n = 100
	got := 0 // on the server's loop
	v := startServer(t, smartsocket.Options{Loops: 1}, func(v *smartsocket.Server) {
		v.On("x", func(s *smartsocket.Socket, _ smartsocket.Data, _ smartsocket.Ack) {
			got++
			s.Emit("y", got)
		}, smartsocket.Inline)
	})
	c := newClient(t, urlOf(v, "/"), Options{})
	if err := c.Sync(testContext(t)); !errors.Is(err, message.ErrConnectionLost) {
		t.Errorf("Sync before Connect: %v", err)
	}
	handled := 0
	c.On("y", func(Data, Ack) { handled++ })
	connect(t, c)
	for round := range 3 {
		for range n {
			if err := c.Emit("x", nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Sync(testContext(t)); err != nil {
			t.Fatal(err)
		}
		if want := (round + 1) * n; handled != want {
			t.Fatalf("%d events were handled, want %d", handled, want)
		}
	}
}

// Syncs at the same time are told apart.
func TestSyncsTogether(t *testing.T) {
	c := connect(t, newClient(t, urlOf(startServer(t, smartsocket.Options{}, nil), "/"), Options{}))
	done := make(chan error)
	for range 20 {
		go func() { done <- c.Sync(testContext(t)) }()
	}
	for range 20 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestSyncEnds(t *testing.T) {
	url := fakeServer(t, func(_ int, nc net.Conn) {
		accept(nc)
		readMessage(nc) // the PING, which is not answered
		readMessage(nc) // the PING of the second Sync
	})
	c := connect(t, newClient(t, url, Options{MaxReconnectAttempts: Never}))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := c.Sync(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that is over: %v", err)
	}
	if err := c.Sync(testContext(t)); !errors.Is(err, message.ErrConnectionLost) {
		t.Errorf("when the connection is lost: %v", err)
	}
}

func TestBadPong(t *testing.T) {
	url := fakeServer(t, func(_ int, nc net.Conn) {
		accept(nc)
		nc.Write([]byte{0x82, 2, byte(message.KindPong), 0xff})
		io.Copy(io.Discard, nc)
	})
	c := newClient(t, url, Options{})
	raised := make(chan error, 1)
	c.OnError(func(err error) { raised <- err })
	connect(t, c)
	if err := <-raised; !errors.Is(err, message.ErrInvalidFormat) {
		t.Error(err)
	}
	if n := c.Stats().Invalid; n != 1 {
		t.Errorf("%d messages count as invalid", n)
	}
}

// Every event is seen once, in order, before its handlers, and without a handler too.
func TestOnAny(t *testing.T) {
	v := startServer(t, smartsocket.Options{}, func(v *smartsocket.Server) {
		v.OnConnected(func(s *smartsocket.Socket) { s.Emit("early", 1) })
		v.On("x", func(s *smartsocket.Socket, _ smartsocket.Data, ack smartsocket.Ack) {
			s.Emit("none", nil)
			s.Emit("two", 2)
			ack.Reply(nil)
		})
	})
	c := newClient(t, urlOf(v, "/"), Options{})
	var got []string
	c.OnAny(func(event string, d Data) { got = append(got, "any "+event+" "+string(d.Bytes())) })
	c.OnAny(func(event string, d Data) {
		if event == "none" {
			panic("observers may panic")
		}
	})
	c.On("two", func(d Data, _ Ack) { got = append(got, "on two "+string(d.Bytes())) })
	connect(t, c)
	if _, err := c.EmitWithAck(testContext(t), "x", nil); err != nil {
		t.Fatal(err)
	}
	if err := c.Sync(testContext(t)); err != nil {
		t.Fatal(err)
	}
	want := []string{"any early 1", "any none ", "any two 2", "on two 2"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
