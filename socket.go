package smartsocket

import (
	"context"
	"net"
	"sync/atomic"
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/admission"
	"github.com/smartsocket/smartsocket/internal/clocksync"
	"github.com/smartsocket/smartsocket/internal/grant"
	"github.com/smartsocket/smartsocket/internal/greeting"
	"github.com/smartsocket/smartsocket/internal/hub"
	"github.com/smartsocket/smartsocket/internal/journal"
	"github.com/smartsocket/smartsocket/internal/ledger"
	"github.com/smartsocket/smartsocket/internal/lifetime"
	"github.com/smartsocket/smartsocket/internal/mailbox"
	"github.com/smartsocket/smartsocket/internal/opening"
	"github.com/smartsocket/smartsocket/internal/outgoing"
	"github.com/smartsocket/smartsocket/internal/question"
	"github.com/smartsocket/smartsocket/internal/ratelimit"
	"github.com/smartsocket/smartsocket/internal/registry"
	"github.com/smartsocket/smartsocket/internal/sealing"
	"github.com/smartsocket/smartsocket/internal/session"
	"github.com/smartsocket/smartsocket/internal/values"
	"github.com/smartsocket/smartsocket/pool"
	"github.com/smartsocket/smartsocket/websocket"
)

// Socket is one client in one namespace, from its first connect until its session ends. Without the
// message cache (Options.EnableMessageCache) that is one connection. With it, connections come and
// go while the Socket stays, and what is done to it holds also while the client is away. So an
// application may keep the pointer. Handlers run in this order: connected → disconnected →
// connected (Recovered) → … → disconnected → ended, once.
//
// Its methods may be called concurrently and never block, except EmitWithAck. A Socket stays usable
// after its end: sending then counts as dropped.
type Socket struct {
	// Static once the socket is visible.
	srv  *Server
	ns   *Namespace
	kept *kept // nil without the message cache

	place hub.Place[*Socket] // its id and rooms; guarded by the hub's lock

	// Of the link that holds the session (session.Take), or of the only one.
	windows *ratelimit.Windows // nil until the first event

	// Atomics.
	link     atomic.Pointer[link] // the connection; while the client is away the last one
	ext      atomic.Pointer[socketExtra]
	identity atomic.Pointer[any]   // of authentication: an identity, or a *grant.Grant
	auth     atomic.Uint32         // authNotNeeded and so on
	waiting  atomic.Int32          // events in the mailbox that an inline event must not overtake
	running  atomic.Pointer[entry] // handlers of the event that a worker handles
	told     atomic.Uint32         // serial of the link that the handlers were told of, 0 = none
	settled  atomic.Bool           // forget has run

	mail  mailbox.Box[job]
	first link // of a server without the message cache; else links have their own memory
}

// socketExtra is what only some sockets need, so that an idle one stays small. Each part has its
// own lock.
type socketExtra struct {
	values    values.Map
	contexts  lifetime.Contexts[uint64] // by the serial of the link
	questions question.Table[func(Data, error)]
	own, life table // the socket's own handlers, see registrations
}

// ID returns the socket's public name, unique across servers. It is no secret and gives no rights.
func (s *Socket) ID() string { return s.place.ID }

// Namespace returns where the socket is connected.
func (s *Socket) Namespace() *Namespace { return s.ns }

// Connected reports whether the client is connected, as far as is known. While away it is not.
func (s *Socket) Connected() bool { return s.link.Load().isOpen() }

// Plain reports whether the client speaks plain JSON text instead of the SmartSocket protocol.
func (s *Socket) Plain() bool { return s.link.Load().plain }

// RemoteAddr returns the peer's address, of the last connection once the client is away or gone. It
// asks the kernel, so keep the answer rather than the call. Of a connection that the peer has reset
// the port may be 0.
func (s *Socket) RemoteAddr() net.Addr {
	l := s.link.Load()
	if a := l.diary.Load().Address(); a != nil {
		return a
	}
	return l.ws.RemoteAddr()
}

// Behind reports whether the socket's client has not taken yet what was sent to it, see Volatile.
func (v *Server) Behind(s *Socket) bool { return s.link.Load().ws.Behind() }

// Queued returns the number of bytes that wait for a slow client.
func (s *Socket) Queued() int { return s.link.Load().ws.Queued() }

// Set keeps a value with the socket under a key. nil removes it.
func (s *Socket) Set(key string, v any) { s.extra().values.Set(key, v) }

// Get returns the value kept under a key, or nil.
func (s *Socket) Get(key string) any {
	if x := s.ext.Load(); x != nil {
		return x.values.Get(key)
	}
	return nil
}

// Value is Socket.Get for a value of type T. It returns T's zero value if there is none or another.
func Value[T any](s *Socket, key string) T {
	v, _ := s.Get(key).(T)
	return v
}

// granted returns the grant that the socket was authenticated with, nil if there is none.
func (s *Socket) granted() *grant.Grant {
	if p := s.identity.Load(); p != nil {
		return grant.Of(*p)
	}
	return nil
}

// extra returns what only some sockets need, and makes it if this one had not needed it yet.
func (s *Socket) extra() *socketExtra {
	if x := s.ext.Load(); x != nil {
		return x
	}
	x := new(socketExtra)
	if s.ext.CompareAndSwap(nil, x) {
		return x
	}
	return s.ext.Load()
}

// eachLink calls f with the link of every socket.
func (v *Server) eachLink(f func(*link)) {
	for _, ns := range v.eachNamespace() {
		for _, s := range ns.hub.Named("") {
			f(s.link.Load())
		}
	}
}

// Socket.auth has one of these: whether the socket must authenticate by the auth event.
const (
	authNotNeeded uint32 = iota
	authMissing
	authDone  // it was missing
	authGiven // it was not needed
)

// link is one connection of a Socket as its transport sees it (websocket.Handler). The first lies
// inside its socket. With the message cache links come and go, and have a socket once they open.
type link struct {
	// Static after accept.
	srv     *Server
	mounted *mounted // nil unless it came through ServeHTTP

	// Static once the link is open.
	ws     *websocket.Conn
	s      *Socket
	ns     *Namespace
	seal   *sealing.Line // nil without encryption
	serial uint64        // counts the links of the socket from 1

	// The loop's.
	ticket     admission.Ticket // what it takes of the server's places
	handshake  *handshake       // nil once the link is open
	authBy     time.Duration    // when RequireAuth ends the connection, 0 = not set
	clock      clocksync.Clock
	mark       uint64 // the ledger's before the last PING
	pongQueued bool   // the last PONG waits in the outbox
	unproved   bool   // a resumed client has not shown yet that it got CONNECT_ACK
	announced  bool   // the connected handlers are done, so inline handlers may run
	expiring   bool   // silent for too long at the last look
	violations uint8  // in a row

	// Static once the link is open, plain after accept. Here they take no room.
	plain    bool // speaks JSON text without the handshake
	inflates bool // takes compressed messages
	moves    bool // opens its next connection before it leaves, see sendAway

	// Atomics.
	phase  atomic.Uint32                 // linkHandshake and so on
	rtt    atomic.Int64                  // nanoseconds, 0 = not measured yet
	offset atomic.Int64                  // microseconds, see Socket.ClockOffset
	held   outgoing.Held                 // what waits until the client has caught up; has a lock
	diary  atomic.Pointer[journal.Diary] // nil unless debug is on, somebody looks, or it is closed
}

// mounted is what a link keeps of a request that came through ServeHTTP: its context's values.
type mounted struct{ values context.Context }

// The phases of a link, in order.
const (
	linkHandshake uint32 = iota
	linkAuthenticating
	linkOpen
	linkClosed
)

// send writes one encoded message in the link's encoding. It borrows b.
func (l *link) send(b []byte) websocket.Status {
	op := frame.Binary
	if l.plain {
		op = frame.Text
	}
	l.srv.loops[l.ws.Loop()].out.Add(1)
	l.diary.Load().Sent()
	if l.seal != nil {
		return l.sendSealed(b)
	}
	return l.ws.Send(op, b)
}

// sendLast is send for an answer, behind which a handler seldom sends more.
func (l *link) sendLast(b []byte) websocket.Status {
	if l.plain || l.seal != nil {
		return l.send(b)
	}
	l.srv.loops[l.ws.Loop()].out.Add(1)
	l.diary.Load().Sent()
	return l.ws.SendLast(frame.Binary, b)
}

// sendSealed seals one encoded message and sends it. It borrows b.
func (l *link) sendSealed(b []byte) (status websocket.Status) {
	l.seal.Send(b, func(sealed []byte) { status = l.ws.Send(frame.Binary, sealed) })
	return status
}

// sendEvent sends an EVENT, in the session if any, and reports whether it was queued. It takes b.
func (s *Socket) sendEvent(b pool.Unsized) bool {
	if s.kept == nil {
		status := s.link.Load().send(b.B)
		pool.PutUnsized(b)
		return status != websocket.Dropped
	}
	event := pool.NewShared(pool.Sized(b))
	status := s.kept.Send(event)
	event.Release()
	return status != session.Dropped
}

// isOpen reports whether the connection is there and not known to be gone.
func (l *link) isOpen() bool { return l.phase.Load() == linkOpen }

// handshake is what a link needs until it is open.
type handshake struct {
	refusal  *Error           // ends the handshake at once
	opening  *opening.Opening // for the Authenticate hook, nil without one
	hello    *pool.Buffer     // the HELLO that was sent
	token    []byte           // of the session that the client wants back; empty = none
	seq      uint64           // of the newest event that the client got
	apiKey   session.Hash     // of the key in CONNECT
	identity *any             // what the Authenticate hook returned, as a socket keeps it
	asked    string           // the namespace
	early    greeting.Queue   // came behind CONNECT, for when the link is open
	settled  bool             // the transport was told that the peer is no stranger
	sought   bool             // the process before us was asked for the session
	wanted   *session.Session // was busy when the client asked for it; nil = none
}

// forgetHello returns the buffer of HELLO, which only CONNECT needs.
func (h *handshake) forgetHello() {
	if h != nil && h.hello != nil {
		pool.Put(h.hello)
		h.hello = nil
	}
}

// A table holds the handlers of events by name; an entry, those of one event. handlers are those of
// one event that a socket has: its namespace's, then its own.
type (
	registration = registry.Registered[*receiver]
	table        = registry.Table[registration]
	entry        = registry.Entry[registration]
	handlers     = registry.Pair[*receiver]
)

type jobKind uint8

const (
	jobEvent     jobKind = iota
	jobConnected         // a link of the socket has opened
	jobLeft              // its connection is gone
	jobEnded             // its session is over
	jobLimited           // it is over a rate limit
	jobElse              // something of the server's own
)

// job is one thing to do for a socket, behind what it has to do already.
type job struct {
	kind     jobKind
	counted  bool            // of jobEvent: it is in Socket.waiting
	wantsAck bool            // of jobEvent
	outcome  session.Outcome // of jobLeft
	serial   uint32          // of jobConnected: of its link
	handlers handlers        // of jobEvent
	since    time.Duration   // of jobEvent: when it came, if it is measured; 0 = it is not
	name     string          // of an event whose handlers are still to be found
	ackID    uint64          // of jobEvent
	payload  *pool.Buffer    // of jobEvent, owned; nil = no data
	data     body            // around payload, which a handler's Data points to
	notice   *Error          // of jobLimited
	reason   *Reason         // of jobLeft and jobEnded
	link     *link           // of jobLeft, and of jobConnected: inline handlers may run there then
}

// kept is what a socket has with the message cache.
type kept struct {
	session.Session
	ledger ledger.Ledger
	kicked atomic.Pointer[Reason] // what DisconnectWith was given
}

type body struct {
	outgoing.Payload
	info any // what a lifecycle handler is told: an error or a Reason; a func() of jobElse
	call any // the *Call for which a handler is given it now
}
