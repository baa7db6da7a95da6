//go:build linux || darwin

package reactor

import (
	"sync"
	"sync/atomic"
	"syscall"

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
	bytes   int
	sending int // of bytes: the rest of the message that is being sent
	next    int // of bytes: the message behind it
	first   int // index of the oldest segment

	segments []segment
	total    *atomic.Int64 // the memory of all outboxes of the loop

	// Progress, on the loop's clock: when something last moved, and what the peer had acknowledged
	// when the kernel was last asked, at looked; 0 means not since moved.
	moved, looked int64
	acked         uint32
}

// segment is a run of queued bytes. It is a pooled copy, which may grow while it is the last
// segment, or a reference to a shared message.
type segment struct {
	rest   []byte // not yet sent
	buf    *pool.Buffer
	shared *pool.Shared
}

// release returns how many bytes of memory became free.
func (s *segment) release() (free int) {
	if s.buf != nil {
		free = len(s.rest)
		pool.Put(s.buf)
	} else {
		free = s.shared.Unqueue()
		s.shared.Release()
	}
	*s = segment{}
	return free
}

var outboxes = sync.Pool{New: func() any { return new(outbox) }}

func newOutbox(l *loop) *outbox {
	o := outboxes.Get().(*outbox)
	o.total, o.moved = &l.outboxBytes, l.time()
	return o
}

// appendCopy queues a copy of p, in the buffer of the last segment if there is room.
func (o *outbox) appendCopy(p []byte) {
	o.bytes += len(p)
	o.total.Add(int64(len(p)))
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
	o.add(segment{rest: b.B, buf: b})
}

// appendShared queues s without its first skip bytes and retains it.
func (o *outbox) appendShared(s *pool.Shared, skip int) {
	p := s.Bytes()[skip:]
	if len(p) <= copySharedMax {
		o.appendCopy(p)
		return
	}
	s.Retain()
	o.bytes += len(p)
	o.total.Add(int64(s.Queue()))
	o.add(segment{rest: p, shared: s})
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
	if o.sending -= n; o.sending <= 0 { // the next message is being sent
		o.sending, o.next = max(o.next+o.sending, 0), 0
	}
	free := 0
	for n > 0 {
		s := &o.segments[o.first]
		if n < len(s.rest) {
			s.rest = s.rest[n:]
			if s.buf != nil {
				free += n
			}
			break
		}
		n -= len(s.rest)
		free += s.release()
		o.first++
	}
	o.total.Add(-int64(free))
}

// admit notes that the last n bytes are one message. It decides which ones do not count, see
// Conn.hasRoom.
func (o *outbox) admit(n int) {
	switch waiting := o.bytes - n - o.sending - o.next; {
	case o.bytes == n:
		o.sending = n
	case o.next == 0 && waiting == 0:
		o.next = n
	}
}

// waiting returns the number of bytes that count against the limit: what is neither being sent nor
// the message behind that.
func (o *outbox) waiting() int { return o.bytes - o.sending - o.next }

// dropAll drops what has not left, gathered plaintext too. mu is held.
func (c *Conn) dropAll() {
	c.dropOutbox()
	if c.secure {
		if t, ok := c.handler.(*tlsConn); ok { // not before accept has returned
			t.forget()
		}
	}
}

// dropOutbox releases everything queued. mu is held.
func (c *Conn) dropOutbox() {
	o := c.out
	if o == nil {
		return
	}
	c.out = nil
	free := 0
	for i := o.first; i < len(o.segments); i++ {
		free += o.segments[i].release()
	}
	o.total.Add(-int64(free))
	*o = outbox{segments: o.segments[:0]}
	if cap(o.segments) <= 4*maxVectors {
		outboxes.Put(o)
	}
}

// checkAge closes c if nothing of its outbox has moved for MaxOutboxAge. It reports whether the
// outbox must be checked again. On the loop.
//
// The kernel may hold megabytes for a peer behind a thin link and take nothing new for a minute,
// although the peer acknowledges all the time. So the kernel is asked before an outbox counts as
// stuck, every eighth of MaxOutboxAge while the outbox itself does not move.
func (c *Conn) checkAge(now int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.out
	if o == nil {
		c.watched = false
		c.loop.r.budget.leave(c)
		return false
	}
	age := int64(c.loop.r.opts.MaxOutboxAge)
	if c.state != stateOpen || now-max(o.moved, o.looked) < age/8 {
		return true
	}
	acked, _ := c.delivered()
	switch {
	case o.looked == 0 || int32(acked-o.acked) > 0: // at the first look nobody knows
		o.moved = now
	case now-o.moved >= age:
		c.slow(ErrSlowConsumer)
	}
	o.looked, o.acked = now, acked
	return true
}
