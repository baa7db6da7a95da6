package test

import (
	"context"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
)

// These are the types of the public API that nearly every test names.
type (
	Server    = smartsocket.Server
	Namespace = smartsocket.Namespace
	Socket    = smartsocket.Socket
	Options   = smartsocket.Options
	Data      = smartsocket.Data
	Ack       = smartsocket.Ack
)

// startServer runs a server on a free port until the test ends. setup registers handlers before
// the server starts.
func startServer(t testing.TB, o Options, setup func(*Server)) *Server {
	t.Helper()
	o.Host = "127.0.0.1"
	o.Port = -1
	if o.RateLimitMaxRequests == 0 {
		o.EnableRateLimiting = smartsocket.Disabled
	}
	if o.Logger == nil {
		o.Logger = testLogger(t)
	}
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
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := v.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
	return v
}

// cacheServer keeps sessions. Its clients set and get what a session consists of.
func cacheServer(t testing.TB, o Options) *Server {
	o.EnableMessageCache = true
	return startServer(t, o, func(v *Server) {
		joiner(v)
		smartsocket.On(v, "set", func(s *Socket, x string, ack Ack) {
			s.Set("x", x)
			ack.Reply(nil)
		})
		v.On("get", func(s *Socket, _ Data, ack Ack) {
			ack.Reply([]any{s.Get("x"), s.Rooms(), s.Recovered()})
		})
	})
}

// slowServer has small kernel buffers, so that a client that does not read is soon behind.
func slowServer(t testing.TB, o Options) *Server {
	o.SendBufferBytes = 8 << 10
	o.MaxOutboxBytes = 4 << 20
	o.MaxOutboxAge = time.Minute
	return startServer(t, o, func(v *Server) { joiner(v) })
}

// joiner lets clients choose their rooms.
func joiner(v *Server) {
	v.OnConnected(func(s *Socket) {})
	smartsocket.Handle(v, "join", func(s *Socket, rooms []string) (bool, error) {
		return true, s.Join(rooms...)
	})
	smartsocket.On(v, "leave", func(s *Socket, rooms []string, ack Ack) {
		s.Leave(rooms...)
		ack.Reply(s.Rooms())
	})
}

// echoOn registers echo under its own name.
func echoOn(v *Server) { v.On("echo", echo) }

// echo is a handler that sends what it gets back, as an event and as the answer.
func echo(s *Socket, d Data, ack Ack) {
	if d.Binary() {
		s.Emit("echo", d.Bytes())
		ack.Reply(d.Bytes())
		return
	}
	if d.Empty() {
		s.Emit("echo", nil)
		ack.Reply(nil)
		return
	}
	s.Emit("echo", d.JSON())
	ack.Reply(d.JSON())
}

// reply is a handler that answers with what it gets.
func reply(_ *Socket, d Data, ack Ack) { ack.Reply(d) }

// ignore is a handler that does nothing and answers nothing.
func ignore(*Socket, Data, Ack) {}

// panics is a handler with a mistake.
func panics(*Socket, Data, Ack) { panic("boom") }

// stillServes checks that the server answers a client that behaves.
func stillServes(t testing.TB, v *Server) {
	t.Helper()
	w := dialFull(t, v, "/")
	w.request(1, "echo", `"here"`)
	w.wantEvent("echo", `"here"`)
	w.wantAck(1, `"here"`)
	w.nc.Close()
}

// socketOf is the socket with this id in the namespace "/".
func socketOf(t testing.TB, v *Server, id string) *Socket {
	t.Helper()
	s := v.Namespace("/").Socket(id)
	if s == nil {
		t.Fatalf("no socket %q", id)
	}
	return s
}

// emitter is whatever can emit: a server, a namespace, a target or a socket.
type emitter interface {
	Emit(string, any, ...smartsocket.EmitOption) (smartsocket.Delivery, error)
}

// emit is Emit where nothing can be wrong.
func emit(
	t testing.TB, e emitter, event string, data any, opts ...smartsocket.EmitOption,
) smartsocket.Delivery {
	t.Helper()
	d, err := e.Emit(event, data, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
