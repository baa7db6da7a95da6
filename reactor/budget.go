//go:build linux || darwin

package reactor

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// budget bounds the memory of all outboxes of a Reactor, see Options.MaxTotalOutboxBytes. Each loop
// counts its own, because a counter that all loops share would be written too often.
type budget struct {
	r        *Reactor
	limit    int64 // 0 means no bound
	relieves atomic.Bool
	told     int64 // closed connections that the log knows of; relieve's
	logged   int64 // clock of the last log line; relieve's

	mu      sync.Mutex
	holders map[*Conn]struct{} // guarded by mu: the connections whose outboxes are watched
}

// budgetBurst is how long the log is silent after a line about the budget.
const budgetBurst = int64(10 * time.Second)

func (r *Reactor) outboxBytes() (n int64) {
	for _, l := range r.loops {
		n += l.outboxBytes.Load()
	}
	return n
}

// join notes that c has an outbox. c.mu is held.
func (b *budget) join(c *Conn) {
	if b.limit <= 0 {
		return
	}
	b.mu.Lock()
	if b.holders == nil {
		b.holders = make(map[*Conn]struct{})
	}
	b.holders[c] = struct{}{}
	b.mu.Unlock()
}

// leave is the opposite of join. c.mu is held.
func (b *budget) leave(c *Conn) {
	if b.limit <= 0 {
		return
	}
	b.mu.Lock()
	delete(b.holders, c)
	b.mu.Unlock()
}

// admits reports whether c may queue n more bytes. It refuses them only if the outboxes are over
// the budget already and c would hold more than its share. Usually relieve is quick enough. c.mu is
// held.
func (b *budget) admits(c *Conn, n int) bool {
	if b.limit <= 0 || b.r.outboxBytes()+int64(n) <= b.limit {
		return true
	}
	if c.out != nil {
		n += c.out.bytes
	}
	b.mu.Lock()
	holders := int64(len(b.holders))
	b.mu.Unlock()
	return int64(n) <= b.limit/max(holders, 1)
}

// check starts relieve if the outboxes are over the budget.
func (b *budget) check() {
	if grew := b.r.opts.Grew; grew != nil {
		grew()
	}
	if b.limit > 0 && b.r.outboxBytes() > b.limit {
		b.start()
	}
}

// start runs relieve, unless it runs already.
func (b *budget) start() {
	if b.relieves.CompareAndSwap(false, true) {
		go b.relieve()
	}
}

// relieve closes the connections that hold most until the rest is within the budget, and logs one
// line per burst. It runs on a goroutine of its own, because it locks one connection after the
// other and its caller holds one.
func (b *budget) relieve() {
	for b.r.outboxBytes() > b.limit && b.closeWorst() {
	}
	now := int64(b.r.clock())
	if n := b.r.overBudget.Load(); n > b.told && (b.told == 0 || now-b.logged >= budgetBurst) {
		b.r.opts.Logger.Warn("reactor: what waits for slow peers exceeded MaxTotalOutboxBytes; "+
			"the connections that held most were closed", "limit", b.limit, "closed", n-b.told)
		b.told, b.logged = n, now
	}
	b.relieves.Store(false)
}

// closeWorst closes connections, the worst first, until the rest is within the budget. It returns
// false if none holds anything.
func (b *budget) closeWorst() bool {
	type holder struct {
		c     *Conn
		bytes int
	}
	b.mu.Lock()
	holders := make([]holder, 0, len(b.holders))
	for c := range b.holders {
		holders = append(holders, holder{c: c})
	}
	b.mu.Unlock()
	for i := range holders {
		holders[i].bytes = holders[i].c.Holds()
	}
	slices.SortFunc(holders, func(x, y holder) int { return y.bytes - x.bytes })
	found := false
	for _, h := range holders {
		if h.bytes == 0 || b.r.outboxBytes() <= b.limit {
			break
		}
		found = true
		h.c.mu.Lock()
		h.c.slow(ErrOutboxBudget)
		h.c.mu.Unlock()
	}
	return found
}

// Holds returns how much memory would be free without c's outbox. Shared bytes are divided among
// those who hold them.
func (c *Conn) Holds() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out == nil || c.state >= stateDoomed {
		return 0
	}
	n := 0
	for i := c.out.first; i < len(c.out.segments); i++ {
		if s := &c.out.segments[i]; s.buf != nil {
			n += len(s.rest)
		} else {
			n += s.shared.QueuedShare()
		}
	}
	return n
}
