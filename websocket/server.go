package websocket

import (
	"net"
	"sync"

	"github.com/smartsocket/smartsocket/reactor"
)

// Server accepts WebSocket connections on a reactor. Its methods may be called concurrently.
type Server struct {
	ep *endpoint
	r  *reactor.Reactor

	mu sync.Mutex // guards ln
	ln *reactor.Listener
}

// NewServer makes an endpoint on r, which the caller still owns. It accepts nothing until Listen is
// called or it is mounted as an http.Handler.
func NewServer(r *reactor.Reactor, o Options, accept Acceptor) *Server {
	return &Server{ep: newEndpoint(o, false, accept), r: r}
}

// Listen binds addr, see reactor.Listen, or reactor.ListenTLS if Options.TLSConfig is set. A
// request that is not an upgrade gets 426. Listen may be called once per Server.
func (s *Server) Listen(network, addr string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ln != nil {
		return ErrListening
	}
	listen, ep := s.r.Listen, s.ep
	if ep.tls != nil {
		listen, ep = s.listenTLS, ep.secured()
	}
	ln, err := listen(network, addr, func(*reactor.Conn) reactor.Handler { return newConn(ep) })
	if err != nil {
		return err
	}
	s.ln = ln
	return nil
}

func (s *Server) listenTLS(
	network, addr string, newHandler func(*reactor.Conn) reactor.Handler,
) (*reactor.Listener, error) {
	cfg := s.ep.tls.Clone()
	// A client that speaks only h2 is refused instead of being misunderstood.
	cfg.NextProtos = []string{"http/1.1"}
	return s.r.ListenTLS(network, addr,
		reactor.TLSOptions{Config: cfg, HandshakeTimeout: s.ep.handshake}, newHandler)
}

// secured returns ep for connections with TLS, whose own origin is https.
func (ep *endpoint) secured() *endpoint {
	secured := *ep
	secured.isSecure = true
	return &secured
}

// Tune replaces what may change at run time. It applies to open connections too, from their next
// message on.
func (s *Server) Tune(t Tuning) { s.ep.tune(t) }

// UnfinishedBytes returns the memory that is held for messages that have begun and are not
// complete, of all connections.
func (s *Server) UnfinishedBytes() int64 { return s.ep.held.Load() }

// Addr returns the bound address, or nil before Listen.
func (s *Server) Addr() net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ln == nil {
		return nil
	}
	return s.ln.Addr()
}

// Close stops accepting. Connections stay open. It may be called more than once.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ln == nil {
		return nil
	}
	return s.ln.Close()
}
