package smartsocket

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/smartsocket/smartsocket/message"
)

// Handler receives one event of one socket. d borrows its bytes until the
// handler returns; ack answers the sender if it asked for an answer. Handlers
// of one socket run in the order in which its messages came, on a pooled
// goroutine, and may block; see Inline for the other kind.
type Handler func(s *Socket, d Data, ack Ack)

// HandlerOption changes how a Handler runs.
type HandlerOption func(*registration)

// Inline runs a handler on the connection's event loop, right where the message
// was parsed: the fastest way, and one that must not block, since every
// connection of that loop waits meanwhile. A handler that takes longer than
// Options.InlineBudget is logged and counted. An event runs inline only when
// all its handlers are registered so; inline events of a socket may overtake
// its earlier events that wait for a goroutine.
func Inline(r *registration) { r.inline = true }

// Registrar is whatever handlers can be registered on: *Server, *Namespace, *Socket.
type Registrar interface {
	On(event string, h Handler, opts ...HandlerOption)
}

// On registers a typed handler: the event's JSON is decoded into a T first. An
// event whose data does not decode never reaches h; its sender gets
// ERR_MSG_001. An event without data gives T's zero value. T may be []byte, for
// binary payloads, which are copied.
func On[T any](r Registrar, event string, h func(*Socket, T, Ack), opts ...HandlerOption) {
	r.On(event, func(s *Socket, d Data, ack Ack) {
		var v T
		if err := d.Decode(&v); err != nil {
			s.fail(event, ack, err)
			return
		}
		h(s, v, ack)
	}, opts...)
}

// Handle registers a request handler: what h returns is the ack, an error is an
// error ack (an *Error as it is, any other as ERR_APP_002 with its text).
func Handle[Req, Res any](r Registrar, event string, h func(*Socket, Req) (Res, error), opts ...HandlerOption) {
	On(r, event, func(s *Socket, req Req, ack Ack) {
		res, err := h(s, req)
		if err != nil {
			ack.Fail(err)
			return
		}
		ack.Reply(res)
	}, opts...)
}

// registration is one registered handler.
type registration struct {
	h      Handler
	inline bool
	once   bool
	fired  atomic.Bool
}

// entry is what an event name leads to. Entries are immutable.
type entry struct {
	event  string
	inline bool
	regs   []*registration
}

// table maps event names to entries. Reads take no lock; the map is copied on change.
type table struct {
	mu sync.Mutex
	m  atomic.Pointer[map[string]*entry]
}

// find returns the entry of an event, or nil. The name is borrowed and not copied.
func (t *table) find(event []byte) *entry {
	m := t.m.Load()
	if m == nil {
		return nil
	}
	return (*m)[string(event)]
}

func (t *table) add(event string, h Handler, once bool, opts []HandlerOption) {
	if h == nil {
		panic("smartsocket: a nil handler for the event " + event)
	}
	r := &registration{h: h, once: once}
	for _, o := range opts {
		o(r)
	}
	t.change(event, func(regs []*registration) []*registration { return append(regs, r) })
}

// remove drops every handler of an event.
func (t *table) remove(event string) {
	t.change(event, func([]*registration) []*registration { return nil })
}

func (t *table) drop(event string, r *registration) {
	t.change(event, func(regs []*registration) []*registration {
		return slices.DeleteFunc(regs, func(x *registration) bool { return x == r })
	})
}

func (t *table) change(event string, f func([]*registration) []*registration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := make(map[string]*entry)
	if old := t.m.Load(); old != nil {
		for k, v := range *old {
			m[k] = v
		}
	}
	var regs []*registration
	if e := m[event]; e != nil {
		regs = slices.Clone(e.regs)
	}
	if regs = f(regs); len(regs) == 0 {
		delete(m, event)
	} else {
		inline := !slices.ContainsFunc(regs, func(r *registration) bool { return !r.inline })
		m[event] = &entry{event: event, inline: inline, regs: regs}
	}
	t.m.Store(&m)
}

// handlers are those of one event: the namespace's, then the socket's own.
type handlers struct{ ns, own *entry }

func (h *handlers) none() bool { return h.ns == nil && h.own == nil }

// inline reports whether all of them are inline.
func (h *handlers) inline() bool {
	return (h.ns == nil || h.ns.inline) && (h.own == nil || h.own.inline)
}

// event is the event's name. There is at least one handler.
func (h *handlers) event() string {
	if h.ns != nil {
		return h.ns.event
	}
	return h.own.event
}

// handlersOf finds the handlers of an event. The name is borrowed.
func (s *Socket) handlersOf(event []byte) (h handlers) {
	h.ns = s.ns.handlers.find(event)
	if x := s.ext.Load(); x != nil {
		h.own = x.own.find(event)
	}
	return h
}

// run calls the handlers of e in order. A panic ends that handler alone.
func (t *table) run(e *entry, s *Socket, d Data, ack Ack) {
	for _, r := range e.regs {
		if r.once {
			if !r.fired.CompareAndSwap(false, true) {
				continue
			}
			t.drop(e.event, r)
		}
		s.call(r.h, e.event, d, ack)
	}
}

// call runs one handler and contains its panic.
func (s *Socket) call(h Handler, event string, d Data, ack Ack) {
	defer func() {
		if p := recover(); p != nil {
			s.handlerPanicked(event, ack, p)
		}
	}()
	h(s, d, ack)
}

// checkEvent panics on a name that no client could ever send, since such a
// registration is a mistake in the program.
func checkEvent(event string) {
	if len(event) == 0 || len(event) > message.MaxEventName {
		panic(fmt.Sprintf("smartsocket: event name %.40q: use 1 to %d bytes", event, message.MaxEventName))
	}
	if message.ReservedEvent([]byte(event)) {
		panic(fmt.Sprintf("smartsocket: event name %q is reserved: use another", event))
	}
}
