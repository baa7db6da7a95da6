//go:build !js

package client

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/message"
)

// gate is a connection that takes nothing while it is shut, whatever the kernel would take.
type gate struct {
	net.Conn
	mu     sync.Mutex
	opened chan struct{} // closed while the gate is open
	closed chan struct{}
}

func newGate(nc net.Conn) *gate {
	g := &gate{Conn: nc, opened: make(chan struct{}), closed: make(chan struct{})}
	close(g.opened)
	return g
}

func (g *gate) shut() {
	g.mu.Lock()
	g.opened = make(chan struct{})
	g.mu.Unlock()
}

func (g *gate) open() {
	g.mu.Lock()
	close(g.opened)
	g.mu.Unlock()
}

func (g *gate) Write(p []byte) (int, error) {
	g.mu.Lock()
	opened := g.opened
	g.mu.Unlock()
	select {
	case <-opened:
		return g.Conn.Write(p)
	case <-g.closed:
		return 0, net.ErrClosed
	}
}

func (g *gate) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.closed:
	default:
		close(g.closed)
	}
	return g.Conn.Close()
}

// gated is a client whose connection goes through a gate.
func gated(t *testing.T, url string, o Options) (*Client, *testClock, *gate) {
	var g *gate
	o.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		nc, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		g = newGate(nc)
		return g, nil
	}
	c, k := clocked(t, url, o)
	connect(t, c)
	return c, k, g
}

// stalled connects to a server that takes nothing after the handshake, and fills what can wait for
// it.
func stalled(t *testing.T, o Options) (*Client, *testClock) {
	url := fakeServer(t, func(_ int, nc net.Conn) {
		if accept(nc) {
			readMessage(nc)
		}
	})
	o.MaxReconnectAttempts = Never
	c, k, g := gated(t, url, o)
	g.shut()
	if err := c.Emit("fill", make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	return c, k
}

// TestStalledContext: calls end with their context, or the AckTimeout, though the server
// reads nothing. What was not on its way by then is not sent.
func TestStalledContext(t *testing.T) {
	c, k := stalled(t, Options{AckTimeout: time.Hour})
	before := c.Stats()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 16)
	for range 16 {
		go func() {
			_, err := c.EmitWithAck(ctx, "big", make([]byte, 1<<20))
			done <- err
		}()
	}
	for range 16 {
		if d := take(t, k.waits, "the wait for room"); d != time.Hour {
			t.Errorf("waits for %v at most", d)
		}
	}
	cancel()
	for range 16 {
		if err := take(t, done, "the end of a call"); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	go func() {
		_, err := c.EmitWithAck(context.Background(), "big", nil)
		done <- err
	}()
	k.step(t)
	if err := take(t, done, "the end of a call"); !errors.Is(err, message.ErrAckTimeout) {
		t.Error(err)
	}
	s := c.Stats()
	if s.PendingAcks != 0 {
		t.Errorf("%d acks wait", s.PendingAcks)
	}
	if s.Sent != before.Sent || s.BufferedAmount > before.BufferedAmount { // the kernel takes some
		t.Errorf("%d events of %d bytes were sent all the same", s.Sent-before.Sent,
			s.BufferedAmount-before.BufferedAmount)
	}
}

// TestStalledEmit: without a context a call ends after SendTimeout, with an error.
func TestStalledEmit(t *testing.T) {
	c, k := stalled(t, Options{SendTimeout: 7 * time.Second})
	done := make(chan error, 1)
	for name, emit := range map[string]func() error{
		"Emit": func() error { return c.Emit("x", nil) },
		"EmitAck": func() error {
			return c.EmitAck("x", nil, time.Hour, func(Data, error) { t.Error("answered") })
		},
	} {
		before := c.Stats().Sent
		go func() { done <- emit() }()
		if d := k.step(t); d != 7*time.Second {
			t.Errorf("%s waits for %v", name, d)
		}
		if err := take(t, done, name); !errors.Is(err, message.ErrTimeout) {
			t.Errorf("%s: %v", name, err)
		}
		if s := c.Stats(); s.Sent != before || s.PendingAcks != 0 {
			t.Errorf("%s: %+v", name, s)
		}
	}
	// Disconnect ends the calls that still wait.
	go func() { done <- c.Emit("x", nil) }()
	take(t, k.waits, "the wait")
	go func() { // the wait for the connection's end
		for range k.waits {
		}
	}()
	c.Disconnect()
	if err := take(t, done, "Emit during Disconnect"); !errors.Is(err, message.ErrConnectionLost) {
		t.Error(err)
	}
	close(k.waits)
}

// TestInterruptedWrite: what a caller's own write left is written behind it, in order.
func TestInterruptedWrite(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	w := &writer{nc: near, tcp: near}
	want := 0
	for range 3 {
		w.append(make([]byte, 3000))
		w.mu.Lock()
		want += 4 + 4 + 3000
		w.mu.Unlock()
		w.flush() // nobody reads yet: the write is interrupted
	}
	got := make([]byte, want)
	n, total := 0, 0
	var err error
	far.SetReadDeadline(time.Now().Add(patience))
	for total < want {
		if n, err = far.Read(got[total:]); err != nil {
			t.Fatalf("after %d of %d bytes: %v", total, want, err)
		}
		total += n
	}
	for i := range 3 {
		at := i * want / 3
		if got[at] != 0x82 || got[at+1] != 0x80|126 {
			t.Errorf("frame %d begins with % x", i, got[at:at+4])
		}
	}
	w.mu.Lock()
	w.end()
	w.mu.Unlock()
	near.Close()
}
