package smartsocket

import (
	"maps"
	"sync"
	"time"

	"github.com/smartsocket/smartsocket/websocket"
)

// EmitOption says how much an emit may lose when a client does not keep up.
// Without one an event is reliable: it waits, in order, until the client has
// taken it or is cut off as too slow, and with the message cache it survives a
// lost connection. Events that may be lost do not: they are for clients that are
// there, are never sent again, and when held may arrive behind reliable events
// that were emitted later. A client that keeps up gets every one, in order.
type EmitOption struct {
	volatile bool
	state    bool
	key      string
	within   time.Duration
}

// Volatile drops the event for clients that are behind: that have not yet taken
// what the kernel was given for them. Delivery counts them as Dropped.
var Volatile = EmitOption{volatile: true}

// State holds the event back from clients that are behind. A newer one of the
// same event and key replaces it meanwhile, in its place in the order; when the
// client has caught up it gets the newest of each key. "" is a key too: one state
// per event. Delivery counts a held event as Queued.
func State(key string) EmitOption { return EmitOption{state: true, key: key} }

// Deadline holds the event back from clients that are behind, and drops it when
// it has waited for longer than d, which is more than 0. Together with State it
// bounds how old a state may get.
func Deadline(d time.Duration) EmitOption { return EmitOption{within: max(d, 1)} }

// lossy reports whether the event may be lost.
func (o *EmitOption) lossy() bool { return o.volatile || o.state || o.within > 0 }

func (o *EmitOption) add(p EmitOption) {
	o.volatile = o.volatile || p.volatile
	if p.state {
		o.state, o.key = true, p.key
	}
	if p.within > 0 {
		o.within = p.within
	}
}

func joined(opts []EmitOption) (o EmitOption) {
	for _, p := range opts {
		o.add(p)
	}
	return o
}

// deliveries are what SetDelivery set, by event. Immutable.
type deliveries map[string]EmitOption

// with returns a copy in which event has opts; none = reliable.
func (d *deliveries) with(event string, opts []EmitOption) *deliveries {
	c := make(deliveries)
	if d != nil {
		maps.Copy(c, *d)
	}
	c[event] = joined(opts)
	return &c
}

// SetDelivery says how an event is emitted when the emit itself does not say:
// in every namespace that has no setting of its own for the event. Without
// options the event is reliable again. Safe for concurrent use.
func (v *Server) SetDelivery(event string, opts ...EmitOption) {
	checkEvent(event)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.deliveries.Store(v.deliveries.Load().with(event, opts))
}

// SetDelivery is Server.SetDelivery for this namespace.
func (n *Namespace) SetDelivery(event string, opts ...EmitOption) {
	checkEvent(event)
	n.srv.mu.Lock()
	defer n.srv.mu.Unlock()
	n.deliveries.Store(n.deliveries.Load().with(event, opts))
}

// delivery is how an event with these options goes out in n.
func (n *Namespace) delivery(event string, opts []EmitOption) EmitOption {
	if len(opts) > 0 {
		return joined(opts)
	}
	if d := n.deliveries.Load(); d != nil {
		if o, ok := (*d)[event]; ok {
			return o
		}
	}
	if d := n.srv.deliveries.Load(); d != nil {
		return (*d)[event]
	}
	return EmitOption{}
}

// The most that is held back for one client; beyond it the oldest is dropped.
// Its bytes are bounded by Options.MaxOutboxBytes.
const maxHeld = 1024

// held are the events that wait for a client to catch up. They are neither
// sealed nor in the outbox, whose bytes cannot be taken back.
type held struct {
	mu     sync.Mutex // taken before the locks of sealing and connection
	list   []heldEvent
	first  int // index of the oldest in list
	base   int // how many were taken off list's front since it was made
	byKey  map[stateKey]int
	bytes  int
	closed bool
}

type stateKey struct{ event, key string }

// heldEvent is one event of held.
type heldEvent struct {
	encoded
	state bool
	key   stateKey
	by    time.Duration // since the server's start, 0 = no deadline
}

func (e *heldEvent) size() int { return len(e.message.Bytes()) }

func (e *heldEvent) release() {
	e.message.Release()
	if e.frame != nil {
		e.frame.Release()
	}
	*e = heldEvent{}
}

// sendLossy sends an event that may be lost, or holds it back.
func (o *outgoing) sendLossy(l *link) (d Delivery, sent int) {
	behind := l.ws.Behind()
	if o.how.volatile && behind {
		o.srv.counters.volatileDropped.Add(1)
		return Delivery{Dropped: 1}, 0
	}
	h := l.heldEvents(behind)
	if h == nil || o.how.volatile {
		return o.sendNow(l)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.list) == 0 && !l.ws.Behind() {
		return o.sendNow(l)
	}
	if h.closed || !l.isOpen() { // the latter before OnClose looks for h
		return Delivery{Dropped: 1}, 0
	}
	h.put(o, l)
	if !l.ws.Behind() {
		h.flush(l) // it caught up just before, and nobody else is going to
	}
	return Delivery{Queued: 1}, 0
}

func (o *outgoing) sendNow(l *link) (d Delivery, sent int) {
	if l.sendEncoded(o.encoded(l)) == websocket.Dropped {
		return Delivery{Dropped: 1}, 0
	}
	return Delivery{Queued: 1}, 1
}

// heldEvents returns what is held for s, nil when there never was anything and make is not set.
func (l *link) heldEvents(make bool) *held {
	if h := l.held.Load(); h != nil || !make {
		return h
	}
	l.held.CompareAndSwap(nil, new(held))
	return l.held.Load()
}

// put appends an event, or puts it in the place of an older one with its key. h.mu is held.
func (h *held) put(o *outgoing, l *link) {
	e := heldEvent{encoded: *o.encoded(l), state: o.how.state}
	e.message.Retain()
	if e.frame != nil {
		e.frame.Retain()
	}
	if o.how.within > 0 {
		e.by = o.srv.sinceStart() + o.how.within
	}
	h.bytes += e.size()
	if e.state {
		e.key = stateKey{o.event, o.how.key}
		if at, ok := h.byKey[e.key]; ok {
			old := &h.list[at-h.base]
			h.bytes -= old.size()
			old.release()
			*old = e
			o.srv.counters.stateReplaced.Add(1)
			h.bound(o.srv)
			return
		}
		if h.byKey == nil {
			h.byKey = make(map[stateKey]int)
		}
		h.byKey[e.key] = h.base + len(h.list)
	}
	h.list = append(h.list, e)
	h.bound(o.srv)
	if h.first > maxHeld {
		n := copy(h.list, h.list[h.first:])
		clear(h.list[n:])
		h.list, h.base, h.first = h.list[:n], h.base+h.first, 0
	}
}

// bound drops the oldest of what is too much; one event alone may be larger. h.mu is held.
func (h *held) bound(v *Server) {
	for n := len(h.list) - h.first; n > 1 && (n > maxHeld || h.bytes > v.fixed.MaxOutboxBytes); n-- {
		v.counters.heldDropped.Add(1)
		h.drop()
	}
}

// drop takes the oldest off. h.mu is held.
func (h *held) drop() {
	e := &h.list[h.first]
	h.bytes -= e.size()
	if e.state {
		delete(h.byKey, e.key)
	}
	e.release()
	if h.first++; h.first == len(h.list) {
		h.list, h.first, h.base, h.byKey = nil, 0, 0, nil
	}
}

// flush sends what is held until the client is behind again. h.mu is held.
func (h *held) flush(l *link) {
	now := l.srv.sinceStart()
	for len(h.list) > 0 {
		e := &h.list[h.first]
		if e.by > 0 && now > e.by {
			l.srv.counters.deadlineExpired.Add(1)
			h.drop()
			continue
		}
		if l.ws.Behind() {
			return
		}
		if l.sendEncoded(&e.encoded) != websocket.Dropped {
			l.srv.counters.out.Add(1)
		}
		h.drop()
	}
}

// sendHeld goes on with what was held back, once the client has caught up. On the loop.
func (l *link) sendHeld() {
	h := l.heldEvents(false)
	if h == nil {
		return
	}
	h.mu.Lock()
	h.flush(l)
	h.mu.Unlock()
}

// dropHeld forgets what was held back, for good.
func (l *link) dropHeld() {
	h := l.heldEvents(false)
	if h == nil {
		return
	}
	h.mu.Lock()
	h.closed = true
	for len(h.list) > 0 {
		l.srv.counters.heldDropped.Add(1)
		h.drop()
	}
	h.mu.Unlock()
}
