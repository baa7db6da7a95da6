package smartsocket

import (
	"cmp"
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/metrics"
	"github.com/smartsocket/smartsocket/internal/outgoing"
	"github.com/smartsocket/smartsocket/internal/session"
	"github.com/smartsocket/smartsocket/internal/socketid"
	"github.com/smartsocket/smartsocket/websocket"
)

// Delivery says for how many sockets an emit was queued (or sent at once), and for how many it was
// dropped because the socket was gone, not authenticated yet, or its client too slow. Both are 0
// when nobody was addressed. With a Broker it counts the sockets of this server alone.
type Delivery struct {
	Queued, Dropped int
}

func (d *Delivery) add(o Delivery) {
	d.Queued += o.Queued
	d.Dropped += o.Dropped
}

// EmitOption says how much an emit may lose when a client does not keep up. Without one an event is
// reliable: it waits, in order, until the client has taken it or is cut off as too slow, and with
// the message cache it survives a lost connection. Events that may be lost reach only clients that
// are connected and are never sent again. When held, they may arrive behind reliable events that
// were emitted later. A client that keeps up gets every event, in order.
type EmitOption struct {
	how outgoing.Options
}

// Volatile drops the event for clients that are behind, which means that they have not yet taken
// what the kernel holds for them. Delivery counts them as Dropped.
var Volatile = EmitOption{outgoing.Options{Volatile: true}}

// State holds the event back from clients that are behind. A newer one of the same event and key
// replaces it, in its place in the order, so the client gets the newest of each key when it catches
// up. "" is a key too: one state per event. What goes To one room has keys of its own: a client in
// two rooms gets the newest of each. Delivery counts a held event as Queued.
func State(key string) EmitOption { return EmitOption{outgoing.Options{State: true, Key: key}} }

// Deadline holds the event back from clients that are behind, and drops it after it has waited for
// d, which is more than 0. With State it bounds the age of a state.
func Deadline(d time.Duration) EmitOption {
	return EmitOption{outgoing.Options{Within: max(d, 1)}}
}

// joined puts several options together.
func joined(opts []EmitOption) (o outgoing.Options) {
	for _, p := range opts {
		o.Add(p.how)
	}
	return o
}

// SetEmitOptions says how an event is emitted when the emit itself does not say. Without options
// the event is reliable again. On a Server it holds in every namespace that has no setting of its
// own for the event. It panics on a reserved or impossible event name.
func (r *registrations) SetEmitOptions(event string, opts ...EmitOption) {
	checkEvent(event)
	r.emitOptions.Set(event, joined(opts))
}

// SetDelivery is the former name of SetEmitOptions.
//
// Deprecated: use SetEmitOptions.
func (r *registrations) SetDelivery(event string, opts ...EmitOption) {
	r.SetEmitOptions(event, opts...)
}

// optionsOf is how an event goes out in n when it is emitted with opts.
func (n *Namespace) optionsOf(event string, opts []EmitOption) outgoing.Options {
	return optionsOf(n.emitOptions, n.srv.emitOptions, event, opts)
}

// optionsOf is Namespace.optionsOf with the settings of the namespace and of the server.
func optionsOf(own, all *outgoing.Rules, event string, opts []EmitOption) outgoing.Options {
	if len(opts) > 0 {
		return joined(opts)
	}
	if how, ok := own.Of(event); ok {
		return how
	}
	how, _ := all.Of(event)
	return how
}

// Emit sends an event. data is nil for none, []byte for raw bytes, json.RawMessage as it is, and
// JSON otherwise. It is borrowed for the call. Delivery says whether the event was queued, or
// dropped because the connection is gone or the client too slow. A reliable event is sent even
// before the socket has authenticated; broadcasts and events that may be lost are dropped. The
// error is ERR_MSG_001 for a reserved or invalid name and for data that cannot be encoded, or
// ERR_MSG_004 for more than Options.MaxMessageBytes. opts say whether the event may be lost.
func (s *Socket) Emit(event string, data any, opts ...EmitOption) (Delivery, error) {
	if how := s.ns.optionsOf(event, opts); how.Lossy() {
		return s.emitLossy(event, data, how)
	}
	if s.kept == nil && !s.Connected() {
		return Delivery{Dropped: 1}, nil
	}
	b, err := s.encode(event, 0, data)
	if err != nil || !s.sendEvent(b) {
		return Delivery{Dropped: 1}, err
	}
	return Delivery{Queued: 1}, nil
}

func (s *Socket) emitLossy(event string, data any, how outgoing.Options) (Delivery, error) {
	e, err := s.srv.newEvent(event, data)
	if err != nil {
		return Delivery{Dropped: 1}, err
	}
	defer e.Release()
	e.Options = how
	s.srv.journal.Emitted(s.ID(), s.ns.path, event, len(e.Payload.B), value(data))
	return s.srv.sendAll(e, []*Socket{s}), nil
}

// Event is the name of an event whose data is a T, for a constant that says so once for both ends:
// const Moved smartsocket.Event[Move] = "moved". The command smartsocket types reads it.
type Event[T any] string

// Emitter is what an Event is emitted to: *Socket, *Target, *Namespace, *Server.
type Emitter interface {
	Emit(event string, data any, opts ...EmitOption) (Delivery, error)
}

// Emit is Emit of the Emitter, with this event. It may put the Target of a To on the heap.
func (e Event[T]) Emit(to Emitter, data T, opts ...EmitOption) (Delivery, error) {
	return to.Emit(string(e), data, opts...)
}

// Target is a selection of sockets, built by To, ToSocket, Except, Local and Broadcast. It is
// resolved when it is used, as by Emit. A Target is immutable; To and the like return a new one.
type Target struct {
	ns     *Namespace
	names  []string
	except []string
	out    []*Socket
	self   *Socket // left out too: its own field, so that Socket.To allocates nothing
	nobody bool

	anywhere bool // the names are ids that were not found here, of sockets in any namespace
	local    bool // not for the other nodes
}

// To adds rooms, or sockets by id. Without any To the whole namespace is selected.
func (t *Target) To(names ...string) *Target {
	c := *t
	c.names = append(append([]string(nil), t.names...), names...)
	c.anywhere = t.anywhere && len(names) == 0
	c.nobody = t.nobody && len(names) == 0
	return &c
}

// Except leaves out the members of rooms, or sockets by id.
func (t *Target) Except(names ...string) *Target {
	c := *t
	c.except = append(append([]string(nil), t.except...), names...)
	return &c
}

// ExceptSocket leaves out sockets.
func (t *Target) ExceptSocket(sockets ...*Socket) *Target {
	c := *t
	c.out = append(append([]*Socket(nil), t.out...), sockets...)
	return &c
}

// Local keeps the broadcast to the sockets of this server, when a Broker joins it with others.
func (t *Target) Local() *Target {
	c := *t
	c.local = true
	return &c
}

// selected returns the selected sockets of this server, which the hub takes back with Return.
func (t *Target) selected() (list []*Socket, buf *[]*Socket) {
	self := "" // the hub gets the id, because with t.self in its hands Socket.To would allocate
	if t.self != nil {
		self = t.self.place.ID
	}
	return t.ns.hub.Select(t.names, t.except, t.out, self)
}

// each calls do with every selected socket of this server, also with those that are away, and
// counts how often it returned true.
func (t *Target) each(do func(*Socket) bool) (n int) {
	if t.nobody {
		return 0
	}
	list, buf := t.selected()
	defer t.ns.hub.Return(list, buf)
	for _, s := range list {
		if do(s) {
			n++
		}
	}
	return n
}

// Disconnect kicks the selected sockets of this server as Socket.Disconnect does, and returns how
// many they were. It does not reach the sockets of other nodes yet.
func (t *Target) Disconnect() int {
	return t.each(func(s *Socket) bool { s.Disconnect(); return true })
}

// DisconnectWith is Disconnect with a code and a reason, see Socket.DisconnectWith.
func (t *Target) DisconnectWith(code frame.CloseCode, reason string) int {
	return t.each(func(s *Socket) bool { s.DisconnectWith(code, reason); return true })
}

// Join puts the selected sockets of this server into rooms, and returns how many are in all of
// these rooms. The error is the first that Socket.Join returned. Join does not reach the sockets of
// other nodes yet.
func (t *Target) Join(rooms ...string) (n int, first error) {
	n = t.each(func(s *Socket) bool {
		err := s.Join(rooms...)
		first = cmp.Or(first, err)
		return err == nil
	})
	return n, first
}

// Leave takes the selected sockets of this server out of rooms, and returns how many were selected.
// It does not reach the sockets of other nodes yet.
func (t *Target) Leave(rooms ...string) int {
	return t.each(func(s *Socket) bool { s.Leave(rooms...); return true })
}

// Batch runs f. What is sent meanwhile to the selected sockets of this server leaves in one write
// for each of them when f returns, by Flush, or after four to eight milliseconds.
func (t *Target) Batch(f func()) {
	b := websocket.NewBatch()
	defer b.Flush()
	t.each(func(s *Socket) bool { b.Add(s.link.Load().ws); return true })
	f()
}

// Flush sends at once what waits for the end of a Batch at the selected sockets of this server.
func (t *Target) Flush() { t.each(func(s *Socket) bool { s.link.Load().ws.Push(); return true }) }

// Emit sends an event to every selected socket once. It is encoded once, and all receivers share
// the bytes. data is borrowed for the call. The error is about the name or the data, as that of
// Socket.Emit, and then nothing was sent. opts say whether the event may be lost, see EmitOption.
func (t *Target) Emit(event string, data any, opts ...EmitOption) (Delivery, error) {
	e, err := t.ns.srv.newEvent(event, data)
	if err != nil {
		return Delivery{}, err
	}
	defer e.Release()
	e.Options = optionsOf(t.ns.emitOptions, t.ns.srv.emitOptions, event, opts)
	return t.send(e), nil
}

// Emit sends an event to every socket of the namespace; see Target.Emit.
func (n *Namespace) Emit(event string, data any, opts ...EmitOption) (Delivery, error) {
	return (&Target{ns: n}).Emit(event, data, opts...)
}

// Emit sends an event to every socket of every namespace that this server has; see Target.Emit.
func (v *Server) Emit(event string, data any, opts ...EmitOption) (Delivery, error) {
	e, err := v.newEvent(event, data)
	if err != nil {
		return Delivery{}, err
	}
	defer e.Release()
	var d Delivery
	var few [8]*Namespace
	for _, ns := range v.appendNamespaces(few[:0]) {
		e.Options = ns.optionsOf(event, opts)
		d.add((&Target{ns: ns}).send(e))
	}
	return d, nil
}

// newEvent makes an event of what the application gave. The caller releases it.
func (v *Server) newEvent(event string, data any) (*outgoing.Event, error) {
	return outgoing.Make(event, value(data), v.fixed.MaxMessageBytes, v.current().deflater())
}

// send sends an event to the selected sockets, here and on the other nodes. It borrows e.
func (t *Target) send(e *outgoing.Event) Delivery {
	if t.nobody {
		return Delivery{}
	}
	if b := t.ns.srv.fixed.Broker; b != nil && !t.local {
		t.publish(b, e)
	}
	if e.Room = ""; len(t.names) == 1 && !socketid.Is(t.names[0]) {
		e.Room = t.names[0]
	}
	list, buf := t.selected()
	d := t.ns.srv.broadcast(e, list)
	t.ns.hub.Return(list, buf)
	t.ns.srv.journal.Broadcast(t.ns.path, e, d.Queued, d.Dropped)
	return d
}

// broadcast is sendAll, and measures it: always if there are many receivers, because then it costs
// nothing in comparison, and otherwise now and then.
func (v *Server) broadcast(e *outgoing.Event, list []*Socket) Delivery {
	every := metrics.Broadcast(len(list))
	if every == 0 {
		return v.sendAll(e, list)
	}
	began := v.sinceStart()
	d := v.sendAll(e, list)
	v.measures.Broadcast.AddN(v.sinceStart()-began, every)
	v.measures.Receivers.AddN(time.Duration(len(list))*time.Microsecond, every)
	return d
}

// sendAll sends an event to each socket of the list. It borrows both.
func (v *Server) sendAll(e *outgoing.Event, list []*Socket) (d Delivery) {
	var n outgoing.Counts
	lossy := e.Options.Lossy()
	for _, s := range list {
		l := s.link.Load()
		queued := false
		switch {
		case s.auth.Load() == authMissing:
		case lossy:
			queued = l.isOpen() && l.held.Send((*line)(l), e, v.fixed.MaxOutboxBytes, &n)
		case s.kept != nil:
			queued = s.kept.Send(e.Encode(l.form(e), false).Message) != session.Dropped
		default:
			queued = l.isOpen() && l.sendEncoded(e.Encode(l.form(e), l.seal == nil))
		}
		switch {
		case !queued:
			d.Dropped++
		case lossy, s.kept != nil: // what goes through a session is counted where it is sent
			d.Queued++
		default:
			d.Queued++
			n.Sent++
		}
	}
	v.counters.outgoing.Add(&n)
	return d
}

// form is the form in which the client takes e.
func (l *link) form(e *outgoing.Event) outgoing.Form {
	switch {
	case l.plain && l.ws.Deflate() && e.Deflates():
		return outgoing.TextDeflated
	case l.plain:
		return outgoing.Text
	case l.inflates && e.Deflates():
		return outgoing.Deflated
	}
	return outgoing.Binary
}

// sendEncoded sends an event past the session. All but sealed connections share the frame.
func (l *link) sendEncoded(x *outgoing.Encoded) bool {
	l.diary.Load().Sent()
	if l.seal != nil {
		return l.sendSealed(x.Message.Bytes()) != websocket.Dropped
	}
	return l.ws.SendShared(x.Frame) != websocket.Dropped
}

// line is a link as outgoing.Held sees it (outgoing.Line): the same memory, with other methods.
// OnClose sees to it that Open is false before Held is closed.
type line link

func (n *line) link() *link                   { return (*link)(n) }
func (n *line) Open() bool                    { return n.link().isOpen() }
func (n *line) Behind() bool                  { return n.ws.Behind() }
func (n *line) Send(x *outgoing.Encoded) bool { return n.link().sendEncoded(x) }
func (n *line) Now() time.Duration            { return n.srv.sinceStart() }
func (n *line) Encode(e *outgoing.Event) *outgoing.Encoded {
	return e.Encode(n.link().form(e), n.seal == nil)
}

// sendHeld goes on with what was held back, once the client has caught up. It runs on the loop.
func (l *link) sendHeld() {
	var n outgoing.Counts
	l.held.Flush((*line)(l), &n)
	l.srv.counters.outgoing.Add(&n)
}

// dropHeld forgets what was held back, for good.
func (l *link) dropHeld() {
	var n outgoing.Counts
	l.held.Close(&n)
	l.srv.counters.outgoing.Add(&n)
}

// To selects the members of rooms; a name that is a socket's id selects that socket.
func (n *Namespace) To(names ...string) *Target {
	return &Target{ns: n, names: names, nobody: len(names) == 0}
}

// ToSocket selects one socket by id.
func (n *Namespace) ToSocket(id string) *Target {
	return &Target{ns: n, names: []string{id}, nobody: !socketid.Is(id)}
}

// Except selects everybody but the members of rooms or the sockets with these ids.
func (n *Namespace) Except(names ...string) *Target { return &Target{ns: n, except: names} }

// Local selects everybody on this server, when a Broker joins it with others.
func (n *Namespace) Local() *Target { return &Target{ns: n, local: true} }

// To selects members of rooms of the namespace "/", and sockets by id in any namespace.
func (v *Server) To(names ...string) *Target {
	t := v.toward(names)
	t.names = names // not in toward, so that a Target that the caller drops stays off the heap
	return &t
}

// toward is the target of To without its names. It is in "/", or where towardSocket says if the one
// name is the id of a socket.
func (v *Server) toward(names []string) Target {
	if len(names) == 1 && socketid.Is(names[0]) {
		return v.towardSocket(names[0])
	}
	return Target{ns: v.root, nobody: len(names) == 0}
}

// towardSocket is the target of ToSocket without the id: in the namespace of that socket, or in any
// namespace if the socket is not on this server.
func (v *Server) towardSocket(id string) Target {
	if !socketid.Is(id) {
		return Target{ns: v.root, nobody: true}
	}
	if s, ok := v.members.Find(id); ok {
		return Target{ns: s.ns}
	}
	return Target{ns: v.root, anywhere: true}
}

// ToSocket selects one socket by id, in whichever namespace it is.
func (v *Server) ToSocket(id string) *Target {
	t := v.towardSocket(id)
	t.names = []string{id}
	return &t
}

// Except selects all of the namespace "/" except members of these rooms or sockets with these ids.
func (v *Server) Except(names ...string) *Target { return v.root.Except(names...) }

// To selects the members of rooms (or sockets by id), without this socket.
func (s *Socket) To(names ...string) *Target {
	return &Target{ns: s.ns, names: names, self: s, nobody: len(names) == 0}
}

// Broadcast selects everybody else in the namespace.
func (s *Socket) Broadcast() *Target { return &Target{ns: s.ns, self: s} }
