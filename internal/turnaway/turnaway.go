// Package turnaway says no to connections before their upgrade: it translates what the gate decided
// into HTTP, and tells the operator of refusals, in few lines however many there are.
//
// The Log has the lock of internal/burst and no other.
package turnaway

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/admission"
	"github.com/smartsocket/smartsocket/internal/burst"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/websocket"
)

// PlainClient refuses a client that can give neither a key nor credentials, before it has a place.
var PlainClient = &frame.HandshakeError{
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

// Of is the HTTP answer to a connection without a place. Clients retry without counting it. r is
// its request, or nil.
func Of(d admission.Verdict, r *frame.Request) *frame.HandshakeError {
	if d.Outcome == admission.Throttled {
		return throttled(d.Wait, r)
	}
	return &frame.HandshakeError{
		Status: http.StatusServiceUnavailable, Cause: causes[d.Reason],
		Reason:     d.Reason.String(),
		RetryAfter: max(1, int((d.Wait+time.Second-1)/time.Second)),
	}
}

// throttled is the answer to an address that failed to authenticate too often. A browser does not
// tell a page that the status is 429. So a page's client, whose request has an Origin, is told in
// the protocol. That takes no place either.
func throttled(after time.Duration, r *frame.Request) *frame.HandshakeError {
	wait := int(after/time.Second) + 1
	e := &frame.HandshakeError{
		Status: http.StatusTooManyRequests, Cause: frame.CauseThrottled,
		Reason: "throttled: too many failed authentications from this address (failureLimit): " +
			"try again in " + strconv.Itoa(wait) + " s",
		RetryAfter: wait,
	}
	return spoken(e, r, message.CodeThrottled)
}

// spoken is e, told in the protocol with this code if r is the request of a page's client.
func spoken(e *frame.HandshakeError, r *frame.Request, code message.Code) *frame.HandshakeError {
	if r == nil || r.Origin == nil || !frame.HasProtocol(r.Protocols, message.Subprotocol) {
		return e
	}
	e.Spoken = message.AppendErrorJSON(
		message.Append(nil, &message.Message{Kind: message.KindError}),
		&message.Error{Code: code, Message: e.Reason, RetryAfter: int64(e.RetryAfter) * 1000})
	e.Protocol, e.CloseCode = message.Subprotocol, frame.CloseCode(message.CloseCodeFor(code))
	return e
}

// Draining is the answer to a new client of a server that is about to end. r is its request, or
// nil. Clients go to another address that they know, or come back. A proxy that has forwarded the
// request understands the status alone, by which it may ask another server.
func Draining(r *frame.Request) *frame.HandshakeError {
	if r != nil && (r.ForwardedFor != nil || r.Forwarded != nil) {
		r = nil
	}
	return spoken(&frame.HandshakeError{
		Status: http.StatusServiceUnavailable, Cause: frame.CauseDraining,
		Reason: ErrDraining.Message, RetryAfter: int(ErrDraining.RetryAfter / 1000),
	}, r, message.CodeShuttingDown)
}

// ErrDraining is what Draining says, for a client whose upgrade was accepted because it might have
// had a session to come back to.
var ErrDraining = &message.Error{
	Code: message.CodeShuttingDown, RetryAfter: 1000,
	Message: "the server drains, and takes no new clients: connect to another one",
}

// Log tells of refusals: each at debug, and of each cause now and then what there was at warn.
type Log struct {
	log    *slog.Logger
	bursts *burst.Log[string, websocket.Refusal]
}

// unreadable is the cause of clients whose proxy wrote something that is no address. They are not
// refused.
const unreadable = "unreadableAddress"

// NewLog makes a Log that writes to log.
func NewLog(log *slog.Logger) *Log {
	l := &Log{log: log}
	l.bursts = burst.New(l.write)
	return l
}

// Note tells of a refusal at time now, which counts from any fixed moment.
func (l *Log) Note(r websocket.Refusal, now time.Duration) {
	l.bursts.Note(r.Cause.String(), now, func() websocket.Refusal { return r })
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug("connection refused", "cause", r.Cause, "status", r.Status,
			"reason", r.Reason, "origin", r.Origin, "host", r.Host, "path", r.Path, "peer", r.Peer)
	}
}

// Unreadable tells that a proxy wrote header in place of its client's address.
func (l *Log) Unreadable(header string, proxy net.Addr, now time.Duration) {
	l.bursts.Note(unreadable, now, func() websocket.Refusal {
		return websocket.Refusal{Reason: "a proxy's address of its client cannot be read",
			Forwarded: header, Peer: proxy}
	})
}

// Flush writes the lines that are due at time now. It is called about once a second.
func (l *Log) Flush(now time.Duration) { l.bursts.Flush(now) }

// Close writes what is left.
func (l *Log) Close(now time.Duration) { l.bursts.Close(now) }

// write writes a line about the refusals of one cause.
func (l *Log) write(b burst.Line[string, websocket.Refusal]) {
	what := "connections are refused"
	if b.Cause == unreadable {
		what = "clients of unknown address are counted as one"
	}
	e := b.Example
	l.log.Warn(what, "cause", b.Cause, "count", b.Count, "example", e.Reason, "origin", e.Origin,
		"host", e.Host, "path", e.Path, "peer", e.Peer, "forwarded", e.Forwarded,
		"fix", fixes[b.Cause])
}

// Fix says what the operator can do about refusals of a cause, "" if nothing is known.
func Fix(cause string) string { return fixes[cause] }

// fixes say by cause what the operator can do.
var fixes = map[string]string{
	"request":              "look at what these clients send: it is no upgrade by HTTP/1.1",
	"headers":              "raise maxHeaderBytes, maxHeaderLines or maxHeaderLineBytes",
	"timeout":              "raise handshakeTimeout if these are real clients",
	"method":               "a WebSocket begins with a GET",
	"version":              "let clients and proxies speak HTTP/1.1 and WebSocket version 13",
	"upgrade":              "let the proxy pass on Upgrade and Connection, or open a WebSocket",
	"host":                 "list the name in allowedHosts if it is this server's",
	"origin":               "list the page's origin in allowedOrigins if it may connect",
	"credentials":          "use a SmartSocket client with its key",
	"throttled":            "give the client a valid key; the limit is failureLimit",
	"connections":          "raise maxConnections, or add a server",
	"connectionsOfAddress": "raise maxConnectionsPerAddress, or list a proxy in trustedProxies",
	"acceptRate":           "raise acceptRate",
	"newcomers":            "raise maxUnauthenticated if these are real clients",
	"newcomersOfAddress": "raise maxUnauthenticatedPerAddress, or list a proxy in " +
		"trustedProxies",
	"draining":      "let the load balancer ask readyPath more often",
	"pending":       "raise maxConnections or maxUnauthenticated if these are real clients",
	"notTLS":        "connect with wss:// or https://",
	"namespace":     "mend the client's URL, or register the namespace",
	"proxyProtocol": "list the proxy in trustedProxies, and set proxyProtocol as it does",
	"other":         "look for the error in the log",
	unreadable:      "let the proxy write an IP address, and drop the client's own header",
}
