package main

import (
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"

	"github.com/smartsocket/smartsocket"
)

// startArena starts the server of main.go behind a wire that it cuts once: when the first client
// has moved. While that client is away a second move happens, and a third when it is back.
//
// A client has done everything if it has seen the moves 1, 2 and 3, in order and each once, and
// knows that its session was recovered.
//
// With a key, everything is encrypted.
func startArena(t *testing.T, key string) *wire {
	t.Helper()
	server, err := smartsocket.New(smartsocket.Options{
		Host: "127.0.0.1", Port: -1, EnableMessageCache: true, AllowedOrigins: []string{"*"},
		EncryptionKey: key, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	register(server)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	w := newWire(t, server.Addr().String())
	var first sync.Once
	game := server.Namespace("/game")
	smartsocket.On(game, "move", func(s *smartsocket.Socket, m move, _ smartsocket.Ack) {
		first.Do(func() {
			s.Set("cut", true)
			w.cut()
		})
	})
	game.OnDisconnected(func(s *smartsocket.Socket, _ smartsocket.Reason) {
		if s.Get("cut") != nil {
			game.To("arena").Emit("moved", move{2, 2})
			w.mend()
		}
	})
	game.OnConnected(func(s *smartsocket.Socket) {
		if s.Recovered() {
			game.To("arena").Emit("moved", move{3, 3})
		}
	})
	return w
}

// wire forwards TCP connections to a server until it is cut. Connections that are made while it is
// cut wait until it is mended.
type wire struct {
	url string // ws://127.0.0.1 and a port

	listener net.Listener
	to       string

	mu    sync.Mutex
	ended bool
	open  map[net.Conn]bool
	whole chan struct{} // closed while the wire is whole
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{url: "ws://" + listener.Addr().String(), listener: listener, to: to,
		open: make(map[net.Conn]bool), whole: make(chan struct{})}
	close(w.whole)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { w.forward(near) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		w.mend()
		w.mu.Lock()
		w.ended = true
		w.mu.Unlock()
		w.hangUp()
		running.Wait()
	})
	return w
}

func (w *wire) forward(near net.Conn) {
	defer near.Close()
	w.mu.Lock()
	whole := w.whole
	w.mu.Unlock()
	<-whole
	far, err := net.Dial("tcp", w.to)
	if err != nil {
		return
	}
	defer far.Close()
	w.mu.Lock()
	ended := w.ended
	w.open[near], w.open[far] = true, true
	w.mu.Unlock()
	if ended {
		return
	}
	back := make(chan struct{})
	go func() {
		io.Copy(near, far)
		near.Close()
		close(back)
	}()
	io.Copy(far, near)
	far.Close()
	<-back
	w.mu.Lock()
	delete(w.open, near)
	delete(w.open, far)
	w.mu.Unlock()
}

// cut ends all connections, with no close frame.
func (w *wire) cut() {
	w.mu.Lock()
	w.whole = make(chan struct{})
	w.mu.Unlock()
	w.hangUp()
}

func (w *wire) hangUp() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.open {
		c.Close()
	}
}

func (w *wire) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.whole:
	default:
		close(w.whole)
	}
}
