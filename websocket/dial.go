package websocket

import (
	"context"
	"net"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/pool"
	"github.com/smartsocket/smartsocket/reactor"
)

// DialOptions configure a client connection of the load generator or a test. Options.Origin is not
// used; put an Origin header into Header.
type DialOptions struct {
	Options
	Target    string // request target; "" means "/"
	Protocols string // offered subprotocols, comma-separated
	Header    string // extra "Name: value\r\n" lines
	Local     net.Addr
}

// Dial connects to addr (host:port) on r and returns at once. h.OnOpen or h.OnClose reports the
// outcome. Unlike on a server, h.OnClose also runs if the handshake fails, with code 1006 and the
// cause: an error of the reactor, a *frame.HandshakeError with the server's status, ErrExtension or
// ErrHandshakeTimeout. Frames are masked with keys from the runtime's ChaCha8 generator. If Dial
// returns an error, no method of h is called.
func Dial(ctx context.Context, r *reactor.Reactor, addr string, o DialOptions, h Handler) error {
	if o.TLSConfig != nil {
		return ErrDialTLS
	}
	hs := &handshake{key: frame.NewKey(), protocols: o.Protocols, request: pool.Get(512)}
	target, extensions := o.Target, ""
	if target == "" {
		target = "/"
	}
	if o.Deflate {
		extensions = frame.DeflateOffer
	}
	hs.request.B = frame.AppendRequest(hs.request.B, addr, target, hs.key, "", o.Protocols,
		extensions, o.Header)
	c := &Conn{ep: newEndpoint(o.Options, true, nil), h: h, hs: hs}
	if err := r.Dial(ctx, "tcp", addr, o.Local, (*events)(c)); err != nil {
		c.dropHandshake()
		return err
	}
	return nil
}
