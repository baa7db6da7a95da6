package websocket

import (
	"net"
	"sync"

	"github.com/smartsocket/smartsocket/reactor"
)

// Server accepts WebSocket connections on a reactor. Its methods may be called
// concurrently.
type Server struct {
	ep *endpoint
	r  *reactor.Reactor

	mu sync.Mutex // guards ln
	ln *reactor.Listener
}

// NewServer makes an endpoint on r, which stays the caller's. It accepts nothing
// until Listen is called or it is mounted as an http.Handler.
func NewServer(r *reactor.Reactor, o Options, accept Acceptor) *Server {
	return &Server{ep: newEndpoint(o, false, accept), r: r}
}

// Listen binds addr (see reactor.Listen). A request that is no upgrade gets
// 426. Once per Server.
func (s *Server) Listen(network, addr string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ln != nil {
		return ErrListening
	}
	ln, err := s.r.Listen(network, addr, func(*reactor.Conn) reactor.Handler { return newConn(s.ep) })
	if err != nil {
		return err
	}
	s.ln = ln
	return nil
}

// Addr is the bound address, or nil before Listen.
func (s *Server) Addr() net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ln == nil {
		return nil
	}
	return s.ln.Addr()
}

// Close stops accepting; connections stay. Idempotent.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ln == nil {
		return nil
	}
	return s.ln.Close()
}
