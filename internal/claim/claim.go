// Package claim hands out claims: rights that any number of copies stand for and that one of them
// uses once. A claim is a small value. What it leads to lies in a slot that is reused as soon as
// the claim was taken.
//
//	Pool.New(v) ── Claim ──┬── Take: v, true
//	                       └── Take of a copy, or again: false, also when the slot has a new claim
//
// There are no locks. A slot counts its claims, and who moves the count on owns what is in it.
package claim

import (
	"sync"
	"sync/atomic"
)

// Pool has the slots of claims to values of type T. The zero value is ready. Safe for concurrent
// use.
type Pool[T any] struct {
	free sync.Pool
}

// Claim is a right to one value. The zero Claim is none. Safe for concurrent use.
type Claim[T any] struct {
	slot *slot[T]
	gen  uint32
}

type slot[T any] struct {
	gen atomic.Uint32 // of the claim that may be taken
	v   T             // read only by who has moved gen on
}

// New makes a claim to v. It does not allocate once claims have been taken.
func (p *Pool[T]) New(v T) Claim[T] {
	s, ok := p.free.Get().(*slot[T])
	if !ok {
		s = new(slot[T])
	}
	s.v = v
	return Claim[T]{s, s.gen.Load()}
}

// Any reports whether c is a claim at all, taken or not.
func (c Claim[T]) Any() bool { return c.slot != nil }

// Take uses the claim, which Pool p made, and returns what it is to. It reports false when it was
// taken before.
func (p *Pool[T]) Take(c Claim[T]) (v T, ok bool) {
	s := c.slot
	if s == nil || !s.gen.CompareAndSwap(c.gen, c.gen+1) {
		return v, false
	}
	// s is ours from here until Put.
	var none T
	v, s.v = s.v, none
	p.free.Put(s)
	return v, true
}
