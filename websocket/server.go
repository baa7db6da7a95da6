package websocket

import (
	"net"
	"slices"
	"sync"
	"time"

	"github.com/smartsocket/smartsocket/frame"
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
	listen := s.r.Listen
	ep := new(endpoint)
	*ep = *s.ep
	ep.loopback = isLoopback(addr)
	if ep.tls != nil {
		listen, ep.isSecure = s.listenTLS, true
	}
	ln, err := listen(network, addr, ep.accepted)
	if err != nil {
		return err
	}
	s.ln = ln
	return nil
}

// accepted makes the handler of a connection that a listener accepted, nil to close it.
func (ep *endpoint) accepted(rc *reactor.Conn) reactor.Handler {
	if ep.arrive == nil {
		return newConn(ep)
	}
	peer := rc.RemoteAddr()
	leave, err := ep.arrive(peer)
	if err == nil {
		c := newConn(ep)
		c.hs = &handshake{leave: leave}
		return c
	}
	told := ep.refusal(err)
	ep.refused(told, nil, func() net.Addr { return peer })
	switch {
	case leave == nil:
		return nil
	case ep.isSecure:
		leave()
		return nil
	}
	answer := frame.AppendRefusal(nil, told, false, time.Now())
	return &turnedAway{answer: answer, leave: leave}
}

// turnedAway is a connection that is told that there is no place before it has said anything.
type turnedAway struct {
	answer []byte
	leave  func()
}

// OnOpen sends the answer and closes.
func (t *turnedAway) OnOpen(rc *reactor.Conn) {
	rc.Write(t.answer)
	rc.Close(nil)
}

// OnData and the others have nothing to do.
func (t *turnedAway) OnData(*reactor.Conn, []byte) {}

// OnWritable does nothing.
func (t *turnedAway) OnWritable(*reactor.Conn) {}

// OnTimer does nothing.
func (t *turnedAway) OnTimer(*reactor.Conn) {}

// OnClose gives the place back.
func (t *turnedAway) OnClose(*reactor.Conn, error) { t.leave() }

func (s *Server) listenTLS(
	network, addr string, newHandler func(*reactor.Conn) reactor.Handler,
) (*reactor.Listener, error) {
	cfg := s.ep.tls.Clone()
	cfg.NextProtos = protocols(cfg.NextProtos)
	ep := s.ep
	return s.r.ListenTLS(network, addr, reactor.TLSOptions{
		Config: cfg, HandshakeTimeout: ep.handshake, Early: ep.arrive != nil, NotTLS: ep.notTLS,
	}, newHandler)
}

// protocols is what the server agrees to by ALPN: http/1.1, and of the caller's list what is not
// HTTP/2, because a client that speaks only h2 is to be refused instead of being misunderstood.
func protocols(list []string) []string {
	kept := slices.DeleteFunc(slices.Clone(list), func(p string) bool {
		return p == "h2" || p == "http/1.1"
	})
	return append([]string{"http/1.1"}, kept...)
}

// notTLS answers a client that does not speak TLS, if what it began with may be HTTP.
func (ep *endpoint) notTLS(rc *reactor.Conn, first []byte) []byte {
	e := &frame.HandshakeError{Status: 400, Cause: frame.CauseNotTLS,
		Reason: "this port speaks TLS: connect with wss:// or https://"}
	ep.refused(e, nil, rc.RemoteAddr)
	if first[0] < 'A' || first[0] > 'Z' {
		return nil
	}
	return frame.AppendRefusal(nil, e, frame.IsHead(first), time.Now())
}

// Tune replaces what may change at run time. It applies to open connections too, from their next
// message on.
func (s *Server) Tune(t Tuning) { s.ep.tune(t) }

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
