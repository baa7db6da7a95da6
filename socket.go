package smartsocket

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/admission"
	"github.com/smartsocket/smartsocket/internal/outgoing"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
	"github.com/smartsocket/smartsocket/websocket"
)

const dropped = websocket.Dropped

// Socket is one client's connection to one namespace. Its methods may be called
// concurrently and, but for EmitWithAck, never block. A Socket stays usable
// after the connection is gone: sending then counts as dropped.
type Socket struct {
	ws  *websocket.Conn
	srv *Server
	ns  *Namespace // set once, before the socket is connected
	id  string     // "ss_" and 128 random bits, base64url

	rooms []*room // guarded by ns.hub.mu
	away  bool    // the client is gone, its session waits; guarded by ns.hub.mu
	index int32   // position in ns.hub.all, guarded by ns.hub.mu
	mark  uint64  // last selection this socket was part of, guarded by ns.hub.mu

	hello *pool.Buffer // the HELLO that was sent, until the handshake is done; loop only
	seal  *sealing     // nil without encryption; set before the socket is connected

	ticket   admission.Ticket // what the gate counts it in, and its address where that matters; loop only
	identity atomic.Pointer[any]
	authBy   time.Duration // when authMissing ends the connection, 0 = not set; loop only

	session     *session       // nil without the message cache; set before the socket is connected
	resume      *resumeRequest // what CONNECT asked for, until the socket opens; loop only
	auth        atomic.Uint32  // authNotNeeded, authMissing, authDone; beside the bools for the size's sake
	recovered   bool           // took over an earlier connection's session
	unproved    bool           // the client has not yet shown that it got CONNECT_ACK; loop only
	dispatching bool           // an EVENT of the session is on its way to the handlers; guarded by the session's lock, as heir
	heir        *Socket        // whose handlers wait for it

	ext  atomic.Pointer[socketExtra] // nil until needed
	held outgoing.Held               // not in ext, which a resumed session hands on
	mail mailbox

	windows  *windows     // counts of the rate limits, the session's if there is one; nil until the first event; loop only
	rtt      atomic.Int64 // nanoseconds, 0 = not measured yet
	offset   atomic.Int64 // microseconds, see ClockOffset
	clock    clock
	state    atomic.Uint32
	waiting  atomic.Int32 // events in the mailbox that an inline event must not overtake
	inflates bool         // takes compressed messages
	plain    bool         // speaks JSON text without the handshake
	greeted  bool         // the connected handlers are done; inline handlers may run
	expiring bool         // silent for too long at the last look, loop only
	faults   uint8        // violations in a row, loop only

	pongQueued bool // the last PONG waits in the outbox; loop only

	refusal *Error
}

// socketExtra is what only some sockets need, so that an idle one stays small.
type socketExtra struct {
	mu      sync.Mutex
	values  map[string]any
	pending map[uint64]*pending
	lastAck uint64
	closed  bool
	own     table
}

// The states of a Socket, in order.
const (
	stateHandshake uint32 = iota
	stateAuthenticating
	stateOpen
	stateClosed
)

// ID is the socket's public name, unique across servers; it is no secret and gives no rights.
func (s *Socket) ID() string { return s.id }

// Namespace is where the socket is connected.
func (s *Socket) Namespace() *Namespace { return s.ns }

// Connected reports whether the handshake is done and the connection not known to be gone.
func (s *Socket) Connected() bool { return s.state.Load() == stateOpen }

// Plain reports whether the client speaks plain JSON text instead of the SmartSocket protocol.
func (s *Socket) Plain() bool { return s.plain }

// RemoteAddr is the peer's address; it asks the kernel, so keep the answer rather than the call.
func (s *Socket) RemoteAddr() net.Addr { return s.ws.RemoteAddr() }

// RTT is the round-trip time of the last heartbeat, 0 before the first.
func (s *Socket) RTT() time.Duration { return time.Duration(s.rtt.Load()) }

// Queued is the number of bytes that wait for a slow client.
func (s *Socket) Queued() int { return s.ws.Queued() }

// Set keeps a value with the socket under a key; nil removes it.
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

// On registers a handler for an event of this socket alone; it runs after those
// of the namespace. It panics on a reserved or impossible event name.
func (s *Socket) On(event string, h Handler, opts ...HandlerOption) {
	checkEvent(event)
	s.extra().own.add(event, h, false, opts)
}

// Once is On for the first such event only.
func (s *Socket) Once(event string, h Handler, opts ...HandlerOption) {
	checkEvent(event)
	s.extra().own.add(event, h, true, opts)
}

// Off removes this socket's own handlers of an event.
func (s *Socket) Off(event string) { s.extra().own.remove(event) }

// Join enters rooms of the socket's namespace, at once. A room named like a
// socket's id, an empty name, one over 128 bytes, or a room past the 256th is refused.
func (s *Socket) Join(rooms ...string) error { return s.ns.hub.join(s, rooms) }

// Leave leaves rooms, at once. Rooms the socket is not in are ignored.
func (s *Socket) Leave(rooms ...string) { s.ns.hub.leave(s, rooms) }

// Rooms lists the rooms the socket is in, in the order it joined them.
func (s *Socket) Rooms() []string { return s.ns.hub.roomsOf(s) }

// In reports whether the socket is in a room.
func (s *Socket) In(room string) bool { return s.ns.hub.in(s, room) }

// To selects the members of rooms (or sockets by id), without this socket.
func (s *Socket) To(names ...string) *Target { return s.ns.To(names...).ExceptSocket(s) }

// Broadcast selects everybody else in the namespace.
func (s *Socket) Broadcast() *Target { return s.ns.Except().ExceptSocket(s) }

// Disconnect closes the connection with 1000, after what is queued.
func (s *Socket) Disconnect() { s.ws.Close(frame.CloseNormal, "") }

// DisconnectWith closes with a code and a reason: 3000–3499 asks the client to
// reconnect, 3500–3999 forbids it.
func (s *Socket) DisconnectWith(code frame.CloseCode, reason string) { s.ws.Close(code, reason) }

// sendEvent sends an encoded EVENT, through the session where there is one. It takes b.
func (s *Socket) sendEvent(b *pool.Buffer) websocket.Status {
	if s.session == nil {
		status := s.sendMessage(b.B)
		pool.Put(b)
		return status
	}
	body := pool.NewShared(b)
	status := s.session.send(s.srv.sessions, body)
	body.Release()
	return status
}

// sendMessage sends one encoded message in the socket's encoding.
func (s *Socket) sendMessage(b []byte) websocket.Status {
	op := frame.Binary
	if s.plain {
		op = frame.Text
	}
	s.srv.loops[s.ws.Loop()].out.Add(1)
	if s.seal != nil {
		return s.seal.send(s.ws, b)
	}
	return s.ws.Send(op, b)
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

// violation counts a message that broke the protocol and tells the peer; ten in a row end the connection.
func (s *Socket) violation(e *Error) {
	s.sendError(e)
	s.fault()
}

// fault counts a violation that the client was told of. Too many in a row end the connection.
func (s *Socket) fault() {
	s.srv.counters.violations.Add(1)
	s.faults++
	if s.faults >= maxFaults {
		s.ws.Close(frame.ClosePolicyViolation, string(message.CodeInvalidFormat)+" too many invalid messages")
	}
}

// maxFaults is how many invalid messages in a row a connection may send.
const maxFaults = 10
