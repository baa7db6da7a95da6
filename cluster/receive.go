package cluster

import (
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/smartsocket/smartsocket"
)

const (
	// maxPendingMessages and maxPendingBytes limit, for each shard, what waits to be delivered
	// here.
	maxPendingMessages = 1 << 16
	maxPendingBytes    = 32 << 20
	// maxPeers limits the nodes whose numbers are kept, because strangers may invent some.
	maxPeers = 1024
)

// peers are all other nodes that were ever heard of. A silent one is kept, because what it
// published while nobody heard it must show when it is back.
type peers struct {
	mu  sync.Mutex
	all map[peerKey]*peer
}

// peerKey is one life of a node.
type peerKey struct {
	node  string
	epoch uint64
}

type peer struct {
	seen time.Duration
	left bool // it has said goodbye
	// last is the number of the last broadcast by namespace, for the namespaces that exist here.
	last map[string]uint64
}

// meet returns the peer, and whether it is new. The caller holds mu.
func (p *peers) meet(node string, epoch uint64, now time.Duration) (_ *peer, isNew bool) {
	key := peerKey{node, epoch}
	known := p.all[key]
	if known == nil {
		if len(p.all) >= maxPeers {
			p.forgetOne()
		}
		known = &peer{last: make(map[string]uint64)}
		p.all[key] = known
		isNew = true
	}
	known.seen = now
	return known, isNew
}

// forgetOne drops the peer that has been silent for the longest time. The caller holds mu.
func (p *peers) forgetOne() {
	var oldest peerKey
	seen := time.Duration(-1)
	for key, peer := range p.all {
		if seen < 0 || peer.seen < seen {
			oldest, seen = key, peer.seen
		}
	}
	delete(p.all, oldest)
}

// present counts the peers that have not left and were heard of within age.
func (p *peers) present(now, age time.Duration) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, peer := range p.all {
		if !peer.left && now-peer.seen <= age {
			n++
		}
	}
	return n
}

// number records that a broadcast came. It returns how many are missing before it, and whether it
// is an old one. Nothing is missing before the first.
func (p *peers) number(e *smartsocket.Envelope, now time.Duration) (missed uint64, old bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	peer, _ := p.meet(e.Node, e.Epoch, now)
	last, any := peer.last[e.Namespace]
	if any && e.Seq <= last {
		return 0, true
	}
	peer.last[e.Namespace] = e.Seq
	if !any {
		return 0, false
	}
	return e.Seq - last - 1, false
}

// receive handles one message of a shard, on the shard's own goroutine.
func (c *Cluster) receive(m *nats.Msg) {
	c.gate.RLock()
	defer c.gate.RUnlock()
	if c.closed {
		return
	}
	defer func() {
		if r := recover(); r != nil {
			c.refuse(fmt.Errorf("panic: %v", r))
		}
	}()
	e, err := smartsocket.ParseEnvelope(m.Data)
	if err != nil {
		c.refuse(err)
		return
	}
	if e.Epoch == c.epoch {
		return // our own: a connection that was given to us may echo
	}
	if _, here := c.known.Load(e.Namespace); !here {
		return // it belongs to another namespace of the shard
	}
	missed, old := c.peers.number(&e, c.now())
	if old {
		c.stats.duplicates.Add(1)
		return
	}
	if missed > 0 {
		c.gap(Gap{Node: e.Node, Namespace: e.Namespace, Missed: missed})
	}
	if err := c.deliver(&e); err != nil {
		c.refuse(err)
		return
	}
	c.stats.received.Add(1)
}

func (c *Cluster) gap(g Gap) {
	c.stats.gaps.Add(1)
	c.stats.missed.Add(int64(min(g.Missed, 1<<32)))
	if total := c.gaps.note(c.now(), 1); total > 0 {
		c.log.Warn("broadcasts of another node did not arrive", "node", c.node, "from", g.Node,
			"namespace", g.Namespace, "missed", g.Missed, "gaps", total)
	}
	if c.opts.OnGap != nil {
		c.opts.OnGap(g)
	}
}

// refuse counts what no node of this version would send.
func (c *Cluster) refuse(err error) {
	c.stats.invalid.Add(1)
	if total := c.invalid.note(c.now(), 1); total > 0 {
		c.log.Warn("ignored what was published under this cluster's name", "node", c.node, "count",
			total, "error", err)
	}
}
