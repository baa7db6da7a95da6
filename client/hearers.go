package client

import (
	"slices"
	"sync/atomic"

	"github.com/smartsocket/smartsocket/room/state"
)

// hearers are the listeners of a Mirror. Only the handlers' goroutine uses them.
type hearers[T any] struct {
	some  bool // there is a value
	parts []*hearer[func(value *T, changes state.Changes)]
	whole []*hearer[func(value *T, changes state.Changes)]
	syncs []*hearer[func(synced bool)]
	fails []*hearer[func(err error)]
}

// hearer is one listener.
type hearer[F any] struct {
	f   F
	off atomic.Bool
}

// hear adds f to a list as a job of the client's, behind what is queued, and then calls first. It
// returns the function that removes f.
func hear[F any](c *Client, list *[]*hearer[F], f F, first func()) (off func()) {
	h := &hearer[F]{f: f}
	c.post(job{run: func() {
		*list = append(slices.DeleteFunc(slices.Clone(*list), gone[F]), h)
		if first != nil && !h.off.Load() {
			first()
		}
	}})
	return func() { h.off.Store(true) }
}

func gone[F any](h *hearer[F]) bool { return h.off.Load() }

// OnChange registers f, which runs once after each message, behind the functions of Listen and
// Entries. The changes are borrowed until f returns. It returns the function that ends this.
func (s *Mirror[T]) OnChange(f func(value *T, changes state.Changes)) (off func()) {
	return hear(s.c, &s.hearers.whole, f, nil)
}

// OnSync registers f, which runs when Status.Synced has changed, and returns the function that ends
// this.
func (s *Mirror[T]) OnSync(f func(synced bool)) (off func()) {
	return hear(s.c, &s.hearers.syncs, f, nil)
}

// OnError registers f, which is told of messages that make no sense, and of a value whose checksum
// is not the server's; a snapshot is asked for already. Without it the client's own "error"
// handlers are told. It returns the function that ends this.
func (s *Mirror[T]) OnError(f func(err error)) (off func()) {
	return hear(s.c, &s.hearers.fails, f, nil)
}

// Listen calls f with what field returns as soon as there is a value, and after each message that
// changed it:
//
//	client.Listen(arena, func(a *Arena) string { return a.Phase }, func(now, before string) { … })
//
// At first before is zero. It returns the function that ends this.
func Listen[T any, V comparable](
	s *Mirror[T], field func(value *T) V, f func(now, before V),
) (off func()) {
	var last V
	some := false
	look := func(value *T, _ state.Changes) {
		now := field(value)
		if before := last; !some || now != before {
			last, some = now, true
			f(now, before)
		}
	}
	return hear(s.c, &s.hearers.parts, look, func() {
		if s.hearers.some {
			look(s.value, state.Changes{})
		}
	})
}

// changed tells what a message has changed. whole says whether the value is one of the server's.
func (h *hearers[T]) changed(value *T, changes state.Changes, whole bool) {
	if !h.some && !whole {
		return
	}
	h.some = true
	if whole || len(changes.List) > 0 {
		tell(h.parts, func(f func(*T, state.Changes)) { f(value, changes) })
	}
	if whole {
		tell(h.whole, func(f func(*T, state.Changes)) { f(value, changes) })
	}
}

func (h *hearers[T]) synced(is bool) {
	tell(h.syncs, func(f func(bool)) { f(is) })
}

func (h *hearers[T]) failed(c *Client, e *Error) {
	if !slices.ContainsFunc(h.fails, func(h *hearer[func(error)]) bool { return !gone(h) }) {
		c.raise(e)
		return
	}
	tell(h.fails, func(f func(error)) { f(e) })
}

func tell[F any](list []*hearer[F], call func(f F)) {
	for _, h := range list {
		if !h.off.Load() {
			call(h.f)
		}
	}
}
