package journal

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/smartsocket/smartsocket/internal/outgoing"
	"github.com/smartsocket/smartsocket/internal/tail"
	"github.com/smartsocket/smartsocket/message"
)

// Peer is the transport of a connection.
type Peer interface{ RemoteAddr() net.Addr }

// Diary is what is kept of a connection for its last line, and its peer's address.
type Diary struct {
	Since   time.Duration // of its acceptance
	Counted bool          // In and Out began with the connection
	In, Out atomic.Int64  // messages
	Peer    netip.AddrPort
	Named   netip.Addr // the client's, which a trusted proxy may have named
}

// Received counts a message of the client. d may be nil.
func (d *Diary) Received() {
	if d != nil {
		d.In.Add(1)
	}
}

// Sent counts a message to the client. d may be nil.
func (d *Diary) Sent() {
	if d != nil {
		d.Out.Add(1)
	}
}

// Gone makes the Diary d, which may be nil, keep the address of a peer that is about to be
// forgotten. d and named, the client's, stand in for a peer of whom the system knows no address any
// more.
func Gone(d *Diary, p Peer, named netip.Addr) *Diary {
	gone := &Diary{Peer: netip.AddrPortFrom(named, 0), Named: named}
	if at := addressOf(p); at.IsValid() {
		gone.Peer = at
	} else if d != nil && d.Peer.IsValid() {
		gone.Peer = d.Peer
	}
	if d != nil {
		gone.Since, gone.Counted = d.Since, d.Counted
		gone.In.Store(d.In.Load())
		gone.Out.Store(d.Out.Load())
	}
	return gone
}

// addressOf is the address of a TCP peer that is there. Of one that is gone the system knows none,
// whether it has closed or reset the connection.
func addressOf(p Peer) netip.AddrPort {
	if a, ok := p.RemoteAddr().(*net.TCPAddr); ok && a.Port != 0 {
		return a.AddrPort()
	}
	return netip.AddrPort{}
}

// Address returns the address that Gone kept, nil if there is none. d may be nil.
func (d *Diary) Address() net.Addr {
	if d == nil || !d.Peer.IsValid() {
		return nil
	}
	return net.TCPAddrFromAddrPort(d.Peer)
}

// Client returns the address of the client that Gone kept, as ClientAddr does. d may be nil.
func (d *Diary) Client() net.Addr {
	if d == nil {
		return nil
	}
	return ClientAddr(d.Address(), d.Named)
}

// ClientAddr is the address of a client: peer, or named, without a port, if a proxy has named
// another one or the peer's port is forgotten. nil means that it is not known.
func ClientAddr(peer net.Addr, named netip.Addr) net.Addr {
	named = named.Unmap()
	p, ok := peer.(*net.TCPAddr)
	if named.IsValid() &&
		(!ok || p.Port == 0 || p.AddrPort().Addr().Unmap().WithZone("") != named.WithZone("")) {
		return &net.IPAddr{IP: named.AsSlice(), Zone: named.Zone()}
	}
	return peer
}

// textOf is an address as text, "" for none.
func textOf(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}

// Accepted is the first line of a connection: its upgrade request is accepted. It returns nil when
// debug is off.
func (j *Journal) Accepted(p Peer, path []byte, plain bool) *Diary {
	if !j.On() {
		return nil
	}
	j.log.Debug("connection accepted", "peer", p.RemoteAddr(), "path", string(path), "plain", plain)
	return &Diary{Since: j.now(), Counted: true, Peer: addressOf(p)}
}

// Upgraded tells that the HTTP handshake is complete.
func (j *Journal) Upgraded(p Peer) {
	if j.On() {
		j.log.Debug("handshake complete", "peer", p.RemoteAddr())
	}
}

// Connect tells what a CONNECT asks for.
func (j *Journal) Connect(p Peer, m *message.Connect) {
	if j.On() {
		j.log.Debug("CONNECT received", "peer", p.RemoteAddr(), "namespace", string(m.Namespace),
			"key", len(m.APIKey) > 0, "resumes", len(m.SessionToken) > 0, "lastSeq", m.LastSeq)
	}
}

// Authenticated tells that credentials were accepted, and by what.
func (j *Journal) Authenticated(p Peer, by string) {
	if j.On() {
		j.log.Debug("authenticated", "peer", p.RemoteAddr(), "by", by)
	}
}

// Joined tells that a connection is a socket's. named is the client's address, see ClientAddr.
func (j *Journal) Joined(p Peer, named netip.Addr, socket, namespace string, recovered bool) {
	if j.Tail.On() {
		e := tail.Event{Kind: tail.Connected, Socket: socket, Namespace: namespace,
			Peer: textOf(ClientAddr(p.RemoteAddr(), named))}
		if recovered {
			e.Kind = tail.Recovered
		}
		j.Tail.Tell(e, nil)
	}
	if j.On() {
		j.log.Debug("joined", "peer", p.RemoteAddr(), "socket", socket, "namespace", namespace,
			"recovered", recovered)
	}
}

// Expired tells that a connection is ended because its credentials have expired.
func (j *Journal) Expired(p Peer, socket string) {
	if j.On() {
		j.log.Debug("credentials expired", "peer", p.RemoteAddr(), "socket", socket)
	}
}

// Refused tells that a handshake, or a connection that did not authenticate, is ended, and counts
// it. named is the client's address, see ClientAddr.
func (j *Journal) Refused(p Peer, named netip.Addr, e *message.Error) {
	j.mu.Lock()
	j.refused[causeOf(e.Code)]++
	j.mu.Unlock()
	if j.Tail.On() {
		j.Tail.Tell(tail.Event{Kind: tail.Rejected, Code: string(e.Code), Reason: e.Message,
			Peer: textOf(ClientAddr(p.RemoteAddr(), named))}, nil)
	}
	if j.On() {
		j.log.Debug("connection refused", "peer", p.RemoteAddr(), "code", string(e.Code),
			"reason", e.Message)
	}
	said := e.Cause
	c := Cause{What: "connections are refused after the upgrade", Detail: string(e.Code)}
	j.Often(slog.LevelWarn, c, func() []any {
		args := []any{"code", string(e.Code), "reason", e.Message,
			"peer", ClientAddr(p.RemoteAddr(), named)}
		if said != nil { // by the Authenticate hook
			args = append(args, "error", said)
		}
		return args
	})
}

// NotResumed tells that a client's session was not found, or not opened by its credentials.
func (j *Journal) NotResumed(p Peer) {
	if j.On() {
		j.log.Debug("session not resumed: it has ended, or began with another key and another "+
			"Grant.Identity", "peer", p.RemoteAddr())
	}
}

// AddRefusals adds what Refused counted to a count by cause.
func (j *Journal) AddRefusals(to map[string]int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for cause, n := range j.refused {
		to[cause] += n
	}
}

// causeOf is the cause that a code of a refusal means.
func causeOf(code message.Code) string {
	switch code {
	case message.CodeAuthFailed:
		return "credentials"
	case message.CodeMaxConnections:
		return "connections"
	case message.CodeInvalidNamespace:
		return "namespace"
	case message.CodeTimeout:
		return "timeout"
	case message.CodeShuttingDown:
		return "draining"
	}
	return "other"
}

// RefusedMessage tells that a message of a client is not handled.
func (j *Journal) RefusedMessage(socket, namespace string, event []byte, e *message.Error) {
	if e != nil && j.Tail.On() {
		j.Tail.Tell(tail.Event{Kind: tail.Refused, Socket: socket, Namespace: namespace,
			Event: string(event), Code: string(e.Code), Reason: e.Message}, nil)
	}
	if e != nil && j.On() {
		j.log.Debug("message refused", "socket", socket, "namespace", namespace,
			"event", string(event), "code", string(e.Code), "reason", e.Message)
	}
}

// SlowConsumer tells that a client was cut because it does not take what is sent to it. bytes
// waited for it. socket is "" if its connection was not open yet.
func (j *Journal) SlowConsumer(d *Diary, socket string, bytes int, err error) {
	c := Cause{What: "slow consumers are cut: send less, or raise maxOutboxBytes and maxOutboxAge"}
	j.Often(slog.LevelWarn, c, func() []any {
		return []any{"peer", d.Client(), "socket", socket, "bytes", bytes, "error", err}
	})
}

// Closed is the last line of a connection. socket and namespace are "" if it was not open.
func (j *Journal) Closed(
	d *Diary, socket, namespace string, code uint16, reason string, err error,
) {
	if socket != "" && j.Tail.On() {
		if reason == "" && err != nil {
			reason = err.Error()
		}
		j.Tail.Tell(tail.Event{Kind: tail.Disconnected, Socket: socket, Namespace: namespace,
			Peer: textOf(d.Client()), Code: strconv.Itoa(int(code)), Reason: reason}, nil)
	}
	if !j.On() {
		return
	}
	args := []any{"peer", d.Address(), "code", code, "reason", reason}
	if err != nil {
		args = append(args, "error", err)
	}
	if d.Counted {
		args = append(args, "duration", j.now()-d.Since, "in", d.In.Load(), "out", d.Out.Load())
	}
	j.log.Debug("connection closed", args...)
}

// Received tells of an event of a client.
func (j *Journal) Received(socket, namespace string, m *message.Message) {
	if j.Tail.On() {
		j.tellReceived(socket, namespace, m)
	}
	if !j.On() {
		return
	}
	event := string(m.Event)
	j.log.Debug("event received", "socket", socket, "namespace", namespace, "event", event,
		"bytes", len(m.Payload), "ack", m.Flags&message.FlagAck != 0)
	if j.traces() {
		j.data("data received", event, m.Payload, m.Flags&message.FlagBinary != 0)
	}
}

func (j *Journal) tellReceived(socket, namespace string, m *message.Message) {
	j.Tail.Tell(tail.Event{Kind: tail.In, Socket: socket, Namespace: namespace,
		Event: string(m.Event), Bytes: len(m.Payload)}, func() ([]byte, bool) {
		return m.Payload, m.Flags&message.FlagBinary != 0
	})
}

// Emitted tells of an event for one client, of n bytes as it was encoded. v is what was given.
func (j *Journal) Emitted(socket, namespace, event string, n int, v any) {
	if j.Tail.On() {
		j.tellEmitted(socket, namespace, event, n, v)
	}
	if !j.On() {
		return
	}
	j.log.Debug("event emitted", "socket", socket, "event", event, "bytes", n)
	if !j.traces() {
		return
	}
	if b, flags, err := outgoing.AppendValue(nil, v); err == nil {
		j.data("data emitted", event, b, flags&message.FlagBinary != 0)
	}
}

func (j *Journal) tellEmitted(socket, namespace, event string, n int, v any) {
	j.Tail.Tell(tail.Event{Kind: tail.Out, Socket: socket, Namespace: namespace, Event: event,
		Bytes: n}, func() ([]byte, bool) {
		b, flags, _ := outgoing.AppendValue(nil, v) // it was encoded before
		return b, flags&message.FlagBinary != 0
	})
}

// Broadcast tells of an event for many.
func (j *Journal) Broadcast(namespace string, e *outgoing.Event, queued, dropped int) {
	if j.Tail.On() {
		j.tellBroadcast(namespace, e, queued, dropped)
	}
	if !j.On() {
		return
	}
	j.log.Debug("event broadcast", "namespace", namespace, "event", e.Name,
		"bytes", len(e.Payload.B), "queued", queued, "dropped", dropped)
	if j.traces() {
		j.data("data broadcast", e.Name, e.Payload.B, e.Flags&message.FlagBinary != 0)
	}
}

func (j *Journal) tellBroadcast(namespace string, e *outgoing.Event, queued, dropped int) {
	j.Tail.Tell(tail.Event{Kind: tail.Broadcast, Namespace: namespace, Event: e.Name,
		Room: e.Room, Bytes: len(e.Payload.B), Queued: queued, Dropped: dropped},
		func() ([]byte, bool) { return e.Payload.B, e.Flags&message.FlagBinary != 0 })
}

// Answered tells of an answer to an event, of n bytes as it was encoded.
func (j *Journal) Answered(socket, namespace string, id uint64, n int) {
	if j.Tail.On() {
		j.Tail.Tell(tail.Event{Kind: tail.Ack, Socket: socket, Namespace: namespace, Bytes: n}, nil)
	}
	if j.On() {
		j.log.Debug("event answered", "socket", socket, "ack", id, "bytes", n)
	}
}

func (j *Journal) traces() bool { return j.log.Enabled(context.Background(), LevelTrace) }

const (
	// credentials is the event whose data is never logged.
	credentials = "auth"
	// maxData is how many bytes of a payload are logged.
	maxData = 1024
)

func (j *Journal) data(what, event string, p []byte, binary bool) {
	text := "(hidden)"
	if event != credentials {
		text = string(p[:min(len(p), maxData)])
	}
	j.log.Log(context.Background(), LevelTrace, what, "event", event, "binary", binary,
		"data", text)
}
