package smartsocket

import (
	"maps"
	"sync"
	"time"

	"github.com/smartsocket/smartsocket/internal/outgoing"
	"github.com/smartsocket/smartsocket/internal/session"
	"github.com/smartsocket/smartsocket/pool"
	"github.com/smartsocket/smartsocket/websocket"
)

// Delivery says what became of an emit: for how many sockets the message was
// queued (or sent at once), and for how many it was dropped because the socket
// was gone, not authenticated yet, or its client too slow. Both 0 means that nobody
// was addressed. With a Broker it counts the sockets of this server alone.
type Delivery struct {
	Queued, Dropped int
}

func (d *Delivery) add(o Delivery) {
	d.Queued += o.Queued
	d.Dropped += o.Dropped
}

// EmitOption says how much an emit may lose when a client does not keep up.
// Without one an event is reliable: it waits, in order, until the client has
// taken it or is cut off as too slow, and with the message cache it survives a
// lost connection. Events that may be lost do not: they are for clients that are
// there, are never sent again, and when held may arrive behind reliable events
// that were emitted later. A client that keeps up gets every one, in order.
type EmitOption struct {
	how outgoing.Options
}

// Volatile drops the event for clients that are behind: that have not yet taken
// what the kernel was given for them. Delivery counts them as Dropped.
var Volatile = EmitOption{outgoing.Options{Volatile: true}}

// State holds the event back from clients that are behind. A newer one of the
// same event and key replaces it meanwhile, in its place in the order; when the
// client has caught up it gets the newest of each key. "" is a key too: one state
// per event. Delivery counts a held event as Queued.
func State(key string) EmitOption { return EmitOption{outgoing.Options{State: true, Key: key}} }

// Deadline holds the event back from clients that are behind, and drops it when
// it has waited for longer than d, which is more than 0. Together with State it
// bounds how old a state may get.
func Deadline(d time.Duration) EmitOption {
	return EmitOption{outgoing.Options{Within: max(d, 1)}}
}

// joined is what several options say together.
func joined(opts []EmitOption) (o outgoing.Options) {
	for _, p := range opts {
		o.Add(p.how)
	}
	return o
}

// emitOptions are what SetEmitOptions set, by event. Immutable.
type emitOptions map[string]outgoing.Options

// with returns a copy in which event has opts; none = reliable.
func (o *emitOptions) with(event string, opts []EmitOption) *emitOptions {
	c := make(emitOptions)
	if o != nil {
		maps.Copy(c, *o)
	}
	c[event] = joined(opts)
	return &c
}

// SetEmitOptions says how an event is emitted when the emit itself does not say. Without options
// the event is reliable again. On a Server it holds in every namespace that has no setting of its
// own for the event. It panics on a reserved or impossible event name.
func (r *registrations) SetEmitOptions(event string, opts ...EmitOption) {
	checkEvent(event)
	r.setting.Lock()
	defer r.setting.Unlock()
	r.emitOptions.Store(r.emitOptions.Load().with(event, opts))
}

// SetDelivery is the former name of SetEmitOptions.
//
// Deprecated: use SetEmitOptions.
func (r *registrations) SetDelivery(event string, opts ...EmitOption) {
	r.SetEmitOptions(event, opts...)
}

// optionsOf is how an event goes out in n when it is emitted with opts.
func (n *Namespace) optionsOf(event string, opts []EmitOption) outgoing.Options {
	if len(opts) > 0 {
		return joined(opts)
	}
	if m := n.emitOptions.Load(); m != nil {
		if o, ok := (*m)[event]; ok {
			return o
		}
	}
	if m := n.srv.emitOptions.Load(); m != nil {
		return (*m)[event]
	}
	return outgoing.Options{}
}

// Emit sends an event: data nil for none, []byte for raw bytes, json.RawMessage
// as it is, anything else as JSON. data is borrowed for the call. The Delivery
// says whether it was queued or dropped (the connection is gone or the client
// too slow); the error is about the value: not encodable, or ERR_MSG_004.
// opts say whether it may be lost, see EmitOption.
func (s *Socket) Emit(event string, data any, opts ...EmitOption) (Delivery, error) {
	if how := s.ns.optionsOf(event, opts); how.Lossy() {
		return s.emitLossy(event, data, how)
	}
	if s.kept == nil && !s.Connected() {
		return Delivery{Dropped: 1}, nil
	}
	b := pool.Get(256)
	var err error
	c := s.link.Load().encoding()
	if b.B, err = c.AppendEvent(b.B, event, 0, value(data)); err != nil {
		pool.Put(b)
		return Delivery{Dropped: 1}, err
	}
	s.srv.journal.Emitted(s.ID(), event, len(b.B), value(data))
	if !s.sendEvent(b) {
		return Delivery{Dropped: 1}, nil
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
	s.srv.journal.Emitted(s.ID(), event, len(e.Payload.B), value(data))
	return s.srv.sendAll(e, []*Socket{s}), nil
}

// Target is a selection of sockets, built by To, ToSocket and Except and
// resolved when Emit is called. A Target is immutable; each method returns a new one.
type Target struct {
	ns     *Namespace
	names  []string
	except []string
	out    []*Socket
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

// selected returns the sockets of this server that are selected. With a buffer
// the list lies in it, else it is borrowed from the hub; give it back either way.
func (t *Target) selected() (list []*Socket, buf *[]*Socket) {
	h := t.ns.hub
	if len(t.except) == 0 && len(t.out) == 0 && len(t.names) <= 1 {
		name := ""
		if len(t.names) == 1 {
			if name = t.names[0]; name == "" {
				return nil, nil
			}
		}
		return h.Named(name), nil
	}
	buf = socketLists.Get().(*[]*Socket)
	return h.Selection((*buf)[:0], t.names, t.except, t.out), buf
}

// giveBack ends the use of what selected returned.
func giveBack(list []*Socket, buf *[]*Socket) {
	if buf == nil {
		return
	}
	clear(list)
	*buf = list[:0]
	socketLists.Put(buf)
}

var socketLists = sync.Pool{New: func() any { return new([]*Socket) }}

// Emit sends an event to every selected socket once. The message is encoded
// once and its bytes are shared by all receivers; data is borrowed for the call.
// The error is about the value (see Socket.Emit); nothing was sent then.
// opts say whether it may be lost, see EmitOption.
func (t *Target) Emit(event string, data any, opts ...EmitOption) (Delivery, error) {
	e, err := t.ns.srv.newEvent(event, data)
	if err != nil {
		return Delivery{}, err
	}
	defer e.Release()
	e.Options = t.ns.optionsOf(event, opts)
	return t.send(e), nil
}

// Emit sends an event to every socket of the namespace; see Target.Emit.
func (n *Namespace) Emit(event string, data any, opts ...EmitOption) (Delivery, error) {
	return (&Target{ns: n}).Emit(event, data, opts...)
}

// Emit sends an event to every socket of every namespace that this server has;
// see Target.Emit.
func (v *Server) Emit(event string, data any, opts ...EmitOption) (Delivery, error) {
	e, err := v.newEvent(event, data)
	if err != nil {
		return Delivery{}, err
	}
	defer e.Release()
	var d Delivery
	for _, ns := range v.eachNamespace() {
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
	list, buf := t.selected()
	d := t.ns.srv.sendAll(e, list)
	giveBack(list, buf)
	t.ns.srv.journal.Broadcast(t.ns.path, e, d.Queued, d.Dropped)
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
		case lossy:
			d.Queued++
		default:
			d.Queued++
			n.Sent++
		}
	}
	v.countOutgoing(&n)
	return d
}

// form is the form in which the client takes an event.
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

// sendEncoded sends an event past the session. Only a sealed connection needs bytes of its own;
// all others share the frame.
func (l *link) sendEncoded(x *outgoing.Encoded) bool {
	l.sent()
	if l.seal != nil {
		return l.sendSealed(x.Message.Bytes()) != websocket.Dropped
	}
	return l.ws.SendShared(x.Frame) != websocket.Dropped
}

// line is a link as outgoing.Held sees it: the same memory.
type line link

func (n *line) link() *link { return (*link)(n) }

// Open implements outgoing.Line. OnClose changes it before it closes Held.
func (n *line) Open() bool { return n.link().isOpen() }

// Behind implements outgoing.Line.
func (n *line) Behind() bool { return n.ws.Behind() }

// Encode implements outgoing.Line.
func (n *line) Encode(e *outgoing.Event) *outgoing.Encoded {
	return e.Encode(n.link().form(e), n.seal == nil)
}

// Send implements outgoing.Line.
func (n *line) Send(x *outgoing.Encoded) bool { return n.link().sendEncoded(x) }

// Now implements outgoing.Line.
func (n *line) Now() time.Duration { return n.srv.sinceStart() }

// sendHeld goes on with what was held back, once the client has caught up. On the loop.
func (l *link) sendHeld() {
	var n outgoing.Counts
	l.held.Flush((*line)(l), &n)
	l.srv.countOutgoing(&n)
}

// dropHeld forgets what was held back, for good.
func (l *link) dropHeld() {
	var n outgoing.Counts
	l.held.Close(&n)
	l.srv.countOutgoing(&n)
}

// countOutgoing adds to the server's counters. Counters that stay are left alone,
// because all loops share them.
func (v *Server) countOutgoing(n *outgoing.Counts) {
	c := &v.counters
	if n.Sent > 0 {
		c.out.Add(int64(n.Sent))
	}
	if n.Volatile > 0 {
		c.volatileDropped.Add(int64(n.Volatile))
	}
	if n.Replaced > 0 {
		c.stateReplaced.Add(int64(n.Replaced))
	}
	if n.Expired > 0 {
		c.deadlineExpired.Add(int64(n.Expired))
	}
	if n.Dropped > 0 {
		c.heldDropped.Add(int64(n.Dropped))
	}
}
