package smartsocket

import (
	"context"
	"time"

	"github.com/smartsocket/smartsocket/internal/fault"
	"github.com/smartsocket/smartsocket/internal/lifetime"
	"github.com/smartsocket/smartsocket/internal/middleware"
	"github.com/smartsocket/smartsocket/internal/testclock"
	"github.com/smartsocket/smartsocket/message"
)

// Call is one event on its way to one handler, as an Interceptor sees it. It belongs to the
// handler's goroutine, and is not to be copied.
type Call struct {
	Socket *Socket
	Event  string
	Size   int  // of the payload in bytes, decompressed
	Data   Data // the payload as it came, borrowed until the handler has returned

	// Value points to the decoded data, a *T of the handler, see ValueOf. It is nil for a handler
	// that takes Data.
	Value any

	// Result is what a handler of Handle or HandleContext returned, nil before. It is the answer,
	// so an interceptor may change it, or set it instead of calling next.
	Result any

	ack     Ack
	handler Handler
	around  layers
	at      middleware.Position // in around
	reached bool                // the handler has run
	answers bool                // its result is the answer
	ctx     context.Context     // for the handler
	err     error               // of the handler
	began   time.Duration       // since the server's start
	task    lifetime.Task
}

// callOf is a Call with the data of its handler, so that both are one allocation.
type callOf[T any] struct {
	Call
	v T
}

// ValueOf returns the decoded data of a call if its handler takes a T, and nil otherwise.
func ValueOf[T any](c *Call) *T {
	if c == nil {
		return nil
	}
	v, _ := c.Value.(*T)
	return v
}

// Requested reports whether the sender waits for an answer.
func (c *Call) Requested() bool { return c.ack.Requested() }

// Duration is how long the call has taken so far: interceptors and handler, without the time in
// which the event waited for them.
func (c *Call) Duration() time.Duration { return c.Socket.srv.sinceStart() - c.began }

// OnContext is On for a handler that takes a context. It ends when the handler returns, when its
// Timeout is over, and at once when the client's connection is lost or the server closes it. When
// the client is away already as the handler begins (Options.EnableMessageCache), it ends with the
// session. It has the values of the request that came through Server.ServeHTTP. On a loop that an
// Inline handler holds nothing is noticed, except its Timeout.
func OnContext[T any](
	r Registrar, event string, h func(context.Context, *Socket, T, Ack), opts ...HandlerOption,
) {
	typed(r, event, true, func(c *Call, s *Socket, v *T, ack Ack) {
		h(c.context(s), s, *v, ack)
	}, opts)
}

// HandleContext is Handle for a handler that takes a context, see OnContext. If the handler returns
// the error of its context, the sender gets ERR_ACK_001 when the Timeout is over, and ERR_CONN_006
// when the client was gone.
func HandleContext[Req, Res any](
	r Registrar, event string, h func(context.Context, *Socket, Req) (Res, error),
	opts ...HandlerOption,
) {
	typed(r, event, true, func(c *Call, s *Socket, v *Req, ack Ack) {
		res, err := h(c.context(s), s, *v)
		c.returned(ack, res, err)
	}, opts)
}

// typed registers a handler whose data is decoded. run gets the Call that it is part of, nil if
// there is none.
func typed[T any](
	r Registrar, event string, context bool, run func(*Call, *Socket, *T, Ack),
	opts []HandlerOption,
) {
	valid := fault.Validation[T]()
	decode := func(d Data, v *T) error {
		if err := d.Decode(v); err != nil || valid == nil {
			return err
		}
		return valid(v)
	}
	begin := func(d Data) (*Call, error) {
		c := new(callOf[T])
		c.Value = &c.v
		return &c.Call, decode(d, &c.v)
	}
	h := func(s *Socket, d Data, ack Ack) {
		c := calling(d)
		v := ValueOf[T](c)
		if v == nil {
			v = new(T)
			if err := decode(d, v); err != nil {
				s.undecodable(event, ack, err)
				return
			}
		}
		run(c, s, v, ack)
	}
	r.On(event, h, append(opts[:len(opts):len(opts)], func(r *registration) {
		r.Handler.begin, r.Handler.context = begin, context
	})...)
}

// calling is the Call for which a handler is given d, nil if there is none. It travels in d, so
// that it also reaches handlers that a Registrar of the application has wrapped. A Clone has none,
// because it may come to a handler when the Call is over.
func calling(d Data) *Call {
	if d.p == nil {
		return nil
	}
	c, _ := d.p.call.(*Call)
	return c
}

// context is what a handler is given. c may be nil.
func (c *Call) context(s *Socket) context.Context {
	if c == nil {
		return s.LinkContext()
	}
	return c.ctx
}

// returned notes what a handler has returned, which is the answer. If c is nil it answers at once.
func (c *Call) returned(ack Ack, res any, err error) {
	switch {
	case c != nil && err != nil:
		c.Result, c.err, c.answers = nil, err, true
	case c != nil:
		c.Result, c.answers = res, true
	case err != nil:
		ack.Fail(err)
	default:
		ack.Reply(res)
	}
}

// within runs a handler as a Call, and answers.
func within(s *Socket, to *receiver, event string, d Data, ack Ack, around layers) {
	var c *Call
	if to.begin == nil {
		c = new(Call)
	} else {
		var err error
		if c, err = to.begin(d); err != nil {
			s.undecodable(event, ack, err)
			return
		}
	}
	c.Socket, c.Event, c.Size, c.Data = s, event, len(d.Bytes()), d
	c.ack, c.handler, c.around = ack, to.plain, around
	if around.Any() {
		c.began = s.srv.sinceStart()
	}
	var source lifetime.Source = (*onSession)(s) // while the client is away
	if _, _, open := linkNow(s); open {
		source = (*onLink)(s)
	}
	c.task.Begin(source, to.timeout)
	defer c.end()
	switch err := proceed(&c.task, c); {
	case err != nil:
		ack.Fail(fault.Ended(err, c.task.Err()))
	case c.answers || !c.reached && c.Result != nil:
		ack.Reply(c.Result)
	case !c.reached:
		s.reject(event, ack, errHeldBack)
	}
}

// end ends the context, also when the handler has panicked.
func (c *Call) end() {
	c.at.Over()
	c.task.End()
}

// proceed is the Next of all interceptors.
func proceed(ctx context.Context, c *Call) error {
	i, ok := c.at.In()
	if !ok {
		return errLateNext
	}
	defer c.at.Out()
	if f, ok := c.around.At(i); ok {
		return f(ctx, c, proceed)
	}
	return c.run(ctx)
}

// run runs the handler.
func (c *Call) run(ctx context.Context) error {
	c.reached, c.ctx, c.err = true, ctx, nil
	if c.Data.p == nil {
		c.Data.p = new(body)
	}
	p := c.Data.p
	was := p.call
	p.call = c
	defer func() { p.call = was }()
	c.handler(c.Socket, c.Data, c.ack)
	return c.err
}

var (
	errHeldBack = message.New(message.CodeRejected, "an interceptor did not let this event pass")
	errLateNext = message.New(message.CodeRejected,
		"next was called when its interceptor had returned: call it before")
)

// These are a Socket, the same memory, as a lifetime.Source.
type (
	onLink    Socket
	onSession Socket
)

func (o *onLink) Context() context.Context             { return (*Socket)(o).LinkContext() }
func (o *onLink) Clock() (*testclock.Clock, time.Time) { return o.srv.clock, o.srv.started }
func (o *onLink) Ended() bool {
	_, _, open := linkNow((*Socket)(o))
	return !open
}

func (o *onSession) Context() context.Context             { return (*Socket)(o).Context() }
func (o *onSession) Clock() (*testclock.Clock, time.Time) { return o.srv.clock, o.srv.started }
func (o *onSession) Ended() bool                          { return o.settled.Load() }
