//go:build !js

package client

import (
	"io"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/race"
	"github.com/smartsocket/smartsocket/message"
)

// idleLimit is how many bytes an idle client may cost: 8 KiB of its own, and some for the other
// end of its connection and for what else happens in this process.
const idleLimit = 10 << 10

// inUse is what the process has in use, after the pools have been emptied.
func inUse() (heap, stacks int) {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc), int(m.StackInuse)
}

// rested waits until no more than n goroutines run and count is large enough.
func rested(t *testing.T, n int, count *atomic.Int64, enough int64) {
	t.Helper()
	end := time.Now().Add(patience)
	for ; runtime.NumGoroutine() > n || count.Load() < enough; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines, want %d; %d events, want %d", runtime.NumGoroutine(), n,
				count.Load(), enough)
		}
	}
}

// idleServer does the handshake with each client, and then nothing. It has no goroutine for them.
func idleServer(t *testing.T) (url string, conns <-chan net.Conn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	list := make(chan net.Conn)
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { nc.Close() })
			accept(nc)
			list <- nc
		}
	}()
	return "ws://" + l.Addr().String(), list
}

// TestIdleMemory: an idle client is small and has one goroutine, also after large messages.
func TestIdleMemory(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector takes memory")
	}
	const n, each, mask = 200, 20, 4
	url, conns := idleServer(t)
	var received atomic.Int64
	clients, ends := make([]*Client, n), make([]net.Conn, n)
	ctx := testContext(t)
	goroutines := runtime.NumGoroutine()
	heap, stacks := inUse()
	for i := range n {
		clients[i] = newClient(t, url, Options{})
		connected := make(chan error, 1)
		go func() { connected <- clients[i].Connect(ctx) }()
		ends[i] = take(t, conns, "the other end")
		if err := take(t, connected, "the end of Connect"); err != nil {
			t.Fatal(err)
		}
	}
	rested(t, goroutines+n, &received, 0)
	check := func(what string, stack bool) {
		t.Helper()
		h, s := inUse()
		cost := (h - heap) / n
		if stack {
			cost += (s - stacks) / n
		}
		t.Logf("%s: %d B each", what, cost)
		if cost > idleLimit {
			t.Errorf("%s: %d B each, want at most %d", what, cost, idleLimit)
		}
	}
	check("idle", true)

	large := strings.Repeat("x", 100<<10)
	head := message.AppendEventHeader(nil, message.FlagBinary, 0, 0, "large")
	event := frame.AppendFrame(nil, frame.Binary, append(head, large...))
	for i, c := range clients {
		c.On("large", func(Data, Ack) { received.Add(1) })
		for range each {
			write := make(chan error, 1)
			go func() {
				_, err := ends[i].Write(event)
				write <- err
			}()
			if err := take(t, write, "the end of the write"); err != nil {
				t.Fatal(err)
			}
		}
		sent := make(chan error, 1)
		go func() { sent <- c.Emit("large", []byte(large)) }()
		if _, err := io.CopyN(io.Discard, ends[i], int64(len(event)+mask)); err != nil {
			t.Fatal(err)
		}
		if err := take(t, sent, "the end of Emit"); err != nil {
			t.Fatal(err)
		}
	}
	rested(t, goroutines+n, &received, each*n)
	check("after large messages, stacks aside", false)
}
