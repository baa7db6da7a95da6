package main

import (
	"context"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/examples/token"
)

func options() smartsocket.Options {
	o := smartsocket.DefaultOptions()
	o.EnableMessageCache = true          // who loses the connection keeps the session,
	o.MessageCacheAge = 30 * time.Second // and with it the seat, for so long
	o.RateLimitMaxRequests, o.RateLimitWindow = 2*rate, time.Second
	o.DrainTimeout = length + time.Minute // matches end before the server does
	return o
}

// authority lets in who has a token that it has signed, for as long as that is good.
type authority []byte

func (key authority) authenticate(_ context.Context, r smartsocket.AuthRequest) (any, error) {
	c, err := token.Verify(key, r.APIKey, time.Now())
	if err != nil {
		return nil, err
	}
	return smartsocket.Grant{Identity: c.Subject, Expires: c.End(),
		Values: map[string]any{"admin": c.Admin}}, nil
}

func (g *game) register(v *smartsocket.Server) {
	g.server = v
	smartsocket.Handle(v, "join", g.join)
	smartsocket.Handle(v, "watch", g.watch)
	smartsocket.Handle(v, "kick", g.kick)
	smartsocket.Handle(v, "buy", func(s *smartsocket.Socket, o Order) (Receipt, error) {
		return change(s, func(p *Player) (Receipt, error) { return p.buy(o) })
	})
	smartsocket.On(v, "steer", steer, smartsocket.Inline)
	v.SetEmitOptions("tick", smartsocket.State("")) // who is behind gets the newest
	v.OnConnected(func(s *smartsocket.Socket) { change(s, (*Player).back) })
	v.OnDisconnected(func(s *smartsocket.Socket, _ smartsocket.Reason) {
		change(s, (*Player).gone)
	})
	v.OnEnded(func(s *smartsocket.Socket, _ smartsocket.Reason) { g.left(s) })
}
