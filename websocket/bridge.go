package websocket

import (
	"crypto/tls"
	"io"
	"net"
	"time"

	"github.com/smartsocket/smartsocket/internal/socketpair"
	"github.com/smartsocket/smartsocket/pool"
)

// bridgeStall is how long a peer that does not read may hold up a bridge, and its descriptors.
const bridgeStall = 30 * time.Second

// serveConn serves a connection that somebody else accepted. early is what was read of it, which
// the reactor takes. hs is what is known of it already; it may be nil. After an error nc and the
// place of hs still belong to the caller.
func (s *Server) serveConn(nc net.Conn, early []byte, ep *endpoint, hs *handshake) error {
	switch nc.(type) {
	case *net.TCPConn, *net.UnixConn:
		return s.r.Adopt(nc, early, arrived(ep, hs))
	}
	return s.bridge(nc, early, ep, hs)
}

// arrived is newConn for a connection of which hs is known already.
func arrived(ep *endpoint, hs *handshake) *events {
	c := newConn(ep)
	c.hs = hs
	return c
}

// bridge serves a connection that the event loops cannot take over: a TLS session of net/http, or
// any net.Conn that is more than a descriptor, because it decrypts, limits, counts or has bytes of
// its own. Two goroutines carry its bytes to a connection that the loops serve. A server that
// listens itself (see Listen) needs neither.
func (s *Server) bridge(tc net.Conn, early []byte, ep *endpoint, hs *handshake) error {
	far, near, err := socketpair.New()
	if err != nil {
		return err
	}
	bridged := *ep
	bridged.peer = tc.RemoteAddr()
	if hs == nil {
		hs = new(handshake)
	}
	hs.session, _ = tc.(*tls.Conn)
	if err := s.r.Adopt(far, early, arrived(&bridged, hs)); err != nil {
		far.Close()
		near.Close()
		return err
	}
	boundSendBuffer(tc)
	go func() { // ends when the peer is gone, or when the other goroutine closes tc
		bridged.tellNotTLS(carry(near, tc, func() {}))
		near.CloseWrite()
	}()
	go func() { // ends when the loop has closed the connection
		carry(tc, near, func() { tc.SetWriteDeadline(time.Now().Add(s.stall)) })
		tc.Close()
		near.Close()
	}()
	return nil
}

// carry copies until either end fails, and returns why from did. before runs before each write.
func carry(to io.Writer, from io.Reader, before func()) error {
	b := pool.Get(16 << 10)
	defer pool.Put(b)
	buf := b.B[:cap(b.B)]
	for {
		n, err := from.Read(buf)
		if n > 0 {
			before()
			if _, err := to.Write(buf[:n]); err != nil {
				return nil
			}
		}
		if err != nil {
			return err
		}
	}
}
