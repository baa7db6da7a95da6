package smartsocket

import (
	"net/http"
	"net/url"
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/admission"
	"github.com/smartsocket/smartsocket/internal/fault"
	"github.com/smartsocket/smartsocket/internal/opening"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/websocket"
)

// accept decides about an upgrade request, on its loop. It translates the gate's verdict into HTTP.
// A server that is full refuses in the protocol instead, when OnOpen runs.
func (v *Server) accept(
	r *frame.Request, c *websocket.Conn,
) (h websocket.Handler, protocol string, err error) {
	path, err := url.PathUnescape(string(r.Path))
	if err != nil {
		return nil, "", &frame.HandshakeError{
			Status: http.StatusBadRequest, Reason: "the path is not properly escaped"}
	}
	plain := !frame.HasProtocol(r.Protocols, message.Subprotocol)
	t := v.current()
	who := admission.Arrival{Newcomer: !plain || v.fixed.Authenticate != nil}
	if t.decidesByAddress() {
		who.Address = admission.AddressOf(c.RemoteAddr(), r.ForwardedFor, t.proxies)
	}
	ticket, verdict := v.gate.Admit(&t.places, who, v.sinceStart())
	v.countVerdict(verdict)
	if verdict.Outcome == admission.Throttled || verdict.Outcome == admission.Later {
		return nil, "", turnedAway(verdict)
	}
	l := v.newLink(plain)
	l.ticket, l.handshake = ticket, new(handshake)
	if v.fixed.Authenticate != nil {
		l.handshake.opening = opening.Of(r.Head, c)
	}
	if verdict.Outcome == admission.Full {
		l.handshake.refusal = fault.Errorf(message.CodeMaxConnections,
			"the server has its %d connections: try again later", t.MaxConnections)
	} else {
		l.handshake.refusal = t.refusal(plain)
		l.ns = v.lookup(path)
	}
	if !plain {
		protocol = message.Subprotocol
	}
	return l, protocol, nil
}

// decidesByAddress reports whether the gate needs to know the clients' addresses.
func (t *settings) decidesByAddress() bool {
	return t.needsAuth() || t.keys != nil ||
		t.MaxConnectionsPerAddress > 0 || t.MaxUnauthenticatedPerAddress > 0
}

// refusal is what a client is told that has a place and cannot use it: a plain one can give neither
// an API key nor an encryption key. It is nil for any other client.
func (t *settings) refusal(plain bool) *Error {
	switch {
	case !plain:
		return nil
	case t.keys != nil:
		return errPlaintext
	case t.apiKeys != nil:
		return errAuth
	}
	return nil
}

// turnedAway is the HTTP answer to a connection without a place. Clients retry without counting it.
func turnedAway(d admission.Verdict) error {
	if d.Outcome == admission.Throttled {
		return &frame.HandshakeError{
			Status: http.StatusTooManyRequests, Reason: "too many failed authentications",
			RetryAfter: int(d.Wait/time.Second) + 1}
	}
	return &frame.HandshakeError{
		Status: http.StatusServiceUnavailable, Reason: d.Reason.String(), RetryAfter: 1}
}

func (v *Server) countVerdict(d admission.Verdict) {
	if d.Outcome == admission.Admitted {
		return
	}
	v.counters.rejected.Add(1)
	if d.Reason.Arriving() {
		v.counters.acceptLimited.Add(1)
	}
}
