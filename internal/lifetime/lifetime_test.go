package lifetime

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

var (
	errOver    = errors.New("over")
	background = context.Background()
)

func yes() bool { return true }

func TestContexts(t *testing.T) {
	var x Contexts[int]
	owner, first := x.Owner(background, errOver), x.Connection(of(1, yes), errOver)
	if x.Owner(background, errOver) != owner || x.Connection(of(1, yes), errOver) != first {
		t.Error("two calls gave two contexts")
	}
	x.EndConnection(2, errOver)
	if first.Err() != nil {
		t.Error("another connection's end counts")
	}
	x.EndConnection(1, errOver)
	if context.Cause(first) != errOver || owner.Err() != nil {
		t.Errorf("cause %v, owner %v", context.Cause(first), owner.Err())
	}
	second := x.Connection(of(2, yes), errOver)
	if second.Err() != nil {
		t.Error("the next connection's context has ended")
	}
	gone := x.Connection(of(3, func() bool { return false }), errOver)
	if gone.Err() == nil || second.Err() == nil {
		t.Error("a connection that is gone, or was replaced, has a context")
	}
	fourth := x.Connection(of(4, yes), errOver)
	x.End(errOver)
	if context.Cause(owner) != errOver || context.Cause(fourth) != errOver {
		t.Errorf("causes %v and %v", context.Cause(owner), context.Cause(fourth))
	}
}

func TestAfterTheEnd(t *testing.T) {
	var x Contexts[int]
	x.End(errOver)
	if x.Owner(background, errOver).Err() == nil || x.Connection(of(1, yes), errOver).Err() == nil {
		t.Error("contexts begin after the end")
	}
}

// However the end of a connection races with the question for its context, the context ends.
func TestNoContextOutlivesItsConnection(t *testing.T) {
	for range 2000 {
		var x Contexts[int]
		var open atomic.Bool
		open.Store(true)
		var all sync.WaitGroup
		var ctx context.Context
		all.Go(func() { ctx = x.Connection(of(1, open.Load), errOver) })
		all.Go(func() {
			open.Store(false)
			x.EndConnection(1, errOver)
		})
		all.Wait()
		if ctx.Err() == nil {
			t.Fatal("a context outlived its connection")
		}
	}
}

// of is connection c, which is open while open says so.
func of(c int, open func() bool) func() (int, context.Context, bool) {
	return func() (int, context.Context, bool) { return c, background, open() }
}
