package websocket

import (
	"crypto/tls"
	"errors"
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
	// how long a peer that does not read may hold up a bridge, by default bridgeStall
	stall time.Duration

	mu     sync.Mutex // guards what follows
	closed bool
	ln     []*reactor.Listener
	// a listener that the loops cannot watch; nil for none
	other net.Listener
}

// NewServer makes an endpoint on r, which the caller still owns. It accepts nothing until Listen is
// called or it is mounted as an http.Handler.
func NewServer(r *reactor.Reactor, o Options, accept Acceptor) *Server {
	return &Server{ep: newEndpoint(o, false, accept), r: r, stall: bridgeStall}
}

// Listen binds addr, see reactor.Listen, or reactor.ListenTLS if Options.TLSConfig is set. network
// may be unix too; addr is the path of the socket then, see reactor.BindUnix. A request that is not
// an upgrade gets 426. Listen may be called once per Server, or Serve instead. AddListener has
// further addresses.
func (s *Server) Listen(network, addr string) error {
	if network == "unix" {
		nl, err := reactor.BindUnix(addr)
		if err != nil {
			return err
		}
		if err := s.Serve(nl); err != nil {
			nl.Close()
			return err
		}
		s.mu.Lock()
		s.ln[0].RemoveOnClose(addr)
		s.mu.Unlock()
		return nil
	}
	return s.listen(isLoopback(addr), s.only(), func(newHandler newHandler, o reactor.TLSOptions) (
		*reactor.Listener, error) {
		if s.ep.tls != nil {
			return s.r.ListenTLS(network, addr, o, newHandler)
		}
		return s.r.Listen(network, addr, newHandler)
	})
}

// AddListener accepts on nl too, a *net.TCPListener or *net.UnixListener, which it takes: with
// Options.TLSConfig if secure, and otherwise without TLS, whatever Options say. It may be called
// any number of times, until Close. On an error nl is still the caller's.
func (s *Server) AddListener(nl net.Listener, secure bool) error {
	if secure && s.ep.tls == nil {
		return ErrNoTLS
	}
	return s.watch(nl, place{further: true, secure: secure})
}

// place is what a listener is, besides its address.
type place struct {
	further bool // there may be others
	secure  bool // TLS
}

// only is the place of the listener that Listen or Serve makes.
func (s *Server) only() place { return place{secure: s.ep.tls != nil} }

// Serve accepts on nl, which it takes. A *net.TCPListener or *net.UnixListener is watched by the
// event loops like one of Listen, and Serve returns at once. For any other, as one that limits or
// wraps connections, Serve accepts until nl fails or Close is called, and returns that error; each
// of its connections that is no *net.TCPConn or *net.UnixConn costs two goroutines, as over
// ServeHTTP, and TLS too is made there.
func (s *Server) Serve(nl net.Listener) error {
	switch nl.(type) {
	case *net.TCPListener, *net.UnixListener:
		return s.watch(nl, s.only())
	}
	return s.acceptFrom(nl)
}

// watch lets the event loops accept on nl.
func (s *Server) watch(nl net.Listener, p place) error {
	return s.listen(isLoopback(nl.Addr().String()), p, func(newHandler newHandler,
		o reactor.TLSOptions) (*reactor.Listener, error) {
		if p.secure {
			o.Listener = nl
			return s.r.ListenTLS("", "", o, newHandler)
		}
		return s.r.ListenOn(nl, newHandler)
	})
}

// newHandler makes the handler of a connection that was accepted.
type newHandler = func(*reactor.Conn) reactor.Handler

// listen opens a listener.
func (s *Server) listen(
	loopback bool, p place, open func(newHandler, reactor.TLSOptions) (*reactor.Listener, error),
) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed && p.further:
		return net.ErrClosed
	case !p.further && (len(s.ln) > 0 || s.other != nil):
		return ErrListening
	}
	ep := s.ep.on(loopback, p.secure)
	ln, err := open(func(rc *reactor.Conn) reactor.Handler {
		if ep.arrive == nil && ep.proxied == nil {
			return newConn(ep)
		}
		return ep.accepted(rc.RemoteAddr())
	}, ep.tlsOptions())
	if err == nil {
		s.ln = append(s.ln, ln)
	}
	return err
}

// on returns ep for a listener of its own.
func (ep *endpoint) on(loopback, secure bool) *endpoint {
	own := *ep
	own.loopback, own.isSecure = loopback, secure
	if !secure {
		own.tls = nil
	}
	return &own
}

// accepted makes the handler of a connection that a listener accepted from peer, nil to close it.
func (ep *endpoint) accepted(peer net.Addr) reactor.Handler {
	var leave func()
	var err *frame.HandshakeError
	if ep.arrive != nil {
		leave, err = ep.arrive(peer)
	}
	if err == nil {
		c := newConn(ep)
		proxied := ep.proxied != nil && ep.proxied(peer)
		if leave != nil || proxied {
			c.hs = &handshake{leave: leave, proxied: proxied}
		}
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

// tlsOptions are those of a listener, without effect if ep has no TLS.
func (ep *endpoint) tlsOptions() reactor.TLSOptions {
	return reactor.TLSOptions{
		Config: ep.tlsConfig(), HandshakeTimeout: ep.handshake,
		Early: ep.arrive != nil || ep.proxied != nil, NotTLS: ep.notTLS,
	}
}

// tlsConfig is what TLS is made with, nil for none.
func (ep *endpoint) tlsConfig() *tls.Config {
	if ep.tls == nil {
		return nil
	}
	cfg := ep.tls.Clone()
	cfg.NextProtos = protocols(cfg.NextProtos)
	cfg.MinVersion = max(cfg.MinVersion, tls.VersionTLS12)
	return cfg
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
	return ep.notTLSAnswer(rc.RemoteAddr, first)
}

// notTLSAnswer is notTLS for a connection of any kind.
func (ep *endpoint) notTLSAnswer(peer func() net.Addr, first []byte) []byte {
	e := &frame.HandshakeError{Status: 400, Cause: frame.CauseNotTLS,
		Reason: "this port speaks TLS: connect with wss:// or https://"}
	ep.refused(e, nil, peer)
	if first[0] < 'A' || first[0] > 'Z' {
		return nil
	}
	return frame.AppendRefusal(nil, e, frame.IsHead(first), time.Now())
}

// Tune replaces what may change at run time. It applies to open connections too, from their next
// message on.
func (s *Server) Tune(t Tuning) { s.ep.tune(t) }

// UnfinishedBytes returns the memory that is held for messages that have begun and are not
// complete, of all connections.
func (s *Server) UnfinishedBytes() int64 { return s.ep.held.Load() }

// Addr returns the address that was bound first, or nil before Listen, Serve or AddListener.
func (s *Server) Addr() net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(s.ln) > 0:
		return s.ln[0].Addr()
	case s.other != nil:
		return s.other.Addr()
	}
	return nil
}

// HandOver is Close for a listening socket that another process has too. The file of a Unix socket
// stays.
func (s *Server) HandOver() {
	s.mu.Lock()
	ln := s.ln
	s.mu.Unlock()
	for _, ln := range ln {
		ln.RemoveOnClose("")
	}
	_ = s.Close() // the other process goes on
}

// Close stops accepting. Connections stay open. It may be called more than once.
func (s *Server) Close() (err error) {
	s.mu.Lock()
	s.closed = true
	all, other := s.ln, s.other
	s.mu.Unlock()
	for _, ln := range all {
		err = errors.Join(err, ln.Close())
	}
	if other != nil {
		if e := other.Close(); !errors.Is(e, net.ErrClosed) {
			err = errors.Join(err, e)
		}
	}
	return err
}
