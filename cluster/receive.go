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

// maxMissed is how many broadcasts one gap counts at most, because strangers may invent numbers.
const maxMissed = 1 << 32

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
	seen       time.Duration // when it was last there for certain, on our clock
	left       bool          // it has said goodbye
	silent     bool          // the log has it that nothing is heard of it
	clock      clock
	sent, came time.Duration // its last greeting: when it left, by its clock, and came, by ours
	// last is the number of the last broadcast by namespace, for the namespaces that exist here.
	last                   map[string]uint64
	received, missed, late int64 // broadcasts
}

// meet returns the peer, and whether it is new. The caller holds mu, and calls hear.
func (p *peers) meet(node string, epoch uint64) (_ *peer, isNew bool) {
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
	return known, isNew
}

// hear records that the peer was there at some time of ours.
func (p *peer) hear(at time.Duration) { p.seen = max(p.seen, at) }

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

// present reports whether the peer has not left and was there within silence.
func (p *peer) present(now, silence time.Duration) bool {
	return !p.left && now-p.seen <= silence
}

// present counts the peers that are.
func (p *peers) present(now, silence time.Duration) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, peer := range p.all {
		if peer.present(now, silence) {
			n++
		}
	}
	return n
}

// arrival is what became of a broadcast on its way.
type arrival int

const (
	inTime   arrival = iota
	repeated         // it came before, or one that was published later did
	late             // it is older than maxAge, or may be
)

// number records that a broadcast came. It returns how many are missing before it, and how old it
// is. Nothing is missing before the first. A late one counts as one that did not come: it will be
// among the missing ones when the next arrives.
func (p *peers) number(e *smartsocket.Envelope, now, maxAge time.Duration) (missed uint64,
	age time.Duration, _ arrival) {
	p.mu.Lock()
	defer p.mu.Unlock()
	peer, _ := p.meet(e.Node, e.Epoch)
	if e.Sent > 0 {
		age = peer.clock.age(e.Sent, now)
	}
	peer.hear(now - age)
	last, any := peer.last[e.Namespace]
	switch {
	case any && e.Seq <= last:
		return 0, age, repeated
	case !any:
		last = e.Seq - 1
	}
	if age > maxAge || peer.clock.doubted {
		peer.last[e.Namespace] = last
		peer.late++
		return 0, age, late
	}
	peer.last[e.Namespace] = e.Seq
	missed = e.Seq - last - 1
	peer.received++
	peer.missed += int64(min(missed, maxMissed))
	return missed, age, inTime
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
	missed, age, how := c.peers.number(&e, c.now(), c.opts.MaxAge)
	switch how {
	case repeated:
		c.stats.duplicates.Add(1)
		return
	case late:
		c.drop(&e, age)
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

// drop counts a broadcast that came too late.
func (c *Cluster) drop(e *smartsocket.Envelope, age time.Duration) {
	defer c.stats.late.Add(1) // after the log: whoever sees the count finds the line
	if total := c.tooLate.note(c.now(), 1); total > 0 {
		c.log.Warn("broadcasts of other nodes came too late and were dropped", "node", c.node,
			"count", total, "from", e.Node, "namespace", e.Namespace, "age", age)
	}
}

func (c *Cluster) gap(g Gap) {
	if total := c.gaps.note(c.now(), 1); total > 0 {
		c.log.Warn("broadcasts of another node did not arrive", "node", c.node, "from", g.Node,
			"namespace", g.Namespace, "missed", g.Missed, "gaps", total)
	}
	c.stats.gaps.Add(1) // after the log, as in drop
	c.stats.missed.Add(int64(min(g.Missed, maxMissed)))
	if c.opts.OnGap != nil {
		c.opts.OnGap(g)
	}
}

// refuse counts what no node of this version would send.
func (c *Cluster) refuse(err error) {
	defer c.stats.invalid.Add(1) // after the log, as in drop
	if total := c.invalid.note(c.now(), 1); total > 0 {
		c.log.Warn("ignored what was published under this cluster's name", "node", c.node, "count",
			total, "error", err)
	}
}
