package test

import (
	"context"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// panicking is a piece of application code that panics, and what a client does to reach it. A nil
// setup is for code that attack itself gives to the server.
type panicking struct {
	name   string
	o      Options
	setup  func(*Namespace, ...smartsocket.HandlerOption)
	attack func(*Server, *wire)
}

// panickings has every kind of application code that the server calls.
func panickings() []panicking {
	type option = smartsocket.HandlerOption
	onePerWindow := Options{RateLimitMaxRequests: 1}
	boom := func() { panic("boom") }
	emit := func(_ *Server, w *wire) { w.emit("x", "") }
	ask := func(v *Server, w *wire, timeout time.Duration) {
		ns := v.Namespace("/bad")
		eventually(w.t, "the socket", func() bool { return ns.Socket(w.id) != nil })
		ns.Socket(w.id).EmitAck("ask", nil, timeout, func(Data, error) { boom() })
	}
	return []panicking{
		{name: "event", setup: func(n *Namespace, o ...option) {
			n.On("x", panics, o...)
		}, attack: emit},
		{name: "once", setup: func(n *Namespace, o ...option) {
			n.Once("x", panics, o...)
		}, attack: emit},
		{name: "typed", setup: func(n *Namespace, o ...option) {
			smartsocket.On(n, "x", func(*Socket, any, Ack) { boom() }, o...)
		}, attack: emit},
		{name: "request", setup: func(n *Namespace, o ...option) {
			smartsocket.Handle(n, "x", func(*Socket, any) (int, error) { panic("boom") }, o...)
		}, attack: emit},
		{name: "of the socket", setup: func(n *Namespace, o ...option) {
			n.OnConnected(func(s *Socket) { s.On("x", panics, o...) }, o...)
		}, attack: emit},
		{name: "connected", setup: func(n *Namespace, o ...option) {
			n.OnConnected(func(*Socket) { boom() }, o...)
		}, attack: emit},
		{name: "disconnected", setup: func(n *Namespace, o ...option) {
			n.OnDisconnected(func(*Socket, smartsocket.Reason) { boom() }, o...)
		}, attack: func(_ *Server, w *wire) { w.nc.Close() }},
		{name: "error", setup: func(n *Namespace, o ...option) {
			n.On("x", panics, o...)
			n.OnError(func(*Socket, error) { boom() }, o...)
		}, attack: emit},
		{name: "middleware", setup: func(n *Namespace, o ...option) {
			n.Use(func(*Socket, string, Data, func(error)) { boom() })
			n.On("x", echo, o...)
		}, attack: emit},
		{name: "rate-limit", o: onePerWindow, setup: func(n *Namespace, o ...option) {
			n.On("rate-limit", panics, o...)
			n.On("x", ignore, o...)
		}, attack: func(_ *Server, w *wire) {
			w.emit("x", "")
			w.emit("x", "")
		}},
		{name: "answered ack", attack: func(v *Server, w *wire) {
			ask(v, w, 0)
			w.send(frame.Binary, ackTo(w.message(), message.KindAck, ""))
		}},
		{name: "refused ack", attack: func(v *Server, w *wire) {
			ask(v, w, 0)
			w.send(frame.Binary, ackTo(w.message(), message.KindError, ""))
		}},
		{name: "ack that timed out", attack: func(v *Server, w *wire) {
			ask(v, w, time.Millisecond)
		}},
		{name: "ack of a lost connection", attack: func(v *Server, w *wire) {
			ask(v, w, 0)
			w.nc.Close()
		}},
		{name: "value that cannot be written", setup: func(n *Namespace, o ...option) {
			n.On("x", func(s *Socket, _ Data, _ Ack) { s.Emit("y", exploding{}) }, o...)
		}, attack: emit},
	}
}

// A29: whatever application code panics, the process lives, the others are served, and the panic
// is counted.
func TestAttackPanicsInApplicationCode(t *testing.T) {
	modes := map[string][]smartsocket.HandlerOption{"blocking": nil, "inline": {smartsocket.Inline}}
	for _, c := range panickings() {
		for mode, opts := range modes {
			t.Run(c.name+", "+mode, func(t *testing.T) {
				v := startServer(t, c.o, func(v *Server) {
					echoOn(v)
					if bad := v.Namespace("/bad"); c.setup != nil {
						c.setup(bad, opts...)
					}
				})
				good := dialFull(t, v, "/")
				c.attack(v, dialFull(t, v, "/bad"))
				eventually(t, "the panic to be counted", func() bool {
					return v.ConnectionStats().HandlerPanics > 0
				})
				good.request(1, "echo", "1")
				good.wantEvent("echo", "1")
				good.wantAck(1, "1")
			})
		}
	}
}

// exploding is a value of an application whose encoding panics.
type exploding struct{}

func (exploding) MarshalJSON() ([]byte, error) { panic("boom") }

// A29 for the hook that decides about handshakes: it fails closed.
func TestAttackPanicInAuthenticate(t *testing.T) {
	hook := func(_ context.Context, r smartsocket.AuthRequest) (any, error) {
		if r.APIKey == "explode" {
			panic("boom")
		}
		return nil, nil
	}
	v := startServer(t, Options{Authenticate: hook}, nil)
	w, m := connectWith(t, v, "explode")
	if codeOf(m) != message.CodeAuthFailed {
		t.Errorf("the panic was answered with kind %d %q", m.Kind, m.Payload)
	}
	w.wantClose(3500)
	if _, m := connectWith(t, v, "fine"); m.Kind != message.KindConnectAck {
		t.Errorf("after the panic, a good client got kind %d %q", m.Kind, m.Payload)
	}
	if v.ConnectionStats().HandlerPanics != 1 {
		t.Error("the panic was not counted")
	}
}
