package smartsocket

import (
	"context"
	"fmt"
	"time"

	"github.com/smartsocket/smartsocket/internal/middleware"
	"github.com/smartsocket/smartsocket/internal/outgoing"
	"github.com/smartsocket/smartsocket/internal/registry"
)

// Handler receives one event of one socket. d borrows its bytes until the handler returns; ack
// answers the sender if it asked for that. Handlers of one socket run in the order of its messages,
// on a pooled goroutine, and may block. See Inline for the other kind.
type Handler func(s *Socket, d Data, ack Ack)

// HandlerOption changes how a Handler runs. Inline, Strict, MaxBytes, Timeout and Around are the
// options.
type HandlerOption func(*registration)

// Inline runs a handler on the connection's event loop, where the message was parsed. This is the
// fastest way, but the handler must not block, because every connection of that loop waits. One
// that exceeds Options.InlineBudget is logged and counted. An event runs inline only if all its
// handlers are Inline. It may overtake earlier events of its socket that wait for a goroutine.
func Inline(r *registration) { r.Inline = true }

// Strict refuses data with unknown fields: if a key of a JSON object is no field of the struct for
// it, Data.Decode in this handler, and so each typed form, fails with an ERR_MSG_001 that names the
// key. A type with an UnmarshalJSON decides for itself. Options.StrictDecoding does it for all.
func Strict(r *registration) { r.Strict = true }

// MaxBytes limits the payload that a handler takes, decoded or not. The sender of a larger one gets
// ERR_MSG_004, and no handler of the event runs. The smallest limit of an event's handlers holds.
func MaxBytes(n int) HandlerOption { return func(r *registration) { r.MaxBytes = n } }

// Timeout is how long a handler may take: its context ends then, see OnContext. A handler that does
// not look at its context goes on. 0 means no limit.
func Timeout(d time.Duration) HandlerOption {
	return func(r *registration) { r.Handler.timeout = d }
}

// Around surrounds one handler with interceptors, inside of the server's and the namespace's.
func Around(list ...Interceptor) HandlerOption {
	checkInterceptors(list)
	return func(r *registration) { r.Handler.inner = append(r.Handler.inner, list...) }
}

// Next runs the rest of a Call with this context: the interceptors inside, then the handler. It
// returns an error of theirs; that of a handler is what Handle or HandleContext was given. Call it
// before the interceptor returns, on its goroutine. Calling it again runs the rest again.
type Next func(ctx context.Context, call *Call) error

// Interceptor surrounds the handlers of events: it does something, calls next, and does something
// with what became of it. The server's are outermost, then come the namespace's, then those of
// Around, each in the order in which they were given. They run behind the middlewares and where the
// handler runs, once for each handler of an event. An event whose data does not decode does not get
// to them.
//
// An error that an interceptor returns reaches a sender that asked for an ack, like one of Handle.
// If it returns nil without having called next, and has not set Call.Result, the sender gets
// ERR_APP_001, and "error" is raised. A panic counts as one of the handler.
type Interceptor func(ctx context.Context, call *Call, next Next) error

// layers are the interceptors around a handler; outermost, the server's and the namespace's.
type (
	layers    = middleware.Layers[Interceptor]
	outermost = [2]*middleware.Snapshot[Interceptor]
)

// receiver is a handler as it is registered.
type receiver struct {
	plain   Handler
	begin   func(Data) (*Call, error) // makes a Call and decodes; nil for a handler of Data
	context bool                      // it takes a context
	timeout time.Duration             // 0 = none
	inner   []Interceptor             // of Around
}

// Registrar is whatever handlers can be registered on: *Server, *Namespace, *Socket.
type Registrar interface {
	On(event string, h Handler, opts ...HandlerOption)
}

// On registers a typed handler, for which the event's JSON is decoded into a T. An event whose data
// does not decode never reaches h; its sender gets the error of Data.Decode, and it is counted,
// logged and raised as "error". No data gives T's zero value. T may be []byte for binary payloads,
// which are copied. If T or *T has a method Validate() error, it is called before h, and its error
// is treated like one of Decode.
func On[T any](r Registrar, event string, h func(*Socket, T, Ack), opts ...HandlerOption) {
	typed(r, event, false, func(_ *Call, s *Socket, v *T, ack Ack) { h(s, *v, ack) }, opts)
}

// Handle registers a handler that returns its answer: a result for Ack.Reply, or an error for Fail.
// If the sender asked for no ack, nobody is told of either; an Interceptor sees them.
func Handle[Req, Res any](
	r Registrar, event string, h func(*Socket, Req) (Res, error), opts ...HandlerOption,
) {
	typed(r, event, false, func(c *Call, s *Socket, v *Req, ack Ack) {
		res, err := h(s, *v)
		c.returned(ack, res, err)
	}, opts)
}

// On registers a handler for an event, or for a lifecycle event: connected (or connect,
// connection), disconnected (or disconnect), error or rate-limit. For the end of a socket use
// OnEnded, because "ended" is an ordinary event. Several handlers of one event run in the order of
// registration. On panics on a reserved or impossible name, because no client could send it. On a
// Server, events are those of the namespace "/" and lifecycle events those of all namespaces.
//
// An event may have versions: move@2 is the second one of move. A client's move@3, if nobody has
// registered for it, goes to the handlers of the highest version below it, and last to those of
// move. Middlewares, limits, logs and errors have the name that the handlers were registered for.
func (r *registrations) On(event string, h Handler, opts ...HandlerOption) {
	t, name := tableOf(event, r.events, &r.life)
	addHandler(t, name, h, false, opts)
}

// Once is On for the first such event only.
func (r *registrations) Once(event string, h Handler, opts ...HandlerOption) {
	t, name := tableOf(event, r.events, &r.life)
	addHandler(t, name, h, true, opts)
}

// Off removes all handlers of an event.
func (r *registrations) Off(event string) { off(event, r.events, &r.life) }

// tableOf finds where the handlers of an event are registered, and under which name.
func tableOf(event string, events, life *table) (*table, string) {
	if name := registry.Lifecycle(event); name != "" {
		return life, name
	}
	checkEvent(event)
	return events, event
}

// off removes the handlers of an event from where they are.
func off(event string, events, life *table) {
	if name := registry.Lifecycle(event); name != "" {
		event, events = name, life
	}
	events.Remove(event)
}

// OnConnected registers a handler that runs for each connection of a socket, ahead of its events.
func (r *registrations) OnConnected(h func(*Socket), opts ...HandlerOption) {
	r.On(eventConnected, func(s *Socket, _ Data, _ Ack) { h(s) }, opts...)
}

// OnDisconnected registers a handler that runs whenever a connection of a socket has ended, after
// all events that came on it and while the socket's rooms are still visible. Events that wait
// when a connection is lost are dropped, unless its session goes on. With the message cache the
// client may come back. Then OnConnected runs again, otherwise OnEnded.
func (r *registrations) OnDisconnected(h func(*Socket, Reason), opts ...HandlerOption) {
	r.On(eventDisconnected, func(s *Socket, d Data, _ Ack) { h(s, d.Reason()) }, opts...)
}

// OnEnded registers a handler that runs once per socket, after all others, when its client cannot
// come back. Its rooms are still visible. Without the message cache it follows OnDisconnected.
func (r *registrations) OnEnded(h func(*Socket, Reason), opts ...HandlerOption) {
	f := func(s *Socket, d Data, _ Ack) { h(s, d.Reason()) }
	addHandler(&r.life, eventEnded, f, false, opts)
}

// OnError registers a handler for errors on a socket: a handler panicked, a middleware stopped an
// event, the data of an event did not decode, or an answer could not be encoded.
func (r *registrations) OnError(h func(*Socket, error), opts ...HandlerOption) {
	r.On(eventError, func(s *Socket, d Data, _ Ack) { h(s, d.Err()) }, opts...)
}

// Use adds a Middleware for the events of these sockets. The server's run before a namespace's.
func (r *registrations) Use(mw Middleware) {
	if mw == nil {
		panic("smartsocket: a nil middleware")
	}
	r.middlewares.Add(mw)
}

// Intercept adds interceptors around the handlers of these sockets' events.
func (r *registrations) Intercept(list ...Interceptor) {
	checkInterceptors(list)
	for _, i := range list {
		r.interceptors.Add(i)
	}
}

// checkInterceptors panics on a nil interceptor, which is a mistake of the program.
func checkInterceptors(list []Interceptor) {
	for _, i := range list {
		if i == nil {
			panic("smartsocket: a nil interceptor")
		}
	}
}

// addHandler registers h in t. A nil handler is a mistake of the program.
func addHandler(t *table, event string, h Handler, once bool, opts []HandlerOption) {
	if h == nil {
		panic("smartsocket: a nil handler for the event " + event)
	}
	r := registration{Handler: &receiver{plain: h}}
	for _, o := range opts {
		o(&r)
	}
	if once {
		t.Once(event, r)
		return
	}
	t.Add(event, r)
}

// handlersOf finds the handlers of an event, which may be those of an older version of it. The name
// is borrowed.
func (s *Socket) handlersOf(event []byte) (h handlers) {
	var own *table
	h.Many = s.ns.handlers.Find(event)
	if x := s.ext.Load(); x != nil {
		own = &x.own
		h.Own = own.Find(event)
	}
	if h.None() {
		h = registry.Fallback(event, &s.ns.handlers, own)
	}
	return h
}

// run calls the handlers of e, which may be nil, in order. A panic ends that handler alone.
func (s *Socket) run(e *entry, d Data, ack Ack, outer outermost) {
	for i := range e.Len() {
		if r, ok := e.Take(i); ok {
			if d.p != nil {
				d.p.Strict = r.Strict || s.srv.fixed.StrictDecoding
			}
			s.call(r.Handler, e.Event(), d, ack, outer)
		}
	}
}

// call runs one handler and contains its panic.
func (s *Socket) call(to *receiver, event string, d Data, ack Ack, outer outermost) {
	returned := false
	defer func() {
		if !returned {
			s.handlerPanicked(event, ack, recover())
		}
	}()
	if around := (layers{Outer: outer, Inner: to.inner}); to.context || around.Any() {
		within(s, to, event, d, ack, around)
	} else {
		to.plain(s, d, ack)
	}
	returned = true
}

// checkEvent panics on a name that no client could send, because that is a mistake in the program.
func checkEvent(event string) {
	if err := outgoing.CheckEvent(event); err != nil {
		panic(fmt.Sprintf("smartsocket: event name %q: %v", event, err))
	}
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

// Middleware sees an event before its handlers do. It lets the event pass by calling next(nil)
// before it returns. next(err), no call at all or a panic stops the event and raises "error". A
// sender that asked for an ack gets the error, as ERR_APP_001 unless it is an *Error. d is borrowed
// until the middleware returns. It may block, unless the event's handlers are Inline.
type Middleware func(s *Socket, event string, d Data, next func(error))
