package test

import (
	"errors"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/frame"
)

// A kick is final: 3504 ends the session, and the client does not come back.
func TestKickIsFinal(t *testing.T) {
	for name, cache := range map[string]bool{"without sessions": false, "with sessions": true} {
		t.Run(name, func(t *testing.T) {
			ended := make(chan smartsocket.Reason, 1)
			v := startServer(t, Options{EnableMessageCache: cache}, func(v *Server) {
				v.OnEnded(func(_ *Socket, r smartsocket.Reason) { ended <- r })
				v.On("kick me", func(s *Socket, _ Data, _ Ack) { s.Disconnect() })
			})
			c := newClient(t, v, client.Options{MaxReconnectAttempts: client.Forever})
			gone := make(chan client.Reason, 1)
			c.OnDisconnected(func(r client.Reason) { gone <- r })
			again := make(chan client.Reconnecting, 10)
			c.OnReconnecting(func(r client.Reconnecting) { again <- r })
			connected(t, c)
			c.Emit("kick me", nil)
			if r := <-gone; r.Code != 3504 || r.Text != "kicked" {
				t.Errorf("the client was told %v", r)
			}
			err := c.Emit("x", nil) // a client that comes back would queue it
			if !errors.Is(err, smartsocket.ErrConnectionLost) || len(again) > 0 {
				t.Errorf("the client reconnects: %v", err)
			}
			if r := <-ended; r.Code != 3504 {
				t.Errorf("the session ended with %v", r)
			}
			ns := v.Namespace("/")
			eventually(t, "the socket to go", func() bool {
				return len(ns.Sockets())+len(ns.Away()) == 0
			})
		})
	}
}

// A kick reaches any client, plain ones too, and another code is the caller's choice.
func TestKickOfEveryKindOfClient(t *testing.T) {
	v := startServer(t, Options{}, nil)
	ns := v.Namespace("/")
	for code, kick := range map[frame.CloseCode]func(*Socket){
		3504: (*Socket).Disconnect,
		1000: func(s *Socket) { s.DisconnectWith(frame.CloseNormal, "") },
		3000: func(s *Socket) { s.DisconnectWith(3000, "elsewhere") },
	} {
		for _, dial := range []func(testing.TB, *Server, string) *wire{dialFull, dialPlain} {
			w := dial(t, v, "/")
			eventually(t, "the socket", func() bool { return ns.Len() == 1 })
			kick(ns.Sockets()[0])
			w.wantClose(code)
			w.nc.Close()
			eventually(t, "the socket to go", func() bool { return ns.Len() == 0 })
		}
	}
}

// A Target acts on every selected socket, those included that are away, and on nobody else.
func TestTargetsJoinLeaveAndDisconnect(t *testing.T) {
	v := cacheServer(t, Options{})
	ns := v.Namespace("/")
	a, away := start(t, v)
	b, here := start(t, v)
	c, other := start(t, v)
	n, err := ns.ToSocket(away.ID()).To(here.ID()).Join("red", "blue")
	if n != 2 || err != nil || ns.RoomLen("red") != 2 || other.In("red") {
		t.Errorf("Join: %d, %v, %d in the room", n, err, ns.RoomLen("red"))
	}
	a.leave(away)
	n, err = ns.To("red").Join("green", "") // the second name cannot be
	if n != 0 || !errors.Is(err, smartsocket.ErrInvalidFormat) || membersOf(ns, "green") != 2 {
		t.Errorf("a Join that is refused: %d, %v", n, err)
	}
	if n := ns.To("red").Leave("red", "nowhere"); n != 2 || membersOf(ns, "red") != 0 {
		t.Errorf("Leave: %d, %d left", n, membersOf(ns, "red"))
	}
	for name, nobody := range map[string]*smartsocket.Target{
		"no name": ns.To(), "empty name": ns.To(""), "empty room": ns.To("red"),
		"unknown id": ns.ToSocket("ss_0123456789012345678901"), "no id": ns.ToSocket("blue"),
	} {
		m, err := nobody.Join("x")
		if n := m + nobody.Leave("blue") + nobody.Disconnect(); n != 0 || err != nil {
			t.Errorf("%s: %d, %v", name, n, err)
		}
	}
	if n := ns.To("blue").Except(here.ID()).Disconnect(); n != 1 {
		t.Errorf("%d were kicked, want the one that is away", n)
	}
	eventually(t, "who is away to go", func() bool { return ns.Socket(away.ID()) == nil })
	a.wantNew(v, away)
	if n := other.To("blue").DisconnectWith(3500, "banned"); n != 1 {
		t.Errorf("%d were banned", n)
	}
	b.wantClose(3500)
	b.nc.Close()
	if !other.Connected() {
		t.Error("somebody else was disconnected")
	}
	a.leaves()
	c.leaves()
	if n := ns.Except().Disconnect(); n < 1 {
		t.Error("nobody was kicked")
	}
	eventually(t, "all to go", func() bool { return ns.Len() == 0 })
}
