//go:build linux || darwin

package smartsockettest

import (
	"bytes"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/message"
)

func TestCutAndReconnect(t *testing.T) {
	for _, keeps := range []bool{false, true} {
		var gone atomic.Int64 // of two sockets, whose handlers run side by side
		s := New(t, Options{EnableMessageCache: keeps}, func(v *smartsocket.Server) {
			chat(v)
			v.OnDisconnected(func(*smartsocket.Socket, smartsocket.Reason) { gone.Add(1) })
		})
		c, other := s.Client(t), s.Client(t)
		c.Call("join", "room")
		other.Call("join", "room")
		for round := range 3 {
			id := c.ID()
			c.Cut()
			if gone.Load() != int64(round+1) || c.Connected() {
				t.Fatal("Cut returned before both ends had noticed")
			}
			other.Call("say", strconv.Itoa(round))
			if recovered := c.Reconnect(); recovered != keeps || (c.ID() == id) != keeps {
				t.Fatalf("recovered: %v, id %s, was %s", recovered, c.ID(), id)
			}
			if keeps {
				c.Expect("said", strconv.Itoa(round))
			}
			c.ExpectNothing()
			c.Call("join", "room")
		}
	}
}

func TestEmittedWhileCut(t *testing.T) {
	s := New(t, Options{EnableMessageCache: true}, chat)
	c := s.Client(t)
	c.Cut()
	c.Emit("echo", 1)
	c.Emit("echo", 2)
	c.Reconnect()
	c.Expect("echo", 1)
	c.Expect("echo", 2)
	c.ExpectNothing()
}

func TestPause(t *testing.T) {
	s := New(t, Options{}, chat)
	c, other := s.Client(t), s.Client(t)
	c.Call("join", "room")
	c.Pause()
	other.Call("say", "one")
	other.Call("say", "two")
	s.Advance(time.Second)
	if n := c.record.waiting(); n != 0 {
		t.Fatalf("%d events came", n)
	}
	c.Resume()
	c.Expect("said", "one")
	c.Expect("said", "two")
	c.ExpectNothing()
}

// A client that does not read is closed when its outbox is over the limit.
func TestSlowConsumer(t *testing.T) {
	s := New(t, Options{MaxOutboxBytes: 1 << 20, CompressionThreshold: -1}, chat)
	c := s.Client(t)
	socket := c.Socket()
	c.Pause()
	for range 100 {
		socket.Emit("large", bytes.Repeat([]byte{1}, 1<<15))
	}
	s.Quiet()
	if s.ConnectionStats().SlowConsumers != 1 {
		t.Error("the client was not closed")
	}
}

// An outbox that does not move is closed when the clock says so.
func TestStalledConsumer(t *testing.T) {
	s := New(t, Options{
		MaxOutboxAge: 5 * time.Second, ConnectionTimeout: time.Hour, CompressionThreshold: -1,
	}, chat)
	c := s.Client(t)
	c.Pause()
	for range 20 {
		c.Socket().Emit("large", bytes.Repeat([]byte{1}, 1<<15))
	}
	s.Advance(4 * time.Second)
	if s.ConnectionStats().SlowConsumers != 0 {
		t.Fatal("closed early")
	}
	s.Advance(3 * time.Second)
	if s.ConnectionStats().SlowConsumers != 1 {
		t.Error("not closed")
	}
}

func TestLag(t *testing.T) {
	const lag = 80 * time.Millisecond
	s := New(t, Options{ConnectionTimeout: 2 * time.Second}, chat)
	c := s.Client(t)
	c.Lag(lag)
	c.Emit("echo", 1)
	s.Quiet()
	s.Advance(lag - 1)
	if n := c.record.waiting(); n != 0 {
		t.Fatal("it came early")
	}
	s.Advance(1)
	c.Expect("echo", 1)
	s.Advance(10 * time.Second)
	if rtt := c.Socket().RTT(); rtt != lag {
		t.Errorf("the round trip takes %v, want %v", rtt, lag)
	}
	c.Emit("echo", 2)
	s.Quiet()
	c.Resume()
	c.Expect("echo", 2)
	c.ExpectNothing()
}

func TestSlow(t *testing.T) {
	s := New(t, Options{}, chat)
	c := s.Client(t)
	c.Slow(1000)
	for range 10 {
		c.Socket().Emit("part", bytes.Repeat([]byte{1}, 900))
	}
	s.Advance(5 * time.Second)
	if n := c.record.waiting(); n != 5 {
		t.Errorf("%d events of 900 bytes in 5 s at 1000 bytes/s", n)
	}
	s.Advance(6 * time.Second)
	if n := c.record.waiting(); n != 10 {
		t.Errorf("%d events of 10 came", n)
	}
}

func TestCutWhileHeldBack(t *testing.T) {
	for name, hold := range map[string]func(*Client){
		"paused":  (*Client).Pause,
		"lagging": func(c *Client) { c.Lag(time.Second) },
		"slow":    func(c *Client) { c.Slow(1) },
	} {
		s := New(t, Options{EnableMessageCache: true}, chat)
		c := s.Client(t)
		hold(c)
		c.Socket().Emit("missed", name)
		c.Cut()
		if !c.Reconnect() {
			t.Error("not recovered")
		}
		c.Expect("missed", name)
		c.ExpectNothing()
	}
}

// A client that lags or is slow learns late that the server has sent it away.
func TestKickedWhileHeldBack(t *testing.T) {
	for _, hold := range []func(*Client){
		func(c *Client) { c.Lag(time.Second) }, func(c *Client) { c.Slow(10) }, (*Client).Pause,
	} {
		s := New(t, Options{}, chat)
		c := s.Client(t)
		hold(c)
		c.Socket().Emit("bye", nil)
		c.Socket().Disconnect()
		s.Advance(900 * time.Millisecond)
		if !c.Connected() {
			t.Error("the client learnt it early")
		}
		s.Advance(10 * time.Second)
		c.Resume()
		c.Expect("bye", nil)
		c.ExpectClosed(message.CloseKicked)
	}
}

// A test may end in any state.
func TestEndsInAnyState(t *testing.T) {
	for _, hold := range []func(*Client){
		(*Client).Pause, (*Client).Cut, func(c *Client) { c.Lag(time.Second) },
		func(c *Client) { c.Slow(1) }, func(c *Client) { c.Disconnect() },
		func(c *Client) { c.Pause(); c.Disconnect() },
		func(c *Client) { c.s.Close() },
	} {
		s := New(t, Options{EnableMessageCache: true}, chat)
		c := s.Client(t)
		hold(c)
		s.NewClient(t, client.Options{Namespace: "/x"})
	}
}
