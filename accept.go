package smartsocket

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/admission"
	"github.com/smartsocket/smartsocket/internal/burst"
	"github.com/smartsocket/smartsocket/internal/fault"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/websocket"
)

// accept decides about an upgrade request, on its loop. The gate says who is let
// in, and what it says is translated here: into HTTP, or for a server that is full
// into a refusal in the protocol, which OnOpen sends.
func (v *Server) accept(
	r *frame.Request, c *websocket.Conn,
) (h websocket.Handler, protocol string, err error) {
	path, err := url.PathUnescape(string(r.Path))
	if err != nil {
		e := &frame.HandshakeError{
			Status: http.StatusBadRequest, Reason: "the path is not properly escaped",
		}
		return nil, "", e
	}
	plain := !frame.HasProtocol(r.Protocols, message.Subprotocol)
	t := v.current()
	if plain && (t.keys != nil || t.needsAuth()) {
		v.counters.rejected.Add(1)
		return nil, "", errPlainClient
	}
	address, bad := admission.AddressOf(c.RemoteAddr(),
		admission.Forwarding{For: r.ForwardedFor, Forwarded: r.Forwarded}, t.proxies)
	if bad != "" {
		v.noteUnreadable(bad, c.RemoteAddr())
	}
	who := admission.Arrival{Address: address, Newcomer: !plain || t.RequireAuth}
	ticket, verdict := v.gate.Admit(&t.places, who, v.sinceStart())
	v.countVerdict(verdict)
	if verdict.Outcome == admission.Throttled || verdict.Outcome == admission.Later {
		return nil, "", turnedAway(verdict)
	}
	l := v.newLink(plain)
	l.ticket, l.handshake = ticket, new(handshake)
	if verdict.Outcome == admission.Full {
		l.handshake.refusal = fault.Errorf(message.CodeMaxConnections,
			"the server has its %d connections: try again later", t.MaxConnections)
	} else {
		l.ns = v.lookup(path)
	}
	if !plain {
		protocol = message.Subprotocol
	}
	return l, protocol, nil
}

// errPlainClient refuses a client that can give neither a key nor credentials, before it has a
// place.
var errPlainClient = &frame.HandshakeError{
	Status: http.StatusUnauthorized, Cause: frame.CauseCredentials,
	Reason: "this server authenticates or encrypts: use a SmartSocket client, which asks for the " +
		"subprotocol " + message.Subprotocol,
}

// causes translates the gate's reasons.
var causes = map[admission.Reason]frame.Cause{
	admission.Connections:          frame.CauseConnections,
	admission.ConnectionsOfAddress: frame.CauseConnectionsOfAddress,
	admission.AcceptRate:           frame.CauseAcceptRate,
	admission.Newcomers:            frame.CauseNewcomers,
	admission.NewcomersOfAddress:   frame.CauseNewcomersOfAddress,
	admission.Pending:              frame.CausePending,
	admission.PendingOfAddress:     frame.CausePending,
}

// turnedAway is the HTTP answer to a connection that gets no place. Clients come
// back without counting it as a failure.
func turnedAway(d admission.Verdict) *frame.HandshakeError {
	if d.Outcome == admission.Throttled {
		wait := int(d.Wait/time.Second) + 1
		return &frame.HandshakeError{
			Status: http.StatusTooManyRequests, Cause: frame.CauseThrottled,
			Reason: "too many failed authentications from this address (failureLimit): try again in " +
				strconv.Itoa(wait) + " s",
			RetryAfter: wait,
		}
	}
	return &frame.HandshakeError{
		Status: http.StatusServiceUnavailable, Cause: causes[d.Reason],
		Reason: d.Reason.String(), RetryAfter: 1,
	}
}

// arrive decides about a connection that has not sent its request, on the accepting loop.
func (v *Server) arrive(peer net.Addr) (leave func(), refused *frame.HandshakeError) {
	t := v.current()
	address, _ := admission.AddressOf(peer, admission.Forwarding{}, t.proxies)
	ticket, verdict := v.gate.Arrive(&t.places, address, t.proxies.Trusts(peer))
	v.countVerdict(verdict)
	if verdict.Outcome != admission.Admitted {
		refused = turnedAway(verdict)
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
	return func(peer net.Addr) bool {
		t := v.current()
		return t.proxies.Trusts(peer)
	}
}

// get answers a plain GET or HEAD: whether the loops run, and whether a client would find a place.
// What is asked for is answered on a loop, so that the first needs no look at them.
func (v *Server) get(path string) (frame.Answer, bool) {
	t := v.current()
	a := frame.Answer{Status: http.StatusOK, Body: []byte("ok\n")}
	switch path {
	case t.HealthPath:
		return a, true
	case t.ReadyPath:
	default:
		return a, false
	}
	a.Type = "application/json"
	switch {
	case v.draining.Load():
		a.Body = []byte(`{"ready":false,"reason":"draining"}` + "\n")
	case v.gate.Open() >= int64(t.MaxConnections):
		a.Body = []byte(`{"ready":false,"reason":"full: maxConnections is reached"}` + "\n")
	default:
		a.Body = []byte(`{"ready":true}` + "\n")
		return a, true
	}
	a.Status, a.RetryAfter = http.StatusServiceUnavailable, 1
	return a, true
}

// noteRefusal collects refusals for the log, and tells each at debug.
func (v *Server) noteRefusal(r websocket.Refusal) {
	v.refusals.Note(r.Cause.String(), v.sinceStart(), func() websocket.Refusal { return r })
	if v.log.Enabled(context.Background(), slog.LevelDebug) {
		v.log.Debug("connection refused", "cause", r.Cause, "status", r.Status,
			"reason", r.Reason, "origin", r.Origin, "host", r.Host, "path", r.Path, "peer", r.Peer)
	}
}

// noteUnreadable notes that a proxy wrote something in place of a client's address.
func (v *Server) noteUnreadable(header string, proxy net.Addr) {
	r := websocket.Refusal{Reason: "a proxy's address of its client cannot be read", Peer: proxy,
		Forwarded: header}
	v.refusals.Note("unreadableAddress", v.sinceStart(), func() websocket.Refusal { return r })
}

// logRefusals writes a line about the refusals of one cause.
func (v *Server) logRefusals(l burst.Line[string, websocket.Refusal]) {
	fix := fixes[l.Cause]
	what := "connections are refused"
	if l.Cause == "unreadableAddress" {
		what = "clients are counted as one, under \"unknown\""
	}
	e := l.Example
	v.log.Warn(what, "cause", l.Cause, "count", l.Count, "example", e.Reason, "origin", e.Origin,
		"host", e.Host, "path", e.Path, "peer", e.Peer, "forwarded", e.Forwarded, "fix", fix)
}

// fixes say by cause what the operator can do.
var fixes = map[string]string{
	"request":              "look at what these clients send: they do not speak HTTP/1.1",
	"headers":              "raise maxHeaderBytes, maxHeaderLines or maxHeaderLineBytes, or send less",
	"timeout":              "raise handshakeTimeout if these are real clients",
	"method":               "a WebSocket begins with a GET",
	"version":              "let clients and proxies speak HTTP/1.1 and WebSocket version 13",
	"upgrade":              "let the proxy pass on Upgrade and Connection, or open a WebSocket",
	"host":                 "list the name in allowedHosts if it is this server's",
	"origin":               "list the page's origin in allowedOrigins if it may connect",
	"credentials":          "use a SmartSocket client with its key",
	"throttled":            "give the client a valid key; see failureLimit",
	"connections":          "raise maxConnections, or add a server",
	"connectionsOfAddress": "raise maxConnectionsPerAddress, or list a proxy in trustedProxies",
	"acceptRate":           "raise acceptRate",
	"newcomers":            "raise maxUnauthenticated if these are real clients",
	"newcomersOfAddress":   "raise maxUnauthenticatedPerAddress, or list a proxy in trustedProxies",
	"pending":              "raise maxUnauthenticated if these are real clients",
	"notTLS":               "connect with wss:// or https://",
	"proxyProtocol":        "list the proxy in trustedProxies, and set proxyProtocol as it does",
	"unreadableAddress":    "let the proxy write an IP address, or drop the client's own header",
}
