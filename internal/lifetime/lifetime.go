// Package lifetime makes the contexts of something that outlives its connections (Contexts): one
// that ends with it, and one that ends with the connection that it has at the moment. They are made
// when somebody asks for them. A Task is the context of one piece of work for them.
//
// Contexts.mu and Task.mu guard what their types have. While one is held, contexts are canceled;
// what the application registered with them runs on goroutines of its own. Under Task.mu its Source
// is asked, which takes Contexts.mu.
//
// Read lifetime.go, then task.go.
package lifetime

import (
	"context"
	"sync"
)

// Contexts are the two contexts of one owner, whose connections are of type C. The zero value is
// ready for use. Its methods may be called concurrently.
type Contexts[C comparable] struct {
	mu         sync.Mutex
	ended      bool
	owner      span
	connection span
	of         C // whose span connection is
}

type span struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
}

func (s *span) begin(parent context.Context) context.Context {
	if s.ctx == nil {
		s.ctx, s.cancel = context.WithCancelCause(parent)
	}
	return s.ctx
}

func (s *span) end(cause error) {
	if s.cancel != nil {
		s.cancel(cause)
	}
}

// Owner returns the context that ends with End, whose cause is End's. After End, over is the cause.
// Its values are those of the context that the first call was given.
func (x *Contexts[C]) Owner(values context.Context, over error) context.Context {
	x.mu.Lock()
	defer x.mu.Unlock()
	ctx := x.owner.begin(values)
	if x.ended {
		x.owner.end(over)
	}
	return ctx
}

// Connection returns the context of the connection that current returns, with these values. It ends
// with EndConnection, with End, and when the context of another connection is asked for. If it is
// not open, the context has ended already, with over as its cause. current is called under the
// lock, so that nobody who asks late ends the context of a newer connection.
func (x *Contexts[C]) Connection(
	current func() (c C, values context.Context, open bool), over error,
) context.Context {
	x.mu.Lock()
	defer x.mu.Unlock()
	c, values, open := current()
	if x.of != c {
		x.connection.end(over)
		x.connection, x.of = span{}, c
	}
	ctx := x.connection.begin(values)
	if x.ended || !open { // if it closes only now, EndConnection follows
		x.connection.end(over)
	}
	return ctx
}

// EndConnection ends the context of c, which is not open any more.
func (x *Contexts[C]) EndConnection(c C, cause error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.of == c {
		x.connection.end(cause)
	}
}

// End ends both contexts for good.
func (x *Contexts[C]) End(cause error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.ended = true
	x.owner.end(cause)
	x.connection.end(cause)
}
