package smartsocket

import (
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/smartsocket/smartsocket/internal/fault"
	"github.com/smartsocket/smartsocket/internal/hub"
	"github.com/smartsocket/smartsocket/message"
)

// Namespace is a separate world of sockets, rooms, handlers and middleware
// under one path. Get one with Server.Namespace. Safe for concurrent use.
type Namespace struct {
	srv         *Server
	path        string
	hub         *hub.Hub[*Socket]
	handlers    table
	life        table // lifecycle handlers
	middlewares middlewares
	emitOptions atomic.Pointer[emitOptions] // nil until SetEmitOptions
}

// cleanPath gives a namespace's path its one form: a leading slash, no trailing one.
func cleanPath(path string) string {
	return "/" + strings.Trim(path, "/")
}

// Path is the namespace's name, with a leading slash.
func (n *Namespace) Path() string { return n.path }

// On registers a handler for an event of the namespace's sockets, or for one of
// the lifecycle events connected, disconnected and error. Several handlers of
// one event run in the order of registration. On panics on a reserved or
// impossible name, since no client could ever send it.
func (n *Namespace) On(event string, h Handler, opts ...HandlerOption) {
	register(&n.handlers, &n.life, event, h, false, opts)
}

// Once is On for the first such event only.
func (n *Namespace) Once(event string, h Handler, opts ...HandlerOption) {
	register(&n.handlers, &n.life, event, h, true, opts)
}

// Off removes all handlers of an event.
func (n *Namespace) Off(event string) { unregister(&n.handlers, &n.life, event) }

// OnConnected registers a handler that runs once per socket, after its
// handshake and before any of its events.
func (n *Namespace) OnConnected(h func(*Socket), opts ...HandlerOption) {
	n.On(eventConnected, func(s *Socket, _ Data, _ Ack) { h(s) }, opts...)
}

// OnDisconnected registers a handler that runs for each connection of a socket that has ended,
// after all events that came on it, while the socket's rooms are still visible. With the message
// cache the client may come back: then OnConnected runs again, and OnEnded only when it does not.
func (n *Namespace) OnDisconnected(h func(*Socket, Reason), opts ...HandlerOption) {
	n.On(eventDisconnected, func(s *Socket, d Data, _ Ack) { h(s, d.Reason()) }, opts...)
}

// OnEnded registers a handler that runs once per socket, behind all others: its client cannot come
// back. Its rooms are still visible. Without the message cache that is right behind OnDisconnected.
func (n *Namespace) OnEnded(h func(*Socket, Reason), opts ...HandlerOption) {
	n.On(eventEnded, func(s *Socket, d Data, _ Ack) { h(s, d.Reason()) }, opts...)
}

// OnError registers a handler for what goes wrong with a socket: panics in
// handlers, refusals by middleware, answers that cannot be encoded.
func (n *Namespace) OnError(h func(*Socket, error), opts ...HandlerOption) {
	n.On(eventError, func(s *Socket, d Data, _ Ack) { h(s, d.Err()) }, opts...)
}

// Use adds a middleware for the namespace's events; see Middleware.
func (n *Namespace) Use(mw Middleware) { n.middlewares.use(mw) }

// To selects the members of rooms; a name that is a socket's id selects that socket.
func (n *Namespace) To(names ...string) *Target {
	return &Target{ns: n, names: names, nobody: len(names) == 0}
}

// ToSocket selects one socket by id.
func (n *Namespace) ToSocket(id string) *Target {
	return &Target{ns: n, names: []string{id}, nobody: !isSocketID(id)}
}

// Except selects everybody but the members of rooms or the sockets with these ids.
func (n *Namespace) Except(names ...string) *Target {
	return &Target{ns: n, except: names}
}

// Local selects everybody on this server, when a Broker joins it with others.
func (n *Namespace) Local() *Target { return &Target{ns: n, local: true} }

// Len counts the sockets in the namespace, on this server, without those whose client is away.
func (n *Namespace) Len() int {
	sockets, _ := n.hub.Size()
	return sockets
}

// Sockets lists the sockets in the namespace, those whose client is away for the
// moment included (Options.EnableMessageCache; Connected tells). The list is a
// snapshot; do not change it.
func (n *Namespace) Sockets() []*Socket { return n.hub.Named("") }

// Socket finds a socket by id, nil if it is not here.
func (n *Namespace) Socket(id string) *Socket { return n.hub.ByID(id) }

// RoomSockets lists the members of a room. The list is a snapshot; do not change it.
func (n *Namespace) RoomSockets(room string) []*Socket {
	if room == "" || isSocketID(room) {
		return nil
	}
	return n.hub.Named(room)
}

// RoomLen counts the members of a room.
func (n *Namespace) RoomLen(room string) int { return n.hub.RoomSize(room) }

// RoomNames lists the rooms that have members, sorted.
func (n *Namespace) RoomNames() []string { return n.hub.RoomNames() }

// maxRoomName is the longest name of a room in bytes.
const maxRoomName = hub.MaxName

func newHub() *hub.Hub[*Socket] {
	return hub.New(func(s *Socket) *hub.Place[*Socket] { return &s.place }, isSocketID)
}

// add makes s visible: it can be found by its id, and is addressed from now on.
func (n *Namespace) add(s *Socket) {
	n.srv.ids.Store(s.place.ID, n) // before the hub has it, so that remove finds both
	n.hub.Add(s)
}

// remove takes s out of its rooms and of the namespace.
func (n *Namespace) remove(s *Socket) {
	if n.hub.Remove(s) {
		n.srv.ids.Delete(s.place.ID)
	}
}

// join puts s into rooms, and says in the words of the wire why it cannot.
func (n *Namespace) join(s *Socket, rooms []string) error {
	refused, err := n.hub.Join(s, rooms)
	switch err {
	case nil:
		return nil
	case hub.ErrAbsent:
		return fault.Lost("the socket has left: join rooms while it is connected")
	case hub.ErrFull:
		return fault.Errorf(message.CodeInvalidFormat,
			"the socket is in %d rooms already: leave one first", hub.MaxRooms)
	case hub.ErrReserved:
		return fault.Errorf(message.CodeInvalidFormat,
			"room name %q has the form of a socket id: use another", refused)
	}
	return fault.Errorf(message.CodeInvalidFormat,
		"room name %.40q: use 1 to %d bytes", refused, maxRoomName)
}

// isSocketID reports whether a name has the form of a socket's id. No room has such a name.
func isSocketID(name string) bool {
	return len(name) == len(socketIDPrefix)+22 && strings.HasPrefix(name, socketIDPrefix)
}

// register adds a handler of an event to t, or of a lifecycle event to life.
func register(t, life *table, event string, h Handler, once bool, opts []HandlerOption) {
	if name := lifecycleEvent(event); name != "" {
		addHandler(life, name, h, once, opts)
		return
	}
	checkEvent(event)
	addHandler(t, event, h, once, opts)
}

// unregister removes what register added.
func unregister(t, life *table, event string) {
	if name := lifecycleEvent(event); name != "" {
		life.Remove(name)
		return
	}
	t.Remove(event)
}

// lookup finds the namespace that a client asks for, nil if there is none.
func (v *Server) lookup(path string) *Namespace {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.namespaces[cleanPath(path)]
}

// namespacesTold is how many namespaces a client is told at most.
const namespacesTold = 20

// unknownNamespace lists what a client could have asked for. A client that has
// still to authenticate, by the hook or the auth event, is told no names.
func (v *Server) unknownNamespace() *Error {
	if v.fixed.Authenticate != nil || v.current().RequireAuth {
		return fault.Errorf(message.CodeInvalidNamespace, "no such namespace here: check the path")
	}
	names := v.Namespaces()
	more := ""
	if n := len(names) - namespacesTold; n > 0 {
		names, more = names[:namespacesTold], fmt.Sprintf(" and %d more", n)
	}
	return fault.Errorf(message.CodeInvalidNamespace, "no such namespace here: the server has %s%s", strings.Join(names, ", "), more)
}
