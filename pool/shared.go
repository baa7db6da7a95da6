package pool

import (
	"sync"
	"sync/atomic"
)

// Shared is an immutable, reference-counted byte string: encoded once, handed to
// many connections, returned to its pool when the last of them has sent it.
// Retain and Release may be called concurrently; the bytes may be read
// concurrently and must not be changed once the value is shared.
//
// Misuse panics as long as the value has not been handed out again by
// NewShared; built with the tag poison values are never handed out again, so
// there it always panics.
type Shared struct {
	b    []byte
	refs atomic.Int32
	next *Buffer
}

// released is the count of a value without owner: so far below zero that no
// number of further Retains or Releases makes it look alive.
const released = -1 << 30

var sharedPool = sync.Pool{New: func() any { return new(Shared) }}

// NewShared takes ownership of b, a Buffer that the caller got from Get, and
// wraps its contents. The caller owns one reference and must call Release.
func NewShared(b *Buffer) *Shared {
	s := sharedPool.Get().(*Shared)
	s.b, s.next = b.B, b
	s.refs.Store(1)
	return s
}

// Bytes returns the contents, borrowed until the caller's reference is released.
func (s *Shared) Bytes() []byte { return s.b }

// Retain adds one reference. Only who owns a reference may call it. It panics
// if the value was already released, since the bytes may by then belong to
// somebody else.
func (s *Shared) Retain() {
	if s.refs.Add(1) <= 1 {
		panic("pool: Retain of a released Shared")
	}
}

// Release drops one reference; the last one returns the bytes to their pool.
// It panics on a release too many.
func (s *Shared) Release() {
	switch n := s.refs.Add(-1); {
	case n > 0:
	case n == 0:
		s.refs.Store(released)
		b := s.next
		s.b, s.next = nil, nil
		Put(b)
		if !Poisoned && !off.Load() {
			sharedPool.Put(s)
		}
	default:
		panic("pool: Release of a released Shared")
	}
}
