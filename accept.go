package smartsocket

import (
	"net/http"
	"net/url"
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/fault"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/websocket"
)

// accept decides about an upgrade request, on its loop.
func (v *Server) accept(r *frame.Request, c *websocket.Conn) (websocket.Handler, string, error) {
	path, err := url.PathUnescape(string(r.Path))
	if err != nil {
		return nil, "", &frame.HandshakeError{Status: http.StatusBadRequest, Reason: "the path is not properly escaped"}
	}
	s := &Socket{srv: v, plain: !frame.HasProtocol(r.Protocols, message.Subprotocol)}
	t := v.current()
	if t.needsAuth() || t.keys != nil || t.MaxConnectionsPerAddress > 0 || t.MaxUnauthenticatedPerAddress > 0 {
		if err := v.admit(t, s, r, c); err != nil {
			return nil, "", err
		}
	}
	if err := v.letIn(t, s); err != nil {
		v.uncount(s)
		return nil, "", err
	}
	n := v.live.Add(1)
	switch full := n-v.refused.Load() > int64(t.MaxConnections); {
	case full && v.refused.Load() >= refusalMargin:
		v.release(s)
		return nil, "", v.later("max connections")
	case full:
		s.overflow = true
		v.refused.Add(1)
		v.counters.rejected.Add(1)
		s.refusal = fault.Errorf(message.CodeMaxConnections, "the server has its %d connections: try again later", t.MaxConnections)
	default:
		s.ns = v.lookup(path)
	}
	for p := v.peak.Load(); n > p && !v.peak.CompareAndSwap(p, n); p = v.peak.Load() {
	}
	if s.plain {
		return (*conn)(s), "", nil
	}
	return (*conn)(s), message.Subprotocol, nil
}

// admit checks what depends on the client's address, and refuses plain clients
// where credentials or a key are needed, since they can give neither.
func (v *Server) admit(t *settings, s *Socket, r *frame.Request, c *websocket.Conn) error {
	s.address = v.addressOf(r, c)
	if wait := v.throttle.blocked(s.address, v.sinceStart()); wait > 0 {
		v.counters.rejected.Add(1)
		return &frame.HandshakeError{Status: http.StatusTooManyRequests, Reason: "too many failed authentications", RetryAfter: int(wait/time.Second) + 1}
	}
	if s.plain {
		switch {
		case t.keys != nil:
			s.refusal = errPlaintext
		case t.needsAuth():
			s.refusal = errAuth
		}
	}
	if limit := t.MaxConnectionsPerAddress; limit > 0 {
		if !v.throttle.enter(&v.throttle.open, s.address, limit) {
			return v.later("max connections of one address")
		}
		s.counted = true
	}
	return nil
}

// release gives back what accept counted.
func (v *Server) release(s *Socket) {
	v.live.Add(-1)
	if s.overflow { // after live: never fewer than there are
		s.overflow = false
		v.refused.Add(-1)
	}
	v.uncount(s)
}
