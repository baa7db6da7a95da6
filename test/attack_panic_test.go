package test

import (
	"context"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// A29: whatever application code panics, the process lives, the others are
// served, and the panic is counted.
func TestAttackPanicsInApplicationCode(t *testing.T) {
	boom := func() { panic("boom") }
	event := func(*smartsocket.Socket, smartsocket.Data, smartsocket.Ack) { boom() }
	ask := func(v *smartsocket.Server, w *wire, timeout time.Duration) {
		eventually(w.t, "the socket", func() bool { return v.Namespace("/bad").Socket(w.id) != nil })
		v.Namespace("/bad").Socket(w.id).EmitAck("ask", nil, timeout, func(smartsocket.Data, error) { boom() })
	}
	emit := func(_ *smartsocket.Server, w *wire) { w.emit("x", "") }
	for _, c := range []struct {
		name   string
		o      smartsocket.Options
		setup  func(*smartsocket.Namespace, ...smartsocket.HandlerOption)
		attack func(*smartsocket.Server, *wire)
	}{
		{name: "event", setup: func(n *smartsocket.Namespace, o ...smartsocket.HandlerOption) { n.On("x", event, o...) }, attack: emit},
		{name: "once", setup: func(n *smartsocket.Namespace, o ...smartsocket.HandlerOption) { n.Once("x", event, o...) }, attack: emit},
		{name: "typed", setup: func(n *smartsocket.Namespace, o ...smartsocket.HandlerOption) {
			smartsocket.On(n, "x", func(*smartsocket.Socket, any, smartsocket.Ack) { boom() }, o...)
		}, attack: emit},
		{name: "request", setup: func(n *smartsocket.Namespace, o ...smartsocket.HandlerOption) {
			smartsocket.Handle(n, "x", func(*smartsocket.Socket, any) (int, error) { panic("boom") }, o...)
		}, attack: emit},
		{name: "of the socket", setup: func(n *smartsocket.Namespace, o ...smartsocket.HandlerOption) {
			n.OnConnected(func(s *smartsocket.Socket) { s.On("x", event, o...) }, o...)
		}, attack: emit},
		{name: "connected", setup: func(n *smartsocket.Namespace, o ...smartsocket.HandlerOption) {
			n.OnConnected(func(*smartsocket.Socket) { boom() }, o...)
		}, attack: emit},
		{name: "disconnected", setup: func(n *smartsocket.Namespace, o ...smartsocket.HandlerOption) {
			n.OnDisconnected(func(*smartsocket.Socket, smartsocket.Reason) { boom() }, o...)
		}, attack: func(_ *smartsocket.Server, w *wire) { w.nc.Close() }},
		{name: "error", setup: func(n *smartsocket.Namespace, o ...smartsocket.HandlerOption) {
			n.On("x", event, o...)
			n.OnError(func(*smartsocket.Socket, error) { boom() }, o...)
		}, attack: emit},
		{name: "middleware", setup: func(n *smartsocket.Namespace, o ...smartsocket.HandlerOption) {
			n.Use(func(*smartsocket.Socket, string, smartsocket.Data, func(error)) { boom() })
			n.On("x", echo, o...)
		}, attack: emit},
		{name: "rate-limit", o: smartsocket.Options{RateLimitMaxRequests: 1}, setup: func(n *smartsocket.Namespace, o ...smartsocket.HandlerOption) {
			n.On("rate-limit", event, o...)
			n.On("x", func(*smartsocket.Socket, smartsocket.Data, smartsocket.Ack) {}, o...)
		}, attack: func(_ *smartsocket.Server, w *wire) {
			w.emit("x", "")
			w.emit("x", "")
		}},
		{name: "answered ack", setup: nil, attack: func(v *smartsocket.Server, w *wire) {
			ask(v, w, 0)
			m := w.message()
			w.send(frame.Binary, message.Append(nil, &message.Message{Kind: message.KindAck, Flags: message.FlagAck, AckID: m.AckID}))
		}},
		{name: "refused ack", setup: nil, attack: func(v *smartsocket.Server, w *wire) {
			ask(v, w, 0)
			m := w.message()
			w.send(frame.Binary, message.Append(nil, &message.Message{Kind: message.KindError, Flags: message.FlagAck, AckID: m.AckID}))
		}},
		{name: "ack that timed out", setup: nil, attack: func(v *smartsocket.Server, w *wire) { ask(v, w, time.Millisecond) }},
		{name: "ack of a lost connection", setup: nil, attack: func(v *smartsocket.Server, w *wire) {
			ask(v, w, 0)
			w.nc.Close()
		}},
		{name: "value that cannot be written", setup: func(n *smartsocket.Namespace, o ...smartsocket.HandlerOption) {
			n.On("x", func(s *smartsocket.Socket, _ smartsocket.Data, _ smartsocket.Ack) { s.Emit("y", exploding{}) }, o...)
		}, attack: emit},
	} {
		for mode, opts := range map[string][]smartsocket.HandlerOption{"blocking": nil, "inline": {smartsocket.Inline}} {
			t.Run(c.name+", "+mode, func(t *testing.T) {
				v := startServer(t, c.o, func(v *smartsocket.Server) {
					echoOn(v)
					if bad := v.Namespace("/bad"); c.setup != nil {
						c.setup(bad, opts...)
					}
				})
				good := dialFull(t, v, "/")
				c.attack(v, dialFull(t, v, "/bad"))
				eventually(t, "the panic to be counted", func() bool { return v.ConnectionStats().HandlerPanics > 0 })
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
	v := startServer(t, smartsocket.Options{Authenticate: func(_ context.Context, r smartsocket.AuthRequest) (any, error) {
		if r.APIKey == "explode" {
			panic("boom")
		}
		return nil, nil
	}}, nil)
	w, m := connectWith(t, v, "explode")
	if e, err := message.ParseErrorJSON(m.Payload); err != nil || e.Code != message.CodeAuthFailed {
		t.Errorf("%v %v", e, err)
	}
	w.wantClose(3500)
	if _, m := connectWith(t, v, "fine"); m.Kind != message.KindConnectAck {
		t.Errorf("after the panic, a good client got kind %d %q", m.Kind, m.Payload)
	}
	if v.ConnectionStats().HandlerPanics != 1 {
		t.Error("the panic was not counted")
	}
}
