package cluster

import (
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/smartsocket/smartsocket"
)

const (
	// maxQueued limits the bytes that wait for the writer because the NATS connection is slow.
	maxQueued = 16 << 20
	// keptQueue is how many bytes of the queue's memory are kept when it is empty.
	keptQueue = 1 << 20
)

// outbox is what the emitting goroutines leave for the writer: envelopes in the order of their
// numbers.
type outbox struct {
	mu         sync.Mutex
	namespaces map[string]*outNamespace
	queue      batch
	closed     bool
	wake       chan struct{} // holds one token when the queue may have become non-empty
}

type outNamespace struct {
	seq   uint64
	shard int
}

// batch is a run of envelopes in one buffer.
type batch struct {
	data  []byte
	items []queued
}

type queued struct {
	end   int // of the envelope in data; it begins where the previous one ends
	shard int
	at    time.Duration
}

func (b *batch) reset() {
	if cap(b.data) > keptQueue {
		*b = batch{}
	}
	b.data, b.items = b.data[:0], b.items[:0]
}

func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
}

// Publish queues a broadcast for all other nodes. It never waits. It copies what it needs of e. A
// broadcast that cannot be queued gets a number all the same, so that the receivers will know that
// they missed it.
func (c *Cluster) Publish(e smartsocket.Envelope) {
	now := c.now()
	o := &c.out
	o.mu.Lock()
	ns := o.namespaces[e.Namespace]
	if ns == nil {
		ns = &outNamespace{shard: c.subject.shardOf(e.Namespace)}
		o.namespaces[e.Namespace] = ns
	}
	ns.seq++
	if o.closed || !c.up(now) || len(o.queue.data)+len(e.Payload) > maxQueued ||
		c.tooLarge(len(e.Payload)) {
		closed := o.closed
		o.mu.Unlock()
		if closed {
			c.lose(1, "this server has left the cluster")
		} else {
			c.lose(1, c.whyLost(len(e.Payload), now))
		}
		return
	}
	e.Node, e.Epoch, e.Seq, e.Sent = c.node, c.epoch, ns.seq, now
	o.queue.data = e.Append(o.queue.data)
	o.queue.items = append(o.queue.items, queued{len(o.queue.data), ns.shard, now})
	first := len(o.queue.items) == 1
	o.mu.Unlock()
	if first {
		select {
		case o.wake <- struct{}{}:
		default:
		}
	}
}

func (c *Cluster) tooLarge(n int) bool {
	limit := c.maxPayload.Load()
	return limit > 0 && int64(n) > limit
}

const (
	natsAway   = "NATS is away"
	natsSilent = "NATS does not answer"
	natsSlow   = "NATS is too slow"
	natsSmall  = "the broadcast is over the NATS server's max_payload: raise it there, or send less"
)

func (c *Cluster) whyLost(size int, now time.Duration) string {
	switch {
	case !c.link.there.Load():
		return natsAway
	case !c.up(now):
		return natsSilent
	case c.tooLarge(size):
		return natsSmall
	}
	return natsSlow
}

// lose counts broadcasts that no other node will get.
func (c *Cluster) lose(n int64, why string) {
	defer c.stats.lost.Add(n) // after the log: whoever sees the count finds the line
	if total := c.lost.note(c.now(), n); total > 0 {
		c.log.Warn("broadcasts did not reach the other nodes", "node", c.node, "lost", total,
			"reason", why)
	}
}

// write publishes all broadcasts, on a goroutine of its own. The order on the wire is therefore the
// order of the queue, and nobody who emits waits for NATS.
func (c *Cluster) write() {
	defer close(c.done)
	var spare batch
	for {
		select {
		case <-c.out.wake:
			spare = c.flush(spare)
		case <-c.life.Done():
			<-c.watched // the goodbye is the last greeting
			c.flush(spare)
			c.greet(greetingBye)
			return
		}
	}
}

// flush publishes what is queued and returns its memory for the next time.
func (c *Cluster) flush(spare batch) batch {
	c.out.mu.Lock()
	b := c.out.queue
	c.out.queue = spare
	c.out.mu.Unlock()
	begin := 0
	for _, item := range b.items {
		p := b.data[begin:item.end]
		begin = item.end
		if why := c.send(item, p); why != "" {
			c.lose(1, why)
		} else {
			c.stats.published.Add(1)
		}
	}
	b.reset()
	return b
}

// send gives one broadcast to NATS. It returns why that cannot be, or "".
func (c *Cluster) send(item queued, p []byte) (why string) {
	now := c.now()
	switch {
	case !c.nc.IsConnected():
		return natsAway // a connection that was given to us may have a buffer that would take it
	case !c.up(now):
		return natsSilent
	case now-item.at > c.opts.MaxAge:
		return natsSlow
	}
	err := c.nc.Publish(c.subject.shards[item.shard], p)
	switch {
	case err == nil:
		return ""
	case errors.Is(err, nats.ErrMaxPayload):
		return natsSmall
	}
	return c.redact(err)
}
