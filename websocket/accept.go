package websocket

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"

	"github.com/smartsocket/smartsocket/frame"
)

// acceptPause is how long acceptFrom waits after an error that may pass.
const acceptPause = 50 * time.Millisecond

// acceptFrom serves the connections of a listener that the loops cannot watch.
func (s *Server) acceptFrom(nl net.Listener) error {
	s.mu.Lock()
	if len(s.ln) > 0 || s.other != nil {
		s.mu.Unlock()
		return ErrListening
	}
	s.other = nl
	s.mu.Unlock()
	defer nl.Close()
	ep := s.ep.on(isLoopback(nl.Addr().String()), s.ep.tls != nil)
	cfg := ep.tlsConfig()
	for {
		nc, err := nl.Accept()
		var passing interface{ Temporary() bool }
		switch {
		case errors.As(err, &passing) && passing.Temporary() && !errors.Is(err, net.ErrClosed):
			ep.log.Error("websocket: accepting failed and goes on", "error", err)
			time.Sleep(acceptPause)
			continue
		case err != nil:
			return err
		}
		var leave func()
		if ep.arrive != nil {
			var refused *frame.HandshakeError
			if leave, refused = ep.arrive(nc.RemoteAddr()); refused != nil {
				ep.refused(refused, nil, nc.RemoteAddr)
				nc.Close()
				if leave != nil {
					leave()
				}
				continue
			}
		}
		hs := &handshake{leave: leave, proxied: ep.proxied != nil && ep.proxied(nc.RemoteAddr())}
		switch {
		case cfg == nil:
			s.take(nc, ep, hs)
		case hs.proxied:
			go s.behindPreamble(nc, ep, hs, cfg) // ends with the preamble, or HandshakeTimeout
		default:
			s.take(tls.Server(nc, cfg), ep, hs) // the first read of the bridge shakes hands
		}
	}
}

// take serves nc, or closes it.
func (s *Server) take(nc net.Conn, ep *endpoint, hs *handshake) {
	if err := s.serveConn(nc, nil, ep, hs); err != nil {
		discard(nc, hs)
		ep.log.Error("websocket: connection was not adopted", "error", err)
	}
}

// discard closes a connection that is not served and gives its place back.
func discard(nc net.Conn, hs *handshake) {
	nc.Close()
	if hs.leave != nil {
		hs.leave()
	}
}

// behindPreamble reads what a load balancer sends in front of TLS, and serves what follows.
func (s *Server) behindPreamble(nc net.Conn, ep *endpoint, hs *handshake, cfg *tls.Config) {
	nc.SetReadDeadline(time.Now().Add(ep.handshake))
	var all []byte
	for buf := make([]byte, 512); ; {
		n, err := nc.Read(buf)
		all = append(all, buf[:n]...)
		if err != nil {
			discard(nc, hs)
			return
		}
		end, client, err := frame.ParseProxy(all)
		if err != nil {
			ep.refused(ep.refusal(err), nil, nc.RemoteAddr)
			discard(nc, hs)
			return
		}
		if end == 0 {
			continue
		}
		nc.SetReadDeadline(time.Time{})
		behind := &behind{Conn: nc, peer: nc.RemoteAddr(), rest: all[end:]}
		if client.IsValid() {
			behind.peer = net.TCPAddrFromAddrPort(client)
		}
		hs.proxied = false
		s.take(tls.Server(behind, cfg), ep, hs)
		return
	}
}

// behind is a connection whose preamble has been read, with the address that it named.
type behind struct {
	net.Conn
	peer net.Addr
	rest []byte // read with the preamble; belongs to whoever reads
}

func (b *behind) RemoteAddr() net.Addr { return b.peer }

// NetConn is for boundSendBuffer.
func (b *behind) NetConn() net.Conn { return b.Conn }

func (b *behind) Read(p []byte) (int, error) {
	if len(b.rest) == 0 {
		return b.Conn.Read(p)
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// notTLSPause is how long a client that does not speak TLS may take the answer.
const notTLSPause = 200 * time.Millisecond

// tellNotTLS answers a client that does not speak TLS. err is why the first read failed.
func (ep *endpoint) tellNotTLS(err error) {
	var not tls.RecordHeaderError
	if !errors.As(err, &not) || not.Conn == nil {
		return
	}
	peer := func() net.Addr { return ep.peer }
	if answer := ep.notTLSAnswer(peer, not.RecordHeader[:]); answer != nil {
		not.Conn.SetDeadline(time.Now().Add(notTLSPause))
		not.Conn.Write(answer)
		io.Copy(io.Discard, not.Conn) // closing with unread bytes would take the answer back
	}
}
