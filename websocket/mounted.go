package websocket

import (
	"context"
	"crypto/tls"
	"net/http"
)

// from notes the net/http request that a connection comes with.
func from(req *http.Request) *handshake {
	return &handshake{ctx: context.WithoutCancel(req.Context()), tls: req.TLS}
}

// Context returns the values of the net/http request that the connection came with, without its
// end. It is context.Background for a connection that Listen accepted. In an Acceptor only.
func (c *Conn) Context() context.Context {
	if c.hs != nil && c.hs.ctx != nil {
		return c.hs.ctx
	}
	return context.Background()
}

// TLS describes the connection's TLS session, nil if there is none. In an Acceptor only.
func (c *Conn) TLS() *tls.ConnectionState {
	switch {
	case c.hs != nil && c.hs.tls != nil:
		return c.hs.tls
	case c.hs != nil && c.hs.session != nil:
		state := c.hs.session.ConnectionState() // complete, because the request has come
		return &state
	}
	return c.rc.TLS()
}
