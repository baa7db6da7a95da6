package smartsocket

import (
	"net"
	"sync"
	"sync/atomic"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/hub"
	"github.com/smartsocket/smartsocket/internal/lifetime"
	"github.com/smartsocket/smartsocket/internal/mailbox"
	"github.com/smartsocket/smartsocket/internal/question"
	"github.com/smartsocket/smartsocket/internal/ratelimit"
	"github.com/smartsocket/smartsocket/internal/session"
	"github.com/smartsocket/smartsocket/message"
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
	link      atomic.Pointer[link] // the connection; while the client is away the last one
	ext       atomic.Pointer[socketExtra]
	identity  atomic.Pointer[any]
	auth      atomic.Uint32         // authNotNeeded, authMissing, authDone
	waiting   atomic.Int32          // events in the mailbox that an inline event must not overtake
	running   atomic.Pointer[entry] // handlers of the event that a worker handles
	recovered atomic.Bool           // as the handlers were told
	settled   atomic.Bool           // forget has run

	mail  mailbox.Box[job]
	first link // of a server without the message cache; else links have their own memory
}

// socketExtra is what only some sockets need, so that an idle one stays small. mu guards values.
type socketExtra struct {
	mu        sync.Mutex
	values    map[string]any
	contexts  lifetime.Contexts[*link] // has its own lock, as what follows
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

// Queued returns the number of bytes that wait for a slow client.
func (s *Socket) Queued() int { return s.link.Load().ws.Queued() }

// Set keeps a value with the socket under a key. nil removes it.
func (s *Socket) Set(key string, v any) {
	x := s.extra()
	x.mu.Lock()
	defer x.mu.Unlock()
	if v == nil {
		delete(x.values, key)
		return
	}
	if x.values == nil {
		x.values = make(map[string]any)
	}
	x.values[key] = v
}

// Get returns the value kept under a key, or nil.
func (s *Socket) Get(key string) any {
	x := s.ext.Load()
	if x == nil {
		return nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.values[key]
}

// On registers a handler for an event of this socket, or for one of its lifecycle events, after its
// namespace's. It panics on a name that is reserved or impossible.
func (s *Socket) On(event string, h Handler, opts ...HandlerOption) {
	t, name := tableOf(event, &s.extra().own, &s.extra().life)
	addHandler(t, name, h, false, opts)
}

// Once is On for the first such event only.
func (s *Socket) Once(event string, h Handler, opts ...HandlerOption) {
	t, name := tableOf(event, &s.extra().own, &s.extra().life)
	addHandler(t, name, h, true, opts)
}

// Off removes this socket's own handlers of an event.
func (s *Socket) Off(event string) { off(event, &s.extra().own, &s.extra().life) }

// Join enters rooms of the socket's namespace, at once. A room named like a socket's id, an empty
// name, one over 128 bytes, or a room past the 256th is refused.
func (s *Socket) Join(rooms ...string) error { return s.ns.join(s, rooms) }

// Leave leaves rooms, at once. Rooms the socket is not in are ignored.
func (s *Socket) Leave(rooms ...string) { s.ns.hub.Leave(s, rooms) }

// Rooms lists the rooms the socket is in, in the order it joined them.
func (s *Socket) Rooms() []string { return s.ns.hub.RoomsOf(s) }

// In reports whether the socket is in a room.
func (s *Socket) In(room string) bool { return s.ns.hub.In(s, room) }

// To selects the members of rooms (or sockets by id), without this socket.
func (s *Socket) To(names ...string) *Target {
	return &Target{ns: s.ns, names: names, self: s, nobody: len(names) == 0}
}

// Broadcast selects everybody else in the namespace.
func (s *Socket) Broadcast() *Target { return &Target{ns: s.ns, self: s} }

// Disconnect kicks the client: its connection closes with 3504, after what is queued, and the
// client does not reconnect. The session ends too, also when the client is away or is about to
// come back; who was away returns as a new socket. DisconnectWith chooses otherwise.
func (s *Socket) Disconnect() { s.DisconnectWith(frame.CloseCode(message.CloseKicked), "kicked") }

// DisconnectWith closes the connection with a code and a reason. 3000–3499 asks the client to
// reconnect, and its session goes on. 3500–3999 and 1000 forbid it and end the session, even if the
// client is away or about to come back.
func (s *Socket) DisconnectWith(code frame.CloseCode, reason string) {
	if s.kept != nil && final(code) {
		s.kept.kicked.Store(&Reason{Code: code, Text: reason})
		s.kept.Doom() // before the link is looked at, so that no other one follows
	}
	s.link.Load().ws.Close(code, reason)
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
