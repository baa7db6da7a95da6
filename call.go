package smartsocket

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/smartsocket/smartsocket/internal/fault"
	"github.com/smartsocket/smartsocket/internal/lifetime"
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
	to      receiver
	outer   interceptors
	ctx     context.Context // for the handler
	err     error           // of the handler
	began   time.Duration   // since the server's start
	at      uint16          // which interceptor is next
	reached bool            // the handler has run
	answers bool            // its result is the answer
	over    atomic.Bool     // next does nothing any more
	task    lifetime.Task
}

// callOf is a Call with the data of its handler, so that both are one allocation.
type callOf[T any] struct {
	Call
	v T
}

// ValueOf returns the decoded data of a call if its handler takes a T, and nil otherwise.
func ValueOf[T any](c *Call) *T {
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
		if res, err := h(c.context(s), s, *v); err != nil {
			c.fail(ack, err)
		} else {
			c.reply(ack, res)
		}
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
		if c != nil {
			if v := ValueOf[T](c); v != nil {
				run(c, s, v, ack)
				return
			}
		}
		v := new(T)
		if err := decode(d, v); err != nil {
			s.undecodable(event, ack, err)
			return
		}
		run(c, s, v, ack)
	}
	r.On(event, h, append(opts[:len(opts):len(opts)], func(r *registration) {
		f := formOf(r)
		f.begin, f.context = begin, context
	})...)
}

// calling is the Call for which a handler is given d, nil if there is none. It travels in d, so
// that it also reaches handlers that a Registrar of the application has wrapped.
func calling(d Data) *Call {
	if d.p == nil {
		return nil
	}
	c, _ := d.p.info.(*Call)
	return c
}

// context is what a handler is given. c may be nil.
func (c *Call) context(s *Socket) context.Context {
	if c == nil {
		return s.LinkContext()
	}
	return c.ctx
}

// fail and reply note what a handler has returned. If c is nil they answer at once.
func (c *Call) fail(ack Ack, err error) {
	if c == nil {
		ack.Fail(err)
		return
	}
	c.Result, c.err, c.answers = nil, err, true
}

func (c *Call) reply(ack Ack, res any) {
	if c == nil {
		ack.Reply(res)
		return
	}
	c.Result, c.answers = res, true
}

// within runs a handler as a Call, and answers.
func (s *Socket) within(to receiver, event string, d Data, ack Ack, outer *interceptors) {
	var c *Call
	if f := to.form; f == nil || f.begin == nil {
		c = new(Call)
	} else {
		var err error
		if c, err = f.begin(d); err != nil {
			s.undecodable(event, ack, err)
			return
		}
	}
	c.Socket, c.Event, c.Size, c.Data = s, event, len(d.Bytes()), d
	c.ack, c.to, c.outer = ack, to, *outer
	if outer.any(to.form) {
		c.began = s.srv.sinceStart()
	}
	limit := time.Duration(0)
	if to.form != nil {
		limit = to.form.timeout
	}
	c.task.Begin(s.present(), limit)
	defer c.end()
	switch err := proceed(&c.task, c); {
	case err != nil:
		ack.Fail(c.why(err))
	case c.answers || !c.reached && c.Result != nil:
		ack.Reply(c.Result)
	case !c.reached:
		s.reject(event, ack, errHeldBack)
	}
}

// proceed is the Next of all interceptors.
func proceed(ctx context.Context, c *Call) error {
	if c.over.Load() {
		return errLateNext
	}
	at := c.at
	c.at++
	defer func() { c.at = at }() // so that next may be called again
	i := int(at)
	for _, list := range c.outer {
		if i < list.Len() {
			return list.At(i)(ctx, c, proceed)
		}
		i -= list.Len()
	}
	if f := c.to.form; f != nil && i < len(f.inner) {
		return f.inner[i](ctx, c, proceed)
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
	was := p.info
	p.info = c
	defer func() { p.info = was }()
	c.to.plain(c.Socket, c.Data, c.ack)
	return c.err
}

// end ends the context, also when the handler has panicked.
func (c *Call) end() {
	c.over.Store(true)
	c.task.End()
}

// why is err, or what the sender is told if err is only that the context has ended.
func (c *Call) why(err error) error {
	var own *Error
	ended := c.task.Err()
	switch {
	case ended == nil || !errors.Is(err, ended) || errors.As(err, &own):
		return err
	case ended == context.DeadlineExceeded:
		return &Error{Code: message.CodeAckTimeout, Cause: err,
			Message: "the handler was not done within its Timeout"}
	}
	return &Error{Code: message.CodeConnectionLost, Cause: err,
		Message: "the connection was lost while the handler ran: ask what became of it"}
}

var (
	errHeldBack = message.New(message.CodeRejected, "an interceptor did not let this event pass")
	errLateNext = message.New(message.CodeRejected,
		"next was called when its interceptor had returned: call it before")
)

// present is the Source of the contexts of events: a Socket's connection, or its session while the
// client is away.
func (s *Socket) present() lifetime.Source {
	if _, _, open := s.linkNow(); open {
		return (*onLink)(s)
	}
	return (*onSession)(s)
}

// These are a Socket, the same memory, as a lifetime.Source.
type (
	onLink    Socket
	onSession Socket
)

func (o *onLink) Context() context.Context             { return (*Socket)(o).LinkContext() }
func (o *onLink) Clock() (*testclock.Clock, time.Time) { return o.srv.clock, o.srv.started }
func (o *onLink) Ended() bool {
	_, _, open := (*Socket)(o).linkNow()
	return !open
}

func (o *onSession) Context() context.Context             { return (*Socket)(o).Context() }
func (o *onSession) Clock() (*testclock.Clock, time.Time) { return o.srv.clock, o.srv.started }
func (o *onSession) Ended() bool                          { return o.settled.Load() }
