//go:build linux || darwin

package reactor

import (
	"sync"
	"syscall"
	"time"

	"github.com/smartsocket/smartsocket/pool"
)

const (
	maxVectors = 64 // number of segments that one write takes
	// A shared message of at most copySharedMax bytes is copied, because a segment and a reference
	// cost as much.
	copySharedMax = 256
	minQueueBytes = 4 << 10
)

// outbox is what the kernel has not taken yet. It exists only while there is something, and is
// guarded by mu of its connection.
type outbox struct {
	bytes    int
	first    int // index of the oldest segment
	segments []segment
}

// segment is a run of queued bytes. It is a pooled copy, which may grow while it is the last
// segment, or a reference to a shared message.
type segment struct {
	rest   []byte // not yet sent
	buf    *pool.Buffer
	shared *pool.Shared
	at     int64 // when its first byte was queued, on the Reactor's clock
}

func (s *segment) release() {
	if s.buf != nil {
		pool.Put(s.buf)
	} else {
		s.shared.Release()
	}
	*s = segment{}
}

var outboxes = sync.Pool{New: func() any { return new(outbox) }}

func newOutbox() *outbox { return outboxes.Get().(*outbox) }

// appendCopy queues a copy of p, in the buffer of the last segment if there is room.
func (o *outbox) appendCopy(p []byte, now int64) {
	o.bytes += len(p)
	if n := len(o.segments); n > o.first {
		if s := &o.segments[n-1]; s.buf != nil && cap(s.buf.B)-len(s.buf.B) >= len(p) {
			sent := len(s.buf.B) - len(s.rest)
			s.buf.B = append(s.buf.B, p...)
			s.rest = s.buf.B[sent:]
			return
		}
	}
	b := pool.Get(max(len(p), minQueueBytes))
	b.B = append(b.B, p...)
	o.add(segment{rest: b.B, buf: b, at: now})
}

// appendShared queues s without its first skip bytes and retains it.
func (o *outbox) appendShared(s *pool.Shared, skip int, now int64) {
	p := s.Bytes()[skip:]
	if len(p) <= copySharedMax {
		o.appendCopy(p, now)
		return
	}
	s.Retain()
	o.bytes += len(p)
	o.add(segment{rest: p, shared: s, at: now})
}

func (o *outbox) add(s segment) {
	if len(o.segments) == cap(o.segments) && o.first > len(o.segments)/2 {
		n := copy(o.segments, o.segments[o.first:])
		clear(o.segments[n:])
		o.segments, o.first = o.segments[:n], 0
	}
	o.segments = append(o.segments, s)
}

// vectors appends the oldest segments to v, up to its capacity.
func (o *outbox) vectors(v []syscall.Iovec) ([]syscall.Iovec, int) {
	bytes := 0
	for i := o.first; i < len(o.segments) && len(v) < cap(v); i++ {
		v = append(v, vector(o.segments[i].rest))
		bytes += len(o.segments[i].rest)
	}
	return v, bytes
}

// advance releases what n sent bytes cover.
func (o *outbox) advance(n int) {
	o.bytes -= n
	for n > 0 {
		s := &o.segments[o.first]
		if n < len(s.rest) {
			s.rest = s.rest[n:]
			return
		}
		n -= len(s.rest)
		s.release()
		o.first++
	}
}

// dropOutbox releases everything queued. mu is held.
func (c *Conn) dropOutbox() {
	o := c.out
	if o == nil {
		return
	}
	c.out = nil
	for i := o.first; i < len(o.segments); i++ {
		o.segments[i].release()
	}
	o.segments, o.first, o.bytes = o.segments[:0], 0, 0
	if cap(o.segments) <= 4*maxVectors {
		outboxes.Put(o)
	}
}

// checkAge closes c if its outbox is too old. It reports whether the outbox must be checked again.
// On the loop.
func (c *Conn) checkAge(now time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out == nil {
		c.watched = false
		return false
	}
	oldest := time.Duration(c.out.segments[c.out.first].at)
	if c.state == stateOpen && now-oldest > c.loop.r.opts.MaxOutboxAge {
		c.slow()
	}
	return true
}
