//go:build !js

package client

import (
	"encoding/json"
	"sync"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/internal/race"
)

func emitter(tb testing.TB) *Client {
	v := startServer(tb, smartsocket.Options{}, func(v *smartsocket.Server) {
		v.On("move", func(*smartsocket.Socket, smartsocket.Data, smartsocket.Ack) {},
			smartsocket.Inline)
	})
	return connect(tb, newClient(tb, urlOf(v, "/"), Options{}))
}

// TestEmitAllocations: the slice header that Emit's any needs is the only allocation.
func TestEmitAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	c := emitter(t)
	p := []byte(`{"x":1,"y":2}`)
	for name, emit := range map[string]func() error{
		"[]byte":          func() error { return c.Emit("move", p) },
		"json.RawMessage": func() error { return c.Emit("move", json.RawMessage(p)) },
	} {
		n := testing.AllocsPerRun(2000, func() {
			if err := emit(); err != nil {
				t.Fatal(err)
			}
		})
		t.Logf("%s: %v allocations", name, n)
		if n > 1 {
			t.Errorf("%s: %v allocations, want at most 1", name, n)
		}
	}
}

// lockedWrite is the alternative to the writer's combining: a write for each message, under a lock.
func lockedWrite(c *Client) func([]byte) {
	t := c.current.Load().t.(*netTransport)
	var mu sync.Mutex
	return func(b []byte) {
		mu.Lock()
		defer mu.Unlock()
		_ = t.append(b)
		t.mu.Lock()
		out := t.out
		t.out = nil
		t.mu.Unlock()
		_, _ = t.nc.Write(out.B)
		t.mu.Lock()
		t.recycle(out)
		t.mu.Unlock()
	}
}

func BenchmarkEmit(b *testing.B) {
	c := emitter(b)
	p := json.RawMessage(`{"x":1,"y":2}`)
	b.ReportAllocs()
	for b.Loop() {
		_ = c.Emit("move", p)
	}
}

func BenchmarkEmitParallel(b *testing.B) {
	p := json.RawMessage(`{"x":1,"y":2}`)
	b.Run("combined", func(b *testing.B) {
		c := emitter(b)
		b.SetParallelism(8)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				_ = c.Emit("move", p)
			}
		})
	})
	b.Run("locked", func(b *testing.B) {
		c := emitter(b)
		write := lockedWrite(c)
		msg := append([]byte{4, 4}, "move"...)
		msg = append(msg, p...)
		b.SetParallelism(8)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				write(msg)
			}
		})
	})
}

// BenchmarkReceive measures a client that is busy with events of the server, small and large.
func BenchmarkReceive(b *testing.B) {
	for name, size := range map[string]int{"20B": 20, "2KB": 2 << 10, "100KB": 100 << 10} {
		b.Run(name, func(b *testing.B) {
			v := startServer(b, smartsocket.Options{MaxOutboxBytes: 64 << 20}, echoes)
			c := connect(b, newClient(b, urlOf(v, "/"), Options{}))
			p, window := make([]byte, size), make(chan struct{}, 32)
			c.On("back", func(Data, Ack) { <-window })
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				window <- struct{}{}
				if err := c.Emit("back", p); err != nil {
					b.Fatal(err)
				}
			}
			for range cap(window) {
				window <- struct{}{}
			}
		})
	}
}
