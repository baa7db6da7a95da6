package outgoing

import (
	"sync"
	"sync/atomic"
	"time"
)

// MaxHeld is how many events are held for one client at most. Beyond it the oldest is dropped.
const MaxHeld = 1024

// Line is a client's connection as Held sees it.
type Line interface {
	// Open reports whether the connection still takes events. It must be false
	// for good before Held.Close is called, because nothing is held after that.
	Open() bool
	// Behind reports whether the client has not yet taken what was sent to it.
	Behind() bool
	// Encode returns the event in the form that the client takes, borrowed until
	// the event's Release.
	Encode(e *Event) *Encoded
	// Send sends an event, which it borrows, and reports whether it was queued.
	Send(x *Encoded) bool
	// Now is the time by which deadlines are kept, from any fixed moment on.
	Now() time.Duration
}

// Counts are what became of events that may be lost. Methods of Held add to them.
type Counts struct {
	Sent     int // given to the line
	Volatile int // volatile ones that were dropped because the client was behind
	Replaced int // held ones whose place a newer state took
	Expired  int // held ones whose deadline passed
	Dropped  int // held ones that were too many, or whose client has gone
	// Bytes is how much more memory is held, or less. What several clients are held counts once,
	// and so does what outboxes have too.
	Bytes int
	// Events is how many more events are held, or fewer.
	Events int
}

// Counters add up Counts of many goroutines.
type Counters struct {
	Sent, Volatile, Replaced, Expired, Dropped atomic.Int64
	// Bytes is the memory that is held now, Events the number of events.
	Bytes, Events atomic.Int64
}

// Add adds n. It leaves a counter alone for which there is nothing, because all event loops share
// them.
func (c *Counters) Add(n *Counts) {
	add := func(c *atomic.Int64, n int) {
		if n != 0 {
			c.Add(int64(n))
		}
	}
	add(&c.Sent, n.Sent)
	add(&c.Volatile, n.Volatile)
	add(&c.Replaced, n.Replaced)
	add(&c.Expired, n.Expired)
	add(&c.Dropped, n.Dropped)
	add(&c.Bytes, n.Bytes)
	add(&c.Events, n.Events)
}

// Held is what waits for one client that is behind: events that may be lost, as they are before
// sealing, because bytes that are in the outbox cannot be taken back. The zero Held is ready, and
// small until something waits. Its methods are safe for concurrent use.
type Held struct {
	q atomic.Pointer[queue] // nil until the client was behind for the first time
}

// Send sends an event that may be lost to the client, or holds it back. It
// borrows e and reports whether the event was sent or is held. When the events
// held have more than maxBytes together, the oldest are dropped; one alone may be larger.
func (h *Held) Send(l Line, e *Event, maxBytes int, n *Counts) bool {
	behind := l.Behind()
	if e.Options.Volatile && behind {
		n.Volatile++
		return false
	}
	q := h.q.Load()
	if q == nil && behind {
		h.q.CompareAndSwap(nil, new(queue))
		q = h.q.Load()
	}
	if q == nil || e.Options.Volatile {
		return sent(l, l.Encode(e), n)
	}
	return q.send(l, e, maxBytes, n)
}

// Flush sends what is held until the client is behind again. Call it when the client has caught up.
func (h *Held) Flush(l Line, n *Counts) {
	if q := h.q.Load(); q != nil {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.flush(l, n)
	}
}

// Bytes returns how many bytes are held.
func (h *Held) Bytes() int {
	q := h.q.Load()
	if q == nil {
		return 0
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes
}

// Close drops what is held, because the client has gone. The line is not open any more.
func (h *Held) Close(n *Counts) {
	if q := h.q.Load(); q != nil {
		q.mu.Lock()
		defer q.mu.Unlock()
		for len(q.list) > 0 {
			n.Dropped++
			q.drop(n)
		}
	}
}

// sent sends an event past everything that is held.
func sent(l Line, x *Encoded, n *Counts) bool {
	if !l.Send(x) {
		return false
	}
	n.Sent++
	return true
}

// queue are the events that wait, oldest first.
type queue struct {
	mu    sync.Mutex // guards what follows
	list  []waiting
	first int // index of the oldest in list
	base  int // how many were taken off list's front since it was made
	byKey map[stateKey]int
	bytes int
}

// stateKey names a state. Its place in byKey counts from when list was made.
type stateKey struct{ event, room, key string }

// waiting is one event of a queue, with references of its own.
type waiting struct {
	Encoded
	state bool
	key   stateKey
	by    time.Duration // by Line.Now; 0 = no deadline
}

func (w *waiting) size() int { return len(w.Message.Bytes()) }

// retain makes w own the references that it was given, and counts the memory.
func (w *waiting) retain(n *Counts) {
	w.Encoded = w.Encoded.retained()
	n.Bytes += w.Message.Queue()
	if w.Frame != nil {
		n.Bytes += w.Frame.Queue()
	}
}

func (w *waiting) release(n *Counts) {
	n.Bytes -= w.Message.Unqueue()
	if w.Frame != nil {
		n.Bytes -= w.Frame.Unqueue()
	}
	w.Encoded.release()
	*w = waiting{}
}

// send is Held.Send for what is not volatile, once the client was ever behind.
func (q *queue) send(l Line, e *Event, maxBytes int, n *Counts) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.list) == 0 && !l.Behind() {
		return sent(l, l.Encode(e), n)
	}
	if !l.Open() { // under mu, so that Close finds what was held before
		return false
	}
	q.put(l, e, n)
	q.bound(maxBytes, n)
	if !l.Behind() {
		q.flush(l, n) // it caught up just before, and nobody else is going to
	}
	return true
}

// put appends an event, or puts it in the place of an older one with its key. mu is held.
func (q *queue) put(l Line, e *Event, n *Counts) {
	w := waiting{Encoded: *l.Encode(e), state: e.Options.State}
	w.retain(n)
	if e.Options.Within > 0 {
		w.by = l.Now() + e.Options.Within
	}
	q.bytes += w.size()
	if w.state {
		w.key = stateKey{e.Name, e.Room, e.Options.Key}
		if at, ok := q.byKey[w.key]; ok {
			old := &q.list[at-q.base]
			q.bytes -= old.size()
			old.release(n)
			*old = w
			n.Replaced++
			return
		}
		if q.byKey == nil {
			q.byKey = make(map[stateKey]int)
		}
		q.byKey[w.key] = q.base + len(q.list)
	}
	q.list = append(q.list, w)
	n.Events++
}

// bound drops the oldest events beyond the limits. mu is held.
func (q *queue) bound(maxBytes int, n *Counts) {
	for k := len(q.list) - q.first; k > 1 && (k > MaxHeld || q.bytes > maxBytes); k-- {
		n.Dropped++
		q.drop(n)
	}
	if q.first > MaxHeld { // the front of list is empty: move the rest there
		k := copy(q.list, q.list[q.first:])
		clear(q.list[k:])
		q.list, q.base, q.first = q.list[:k], q.base+q.first, 0
	}
}

// drop takes the oldest off. mu is held.
func (q *queue) drop(n *Counts) {
	w := &q.list[q.first]
	q.bytes -= w.size()
	if w.state {
		delete(q.byKey, w.key)
	}
	w.release(n)
	n.Events--
	if q.first++; q.first == len(q.list) {
		q.list, q.first, q.base, q.byKey = nil, 0, 0, nil
	}
}

// flush sends what is held until the client is behind again. mu is held.
func (q *queue) flush(l Line, n *Counts) {
	if len(q.list) == 0 {
		return
	}
	now := l.Now()
	for len(q.list) > 0 {
		w := &q.list[q.first]
		if w.by > 0 && now > w.by {
			n.Expired++
			q.drop(n)
			continue
		}
		if l.Behind() {
			return
		}
		sent(l, &w.Encoded, n)
		q.drop(n)
	}
}
