//go:build !js

package client

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/internal/leaktest"
)

// patience bounds every wait of these tests; it is for hangs, not for speed.
const patience = 20 * time.Second

// TestMain checks that nothing of the package keeps running behind the tests.
func TestMain(m *testing.M) { leaktest.Main(m) }

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// startServer runs a server until the test ends.
func startServer(t testing.TB, o smartsocket.Options,
	setup func(*smartsocket.Server)) *smartsocket.Server {
	t.Helper()
	o.Host, o.Port = "127.0.0.1", -1
	o.EnableRateLimiting = smartsocket.Disabled
	o.Logger = slog.New(slog.DiscardHandler)
	v, err := smartsocket.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if setup != nil {
		setup(v)
	}
	if err := v.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

func urlOf(v *smartsocket.Server, path string) string { return "ws://" + v.Addr().String() + path }

// newClient makes a client that ends with the test.
func newClient(t testing.TB, url string, o Options) *Client {
	t.Helper()
	c, err := New(url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Disconnect)
	return c
}

func connect(t testing.TB, c *Client) *Client {
	t.Helper()
	if err := c.Connect(testContext(t)); err != nil {
		t.Fatal(err)
	}
	return c
}

// take waits for a value.
func take[T any](t testing.TB, ch <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatalf("%s never came", what)
	}
	panic("unreachable")
}
