//go:build !js

package client

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// TestConnectRaises: a failed Connect raises the error of each attempt once, and one that the
// caller ended raises none.
func TestConnectRaises(t *testing.T) {
	refuse := func(status string) string {
		return fakeServer(t, func(_ int, nc net.Conn) {
			readRequest(nc)
			nc.Write([]byte("HTTP/1.1 " + status + "\r\n\r\n"))
		})
	}
	c := newClient(t, refuse("403 Forbidden"), Options{URLs: []string{refuse("404 Not Found")}})
	raised := make(chan error, 10)
	c.OnError(func(err error) { raised <- err })
	err := c.Connect(testContext(t))
	for _, want := range []int{403, 404} {
		var h *frame.HandshakeError
		if e := take(t, raised, "an error"); !errors.As(e, &h) || h.Status != want {
			t.Errorf("%v, want HTTP %d", e, want)
		}
		if want == 404 && (!errors.As(err, &h) || h.Status != 404) {
			t.Errorf("Connect: %v", err)
		}
	}
	silent := newClient(t, fakeServer(t, func(_ int, nc net.Conn) { readMessage(nc) }), Options{})
	silent.OnError(func(err error) { raised <- err })
	ctx, cancel := context.WithCancel(testContext(t))
	cancel()
	if err := silent.Connect(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Connect: %v", err)
	}
	settle(t, silent)
	if len(raised) != 0 {
		t.Errorf("one error more: %v", <-raised)
	}
}

// TestRetryConnect: the first connection is tried again while there is no server, with growing
// delays, until there is one, the attempts are used up, the server refuses for good, or the
// context ends. What was emitted meanwhile is sent.
func TestRetryConnect(t *testing.T) {
	got := make(chan string, 10)
	up := fakeServer(t, func(n int, nc net.Conn) {
		if n < 3 {
			return
		}
		accept(nc)
		p, _ := readMessage(nc)
		m, _ := message.Parse(p)
		got <- string(m.Event)
		readMessage(nc)
	})
	c, k := clocked(t, up, Options{RetryConnect: Enabled})
	events := journal(c)
	done := make(chan error, 10)
	go func() { done <- c.Connect(testContext(t)) }()
	expect(t, events, "error ERR_CONN_003", `reconnecting {"attempt":2,"delay":1500}`)
	if err := c.Emit("early", nil); err != nil {
		t.Error(err)
	}
	if d := k.step(t); d != 1500*time.Millisecond {
		t.Errorf("the first delay is %v", d)
	}
	k.step(t)
	k.step(t)
	if err := take(t, done, "Connect"); err != nil {
		t.Fatal(err)
	}
	if e := take(t, got, "the event"); e != "early" {
		t.Error(e)
	}
	expect(t, events, "error ERR_CONN_003", `reconnecting {"attempt":3,"delay":2250}`,
		"error ERR_CONN_003", `reconnecting {"attempt":4,"delay":3375}`, "connected")

	down := fakeServer(t, func(int, net.Conn) {})
	c, k = clocked(t, down, Options{RetryConnect: Enabled, MaxReconnectAttempts: 3})
	events = journal(c)
	go func() { done <- c.Connect(testContext(t)) }()
	k.step(t)
	k.step(t)
	err := take(t, done, "Connect")
	var e *Error
	if !errors.Is(err, message.ErrConnectionLost) || !errors.As(errors.Unwrap(err), &e) ||
		e.Code != message.CodeHandshakeFailed {
		t.Errorf("used up: %v", err)
	}
	expect(t, events, "error ERR_CONN_003", `reconnecting {"attempt":2,"delay":1500}`,
		"error ERR_CONN_003", `reconnecting {"attempt":3,"delay":2250}`, "error ERR_CONN_003",
		"error ERR_CONN_006")

	c, k = clocked(t, down, Options{RetryConnect: Enabled})
	ctx, cancel := context.WithCancel(testContext(t))
	go func() { done <- c.Connect(ctx) }()
	take(t, k.waits, "the first wait")
	cancel()
	if err := take(t, done, "Connect"); !errors.Is(err, context.Canceled) {
		t.Errorf("the context ended: %v", err)
	}

	final := fakeServer(t, func(n int, nc net.Conn) {
		if n > 0 {
			nc.Write(append(append(readRequest(nc), hello()...), closeFrame(3500)...))
			readMessage(nc)
		}
	})
	c, k = clocked(t, final, Options{RetryConnect: Enabled})
	go func() { done <- c.Connect(testContext(t)) }()
	k.step(t)
	if err := take(t, done, "Connect"); !errors.Is(err, message.ErrAuthFailed) {
		t.Errorf("refused for good: %v", err)
	}

	c, _ = clocked(t, down, Options{RetryConnect: Enabled, MaxReconnectAttempts: Never})
	if err := c.Connect(testContext(t)); !errors.Is(err, message.ErrHandshakeFailed) {
		t.Errorf("with Never: %v", err)
	}
}
