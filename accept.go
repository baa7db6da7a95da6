package smartsocket

import (
	"context"
	"net"
	"net/http"
	"net/url"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/admission"
	"github.com/smartsocket/smartsocket/internal/fault"
	"github.com/smartsocket/smartsocket/internal/opening"
	"github.com/smartsocket/smartsocket/internal/turnaway"
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
	if v.departure.Refuses(!plain && v.sessions != nil) {
		v.counters.rejected.Add(1)
		return nil, "", turnaway.Draining(r)
	}
	t := v.current()
	if plain && (t.keys != nil || t.apiKeys != nil) {
		v.counters.rejected.Add(1)
		return nil, "", turnaway.PlainClient
	}
	address, bad := admission.AddressOf(c.RemoteAddr(),
		admission.Forwarding{For: r.ForwardedFor, Forwarded: r.Forwarded}, t.proxies)
	if bad != "" {
		v.refusals.Unreadable(bad, c.RemoteAddr(), v.sinceStart())
	}
	who := admission.Arrival{
		Address: address, Newcomer: !plain || t.RequireAuth || t.Authenticate != nil}
	ticket, verdict := v.gate.Admit(&t.places, who, v.sinceStart())
	v.countVerdict(verdict)
	if verdict.Outcome == admission.Throttled || verdict.Outcome == admission.Later {
		return nil, "", turnaway.Of(verdict, r)
	}
	l := v.newLink(plain)
	l.ticket, l.handshake = ticket, new(handshake)
	if ctx := c.Context(); ctx != context.Background() {
		l.mounted = &mounted{ctx}
	}
	if v.fixed.Authenticate != nil {
		l.handshake.opening = opening.Of(r.Head, c)
	}
	if verdict.Outcome == admission.Full {
		l.handshake.refusal = fault.Errorf(message.CodeMaxConnections,
			"the server has its %d connections: try again later", t.MaxConnections)
	} else {
		l.ns, l.handshake.asked = v.lookup(path), path
	}
	if !plain {
		protocol = message.Subprotocol
	}
	l.diary.Store(v.journal.Accepted(c, r.Path, plain))
	return l, protocol, nil
}

// arrive decides about a connection that has not sent its request, on the accepting loop.
func (v *Server) arrive(peer net.Addr) (leave func(), refused *frame.HandshakeError) {
	t := v.current()
	address, _ := admission.AddressOf(peer, admission.Forwarding{}, t.proxies)
	ticket, verdict := v.gate.Arrive(&t.places, address, t.proxies.Trusts(peer))
	v.countVerdict(verdict)
	if verdict.Outcome != admission.Admitted {
		refused = turnaway.Of(verdict, nil)
	}
	if verdict.Outcome == admission.Later {
		return nil, refused
	}
	return func() { v.gate.Leave(&ticket) }, refused
}

// countVerdict counts what the gate decided.
func (v *Server) countVerdict(d admission.Verdict) {
	if d.Outcome == admission.Admitted {
		return
	}
	v.counters.rejected.Add(1)
	if d.Reason.Arriving() {
		v.counters.acceptLimited.Add(1)
	}
}

// proxied is websocket.Options.Proxied, nil without proxyProtocol.
func (v *Server) proxied() func(net.Addr) bool {
	if !v.fixed.ProxyProtocol {
		return nil
	}
	return func(peer net.Addr) bool { return v.current().proxies.Trusts(peer) }
}
