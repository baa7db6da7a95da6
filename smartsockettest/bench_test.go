//go:build linux || darwin

package smartsockettest_test

import (
	"log/slog"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/smartsockettest"
)

// oneTest runs f with a testing.TB whose cleanups run when f has returned, as one test of b.
type oneTest struct {
	testing.TB
	cleanups []func()
}

func (t *oneTest) Cleanup(f func()) { t.cleanups = append(t.cleanups, f) }

func (t *oneTest) end() {
	for n := len(t.cleanups) - 1; n >= 0; n-- {
		t.cleanups[n]()
	}
}

// BenchmarkTest is the smallest test of a handler: server, client, event, answer, end.
func BenchmarkTest(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		t := &oneTest{TB: b}
		s := smartsockettest.New(t, smartsocket.Options{}, func(v *smartsocket.Server) {
			smartsocket.Handle(v, "double", func(_ *smartsocket.Socket, n int) (int, error) {
				return 2 * n, nil
			})
		})
		if n := smartsockettest.Call[int](s.Client(t), "double", 21); n != 42 {
			b.Fatal(n)
		}
		t.end()
	}
}

// BenchmarkTestOnPort is the same without this package, for comparison.
func BenchmarkTestOnPort(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		v, err := smartsocket.New(smartsocket.Options{
			Host: "127.0.0.1", Port: -1, Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			b.Fatal(err)
		}
		smartsocket.Handle(v, "double", func(_ *smartsocket.Socket, n int) (int, error) {
			return 2 * n, nil
		})
		if err := v.Start(); err != nil {
			b.Fatal(err)
		}
		c, err := client.New("ws://"+v.Addr().String(), client.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := c.Connect(b.Context()); err != nil {
			b.Fatal(err)
		}
		n, err := client.Request[int](b.Context(), c, "double", 21)
		if err != nil || n != 42 {
			b.Fatal(n, err)
		}
		c.Disconnect()
		if err := v.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
