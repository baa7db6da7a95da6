package smartsocket

import (
	"sync"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/session"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
	"github.com/smartsocket/smartsocket/websocket"
)

// Delivery says what became of an emit: for how many sockets the message was
// queued (or sent at once), and for how many it was dropped because the socket
// was gone, not authenticated yet, or its client too slow. Both 0 means that nobody was addressed.
// With a Broker it counts the sockets of this server alone.
type Delivery struct {
	Queued, Dropped int
}

func (d *Delivery) add(o Delivery) {
	d.Queued += o.Queued
	d.Dropped += o.Dropped
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

// Emit sends an event to every selected socket once. The message is encoded
// once and its bytes are shared by all receivers; data is borrowed for the call.
// The error is about the value (see Socket.Emit); nothing was sent then.
// opts say whether it may be lost, see EmitOption.
func (t *Target) Emit(event string, data any, opts ...EmitOption) (Delivery, error) {
	o, err := t.ns.srv.newOutgoing(event, data)
	if err != nil {
		return Delivery{}, err
	}
	defer o.release()
	o.how = t.ns.delivery(event, opts)
	return t.send(o), nil
}

func (t *Target) send(o *outgoing) Delivery {
	if t.nobody {
		return Delivery{}
	}
	if b := t.ns.srv.fixed.Broker; b != nil && !t.local {
		t.publish(b, o)
	}
	h := t.ns.hub
	if len(t.except) == 0 && len(t.out) == 0 && len(t.names) <= 1 {
		name := ""
		if len(t.names) == 1 {
			if name = t.names[0]; name == "" {
				return Delivery{}
			}
		}
		return o.sendAll(h.Named(name))
	}
	buf := socketLists.Get().(*[]*Socket)
	list := h.Selection((*buf)[:0], t.names, t.except, t.out)
	d := o.sendAll(list)
	clear(list)
	*buf = list[:0]
	socketLists.Put(buf)
	return d
}

var socketLists = sync.Pool{New: func() any { return new([]*Socket) }}

// outgoing is one event on its way to many sockets, encoded at most once per encoding.
type outgoing struct {
	srv     *Server
	event   string
	flags   message.Flags
	payload *pool.Buffer
	how     EmitOption
	forms   [forms]encoded // made when the first receiver needs them
}

// encoded is one form of an event.
type encoded struct {
	message *pool.Shared
	frame   *pool.Shared // around message; nil until somebody takes it as it is
}

// The forms in which one event can go out.
const (
	formBinary       = iota // for protocol clients
	formDeflated            // for those that inflate; may be formBinary's, when compressing does not pay
	formText                // for plain clients
	formTextDeflated        // the same, in a frame of permessage-deflate
	forms
)

func (v *Server) newOutgoing(event string, data any) (*outgoing, error) {
	if err := checkEmit(event); err != nil {
		return nil, err
	}
	o := &outgoing{srv: v, event: event, payload: pool.Get(256)}
	var err error
	if o.payload.B, o.flags, err = appendData(o.payload.B, data); err == nil {
		err = v.checkSize(event, len(o.payload.B))
	}
	if err != nil {
		o.release()
		return nil, err
	}
	return o, nil
}

func (o *outgoing) release() {
	pool.Put(o.payload)
	for _, f := range o.forms {
		if f.frame != nil {
			f.frame.Release()
		}
		if f.message != nil {
			f.message.Release()
		}
	}
}

func (o *outgoing) sendAll(list []*Socket) Delivery {
	if o.how.lossy() {
		return o.sendAllLossy(list)
	}
	var d Delivery
	for _, s := range list {
		if s.receives() && o.sendTo(s) {
			d.Queued++
		} else {
			d.Dropped++
		}
	}
	o.srv.counters.out.Add(int64(d.Queued))
	return d
}

func (o *outgoing) sendAllLossy(list []*Socket) Delivery {
	var d Delivery
	var sent int64
	for _, s := range list {
		l := s.link.Load()
		if !l.isOpen() || s.auth.Load() == authMissing {
			d.Dropped++
			continue
		}
		one, n := o.sendLossy(l)
		d.add(one)
		sent += int64(n)
	}
	o.srv.counters.out.Add(sent)
	return d
}

// receives reports whether a broadcast is for s: it is there or has a session to
// come back to, and has authenticated where that is asked for.
func (s *Socket) receives() bool {
	return (s.kept != nil || s.Connected()) && s.auth.Load() != authMissing
}

// sendTo sends the event in the form that s takes.
func (o *outgoing) sendTo(s *Socket) bool {
	l := s.link.Load()
	e := o.encoded(l)
	if s.kept != nil {
		return s.kept.Send(e.message) != session.Dropped
	}
	return l.sendEncoded(e) != websocket.Dropped
}

// encoded is the event in the form that s takes, encoded if s is the first of its
// kind. Only encrypted and resumable sockets need bytes of their own; all others share the frame.
func (o *outgoing) encoded(l *link) *encoded {
	form, op := formBinary, frame.Binary
	switch {
	case l.plain:
		form, op = formText, frame.Text
		if l.ws.Deflate() && o.srv.compresses(len(o.payload.B)) {
			form = formTextDeflated
		}
	case l.inflates && o.srv.compresses(len(o.payload.B)):
		form = formDeflated
	}
	e := &o.forms[form]
	if e.message == nil {
		e.message = pool.NewShared(o.encode(form))
	}
	if e.frame == nil && l.seal == nil && (l.s.kept == nil || o.how.lossy()) {
		e.frame = o.prepare(form, op, e.message.Bytes())
	}
	return e
}

// sendEncoded sends an event outside the session's stream.
func (l *link) sendEncoded(e *encoded) websocket.Status {
	if l.seal != nil {
		return l.seal.send(l.ws, e.message.Bytes())
	}
	return l.ws.SendShared(e.frame)
}

func (o *outgoing) prepare(form int, op frame.Opcode, b []byte) *pool.Shared {
	if form == formTextDeflated {
		if f, err := frame.PrepareDeflated(op, b, o.srv.current().CompressionLevel); err == nil {
			return f
		}
	}
	return frame.Prepare(op, b)
}

func (o *outgoing) encode(form int) *pool.Buffer {
	b := pool.Get(len(o.payload.B) + len(o.event) + 32)
	if form == formText || form == formTextDeflated {
		m := message.Message{Kind: message.KindEvent, Flags: o.flags, Event: []byte(o.event), Payload: o.payload.B}
		b.B = message.AppendJSON(b.B, &m)
		return b
	}
	b.B = message.AppendEventHeader(b.B, o.flags, 0, 0, o.event)
	body := len(b.B)
	b.B = append(b.B, o.payload.B...)
	if form == formDeflated {
		b.B = o.srv.compressTail(b.B, 0, body)
	}
	return b
}
