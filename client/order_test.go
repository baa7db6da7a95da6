//go:build !js

package client

import (
	"net"
	"testing"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// TestParkedWaitForConnected: in a new session OnConnected handlers may authenticate
// before anything that was parked is sent.
func TestParkedWaitForConnected(t *testing.T) {
	got := make(chan string, 10)
	url := fakeServer(t, func(n int, nc net.Conn) {
		if !accept(nc) || n == 0 {
			return // which loses the connection
		}
		for {
			p, ok := readMessage(nc)
			if !ok {
				return
			}
			m, err := message.Parse(p)
			if err != nil {
				t.Error(err)
				return
			}
			got <- string(m.Event)
			if m.Flags&message.FlagAck != 0 {
				nc.Write(frame.AppendFrame(nil, frame.Binary, message.Append(nil, &message.Message{
					Kind: message.KindAck, Flags: message.FlagAck, AckID: m.AckID,
				})))
			}
		}
	})
	c, k := clocked(t, url, Options{})
	lost := make(chan bool, 10)
	c.OnDisconnected(func(Reason) { lost <- true })
	connect(t, c)
	take(t, lost, "the loss")
	c.OnConnected(func() {
		if _, err := c.EmitWithAck(testContext(t), "auth", "token"); err != nil {
			t.Errorf("auth: %v", err)
		}
	})
	for _, event := range []string{"one", "two"} {
		if err := c.Emit(event, nil); err != nil {
			t.Fatal(err)
		}
	}
	k.step(t)
	expect(t, got, "auth", "one", "two")
	if n := c.Stats().Waiting; n != 0 {
		t.Errorf("%d events are still parked", n)
	}
}

// authServer loses its first connection. Then it asks for the event auth and answers it with the
// next of answers, where false refuses. It tells which events came.
func authServer(t *testing.T, answers ...bool) (url string, got chan string) {
	got = make(chan string, 10)
	return fakeServer(t, func(n int, nc net.Conn) {
		if n == 0 {
			accept(nc)
			return
		}
		hello := message.AppendHello(nil, &message.Hello{Version: 1, AuthEvent: true,
			Random: make([]byte, message.RandomSize), MaxMessageBytes: 1 << 20})
		nc.Write(append(readRequest(nc), frame.AppendFrame(nil, frame.Binary, hello)...))
		readMessage(nc)
		nc.Write(connectAck())
		for {
			p, ok := readMessage(nc)
			m, err := message.Parse(p)
			if !ok || err != nil {
				return
			}
			got <- string(m.Event)
			if m.Flags&message.FlagAck == 0 {
				continue
			}
			answer := message.Message{Kind: message.KindAck, Flags: message.FlagAck, AckID: m.AckID}
			if !answers[0] {
				answer.Kind = message.KindError
				answer.Payload = message.AppendErrorJSON(nil, message.ErrAuthFailed)
			}
			answers = answers[1:]
			nc.Write(frame.AppendFrame(nil, frame.Binary, message.Append(nil, &answer)))
		}
	}), got
}

// TestParkedWaitForAuth: what was emitted while away waits until the event auth was answered well,
// if the server asks for that. What is emitted later does not wait, so that its refusal is told.
func TestParkedWaitForAuth(t *testing.T) {
	url, got := authServer(t, false, true)
	c, k := clocked(t, url, Options{})
	lost, open := make(chan bool, 10), make(chan bool, 10)
	c.OnDisconnected(func(Reason) { lost <- true })
	connect(t, c)
	take(t, lost, "the loss")
	c.OnReconnected(func(bool) { open <- true })
	for _, event := range []string{"one", "two"} {
		if err := c.Emit(event, nil); err != nil {
			t.Fatal(err)
		}
	}
	k.step(t)
	take(t, open, "the connection")
	if err := c.Emit("live", nil); err != nil {
		t.Error(err)
	}
	expect(t, got, "live")
	if _, err := c.EmitWithAck(testContext(t), "auth", "wrong"); err == nil {
		t.Error("auth was not refused")
	}
	if n := c.Stats().Waiting; n != 2 {
		t.Errorf("%d events are parked", n)
	}
	if _, err := c.EmitWithAck(testContext(t), "auth", "right"); err != nil {
		t.Error(err)
	}
	expect(t, got, "auth", "auth", "one", "two")
}

// TestAuthWithoutAnswer: an auth that asks for no answer lets pass what follows it, also when it
// was emitted while away.
func TestAuthWithoutAnswer(t *testing.T) {
	for _, away := range []bool{false, true} {
		url, got := authServer(t)
		c, k := clocked(t, url, Options{})
		lost := make(chan bool, 10)
		c.OnDisconnected(func(Reason) { lost <- true })
		connect(t, c)
		take(t, lost, "the loss")
		auth := func() {
			if err := c.Emit("auth", "token"); err != nil {
				t.Error(err)
			}
		}
		if !away {
			c.OnConnected(auth)
		}
		c.Emit("one", nil)
		if away {
			auth()
		}
		k.step(t)
		expect(t, got, "auth", "one")
		c.Disconnect()
	}
}

// TestFreshStateReplacesParked: a state that a connected handler emits is newer than the parked one
// of its key, which must not come behind it.
func TestFreshStateReplacesParked(t *testing.T) {
	url, got := authServer(t)
	c, k := clocked(t, url, Options{})
	lost := make(chan bool, 10)
	c.OnDisconnected(func(Reason) { lost <- true })
	connect(t, c)
	take(t, lost, "the loss")
	emitAll(t,
		func() error { return c.Emit("move", 1, State("")) },
		func() error { return c.Emit("other", 1, State("")) })
	c.OnConnected(func() {
		emitAll(t, func() error { return c.Emit("move", 2, State("")) },
			func() error { return c.Emit("auth", "token") })
	})
	k.step(t)
	expect(t, got, "move", "auth", "other")
	settle(t, c)
	if s := c.Stats(); s.Waiting != 0 || s.Replaced != 1 || c.parkedStates.Load() {
		t.Errorf("%+v", s)
	}
}
