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
	// maxAge is how long a broadcast may wait in the queue.
	maxAge = 2 * time.Second
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
	if o.closed || !c.up.Load() || len(o.queue.data)+len(e.Payload) > maxQueued ||
		c.tooLarge(len(e.Payload)) {
		o.mu.Unlock()
		c.lose(1, c.whyLost(len(e.Payload)))
		return
	}
	e.Node, e.Epoch, e.Seq = c.node, c.epoch, ns.seq
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

func (c *Cluster) whyLost(size int) string {
	switch {
	case !c.up.Load():
		return "NATS is away"
	case c.tooLarge(size):
		return "the broadcast is over the NATS server's max_payload: raise it there, or send less"
	}
	return "NATS is too slow"
}

// lose counts broadcasts that no other node will get.
func (c *Cluster) lose(n int64, why string) {
	c.stats.lost.Add(n)
	if total := c.lost.note(c.now(), n); total > 0 {
		c.log.Warn("broadcasts did not reach the other nodes", "node", c.node, "lost", total,
			"reason", why)
	}
}

// write is the one goroutine of the Cluster. It alone publishes broadcasts. The order on the wire
// is therefore the order of the queue, and nobody who emits waits for NATS.
func (c *Cluster) write() {
	defer close(c.done)
	tick := time.NewTicker(c.opts.heartbeat)
	defer tick.Stop()
	var spare batch
	for {
		select {
		case <-c.out.wake:
			spare = c.flush(spare)
		case <-c.status:
			c.refresh()
		case <-tick.C:
			c.refresh()
			c.greet(greetingAgain)
		case <-c.quit:
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
		switch {
		case !c.nc.IsConnected():
			// a connection that was given to us may have a buffer that would take it
			c.lose(1, "NATS is away")
			continue
		case c.now()-item.at > maxAge:
			c.lose(1, "NATS is too slow")
			continue
		}
		err := c.nc.Publish(c.subject.shards[item.shard], p)
		switch {
		case err == nil:
			c.stats.published.Add(1)
		case errors.Is(err, nats.ErrMaxPayload):
			c.lose(1, "the broadcast is over the NATS server's max_payload: raise it there, or "+
				"send less")
		default:
			c.lose(1, c.redact(err))
		}
	}
	b.reset()
	return b
}

// refresh checks the state of the connection.
func (c *Cluster) refresh() {
	up := c.nc.IsConnected()
	if up {
		c.maxPayload.Store(c.nc.MaxPayload())
	}
	if c.up.Swap(up) == up {
		return
	}
	if !up {
		c.log.Warn("NATS is away: broadcasts stay on this server until it is back", "node", c.node)
		return
	}
	c.log.Info("connected to NATS", "node", c.node, "server", c.nc.ConnectedAddr(), "reconnects",
		c.nc.Stats().Reconnects)
	c.greet(greetingNew)
}
