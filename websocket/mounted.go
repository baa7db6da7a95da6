package websocket

import (
	"context"
	"crypto/tls"
	"net/http"
)

// from notes the net/http request that a connection came with.
func (e *events) from(req *http.Request) *events {
	e.hs = &handshake{ctx: context.WithoutCancel(req.Context()), tls: req.TLS}
	return e
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
	if c.hs != nil && c.hs.tls != nil {
		return c.hs.tls
	}
	return c.rc.TLS()
}
