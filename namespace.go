package smartsocket

import (
	"maps"
	"slices"
	"strings"

	"github.com/smartsocket/smartsocket/internal/fault"
	"github.com/smartsocket/smartsocket/internal/hub"
	"github.com/smartsocket/smartsocket/internal/outgoing"
	"github.com/smartsocket/smartsocket/internal/refusal"
	"github.com/smartsocket/smartsocket/internal/socketid"
	"github.com/smartsocket/smartsocket/message"
)

// Namespace is a separate world of sockets, rooms, handlers and middleware under one path. Get one
// with Server.Namespace. It is safe for concurrent use.
type Namespace struct {
	srv      *Server
	path     string
	hub      *hub.Hub[*Socket]
	handlers table
	registrations
}

func newNamespace(v *Server, path string) *Namespace {
	n := &Namespace{srv: v, path: path, hub: hub.New(v.members, socketid.Is)}
	n.events, n.emitOptions = &n.handlers, new(outgoing.Rules)
	return n
}

// newDirectory makes the index of the sockets of all namespaces.
func newDirectory() *hub.Directory[*Socket] {
	return hub.NewDirectory(
		func(s *Socket) *hub.Place[*Socket] { return &s.place },
		func(s *Socket) *hub.Hub[*Socket] { return s.ns.hub })
}

// cleanPath gives a namespace's path its one form: a leading slash, no trailing one.
func cleanPath(path string) string { return "/" + strings.Trim(path, "/") }

// Path is the namespace's name, with a leading slash.
func (n *Namespace) Path() string { return n.path }

// Server returns the server that the namespace belongs to.
func (n *Namespace) Server() *Server { return n.srv }

// Len counts the connected sockets of the namespace on this server. All counts and lists of a
// Namespace cover connected sockets only; Away lists the rest.
func (n *Namespace) Len() int {
	sockets, _ := n.hub.Size()
	return sockets
}

// Sockets lists the connected sockets of the namespace. The list is a snapshot; do not change it.
func (n *Namespace) Sockets() []*Socket { return n.hub.Present("") }

// Away lists the sockets whose client is away and may come back (Options.EnableMessageCache), and
// those that have ended but whose disconnected or ended handlers still run. All keep their rooms.
func (n *Namespace) Away() []*Socket { return n.hub.Away() }

// Socket finds a socket by id, nil if it is not here.
func (n *Namespace) Socket(id string) *Socket { return n.hub.ByID(id) }

// RoomSockets lists the connected members of a room. The list is a snapshot; do not change it.
func (n *Namespace) RoomSockets(room string) []*Socket {
	if room == "" || socketid.Is(room) {
		return nil
	}
	return n.hub.Present(room)
}

// RoomLen counts the connected members of a room.
func (n *Namespace) RoomLen(room string) int { return n.hub.RoomSize(room) }

// RoomNames lists the rooms that have connected members, sorted.
func (n *Namespace) RoomNames() []string { return n.hub.RoomNames() }

// lookup finds the namespace that a client asks for, nil if there is none.
func (v *Server) lookup(path string) *Namespace {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.namespaces[cleanPath(path)]
}

// unknownNamespace lists the namespaces, except for a client that still has to authenticate.
func (v *Server) unknownNamespace() *Error {
	if v.fixed.Authenticate != nil || v.current().RequireAuth {
		return fault.Errorf(message.CodeInvalidNamespace, "no such namespace here: check the path")
	}
	return fault.Errorf(message.CodeInvalidNamespace, "no such namespace here: the server has %s",
		fault.List(v.Namespaces(), 20))
}

// Namespace returns the namespace of a path, making it if need be. A missing
// leading slash is added, a trailing one trimmed; case matters.
func (v *Server) Namespace(path string) *Namespace {
	path = cleanPath(path)
	v.mu.Lock()
	ns := v.namespaces[path]
	late := ns == nil && v.joined
	if ns == nil {
		ns = newNamespace(v, path)
		v.namespaces[path] = ns
	}
	v.mu.Unlock()
	if late {
		v.fixed.Broker.Subscribe(path)
	}
	return ns
}

// Namespaces lists the paths of all namespaces, sorted.
func (v *Server) Namespaces() []string {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return slices.Sorted(maps.Keys(v.namespaces))
}

// Join enters rooms of the socket's namespace, at once. A room named like a socket's id, an empty
// name, one over 128 bytes, or a room past the 256th is refused. If the socket's Grant does not
// allow one of the rooms, it joins none of them, and the error is an ErrRejected.
func (s *Socket) Join(rooms ...string) error {
	g := s.granted()
	err := g.Joins(rooms)
	if err == nil {
		err = refusal.OfRoom(s.ns.hub.Join(s, rooms))
	}
	if now := s.granted(); now != g { // a new one came meanwhile, and may have missed these rooms
		s.Leave(now.Refused(rooms)...)
	}
	return err
}

// Leave leaves rooms, at once. Rooms the socket is not in are ignored.
func (s *Socket) Leave(rooms ...string) { s.ns.hub.Leave(s, rooms) }

// Rooms lists the rooms the socket is in, in the order it joined them.
func (s *Socket) Rooms() []string { return s.ns.hub.RoomsOf(s) }

// In reports whether the socket is in a room.
func (s *Socket) In(room string) bool { return s.ns.hub.In(s, room) }
