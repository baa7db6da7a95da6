package pool

import (
	"sync"
	"sync/atomic"
)

// Shared is an immutable, reference-counted byte string. It is encoded once, handed to many
// connections, and returned to its pool when the last of them has sent it. Retain and Release may
// be called concurrently. The bytes may be read concurrently, and must not be changed once the
// value is shared.
//
// Misuse panics as long as NewShared has not handed out the value again. In a build with the tag
// poison values are never handed out again, so misuse always panics there.
type Shared struct {
	b    []byte
	refs atomic.Int32
	// queued is the number of outboxes and the like that hold the bytes.
	queued atomic.Int32
	kept   atomic.Int32 // see Keep
	next   *Buffer
}

// released is the count of a value that nobody owns. It is so far below zero that no number of
// further Retains or Releases makes the value look alive.
const released = -1 << 30

var sharedPool = sync.Pool{New: func() any { return new(Shared) }}

// NewShared wraps the contents of b, a Buffer that the caller got from Get, and takes b. The caller
// owns one reference and must call Release.
func NewShared(b *Buffer) *Shared {
	s := sharedPool.Get().(*Shared)
	s.b, s.next = b.B, b
	s.refs.Store(1)
	return s
}

// Bytes returns the contents, borrowed until the caller's reference is released.
func (s *Shared) Bytes() []byte { return s.b }

// Retain adds one reference. Only the owner of a reference may call it. It panics if the value was
// already released, because the bytes may belong to someone else by then.
func (s *Shared) Retain() {
	if s.refs.Add(1) <= 1 {
		panic("pool: Retain of a released Shared")
	}
}

// Release drops one reference. The last Release returns the bytes to their pool. One Release too
// many panics.
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

// Queue notes that one more outbox holds the bytes. It returns how many bytes of memory that adds
// to all outboxes: all of them for the first one, otherwise 0. The caller owns a reference.
func (s *Shared) Queue() int {
	if s.queued.Add(1) == 1 {
		return len(s.b)
	}
	return 0
}

// Unqueue is the opposite of Queue. It returns how many bytes of memory all outboxes hold less.
// Call it before Release.
func (s *Shared) Unqueue() int {
	if s.queued.Add(-1) == 0 {
		return len(s.b)
	}
	return 0
}

// Keep notes that one more owner keeps the bytes for later. It returns how many bytes of memory
// that adds to all who keep some: all of them for the first one, otherwise 0. The caller owns a
// reference.
func (s *Shared) Keep() int {
	if s.kept.Add(1) == 1 {
		return len(s.b)
	}
	return 0
}

// Unkeep is the opposite of Keep. It returns how many bytes of memory all who keep some keep less.
// Call it before Release.
func (s *Shared) Unkeep() int {
	if s.kept.Add(-1) == 0 {
		return len(s.b)
	}
	return 0
}

// QueuedShare returns one outbox's share of the bytes, at least 1.
func (s *Shared) QueuedShare() int { return max(len(s.b)/int(max(s.queued.Load(), 1)), 1) }
