package cluster

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// State says whether broadcasts reach the other nodes.
type State string

const (
	// Connected means that NATS is there and answers.
	Connected State = "connected"
	// Degraded means that NATS is away, or has not answered for 2.5 s. Every server is on its own.
	Degraded State = "degraded"
)

// Stats are a Cluster's counters since New.
type Stats struct {
	State         State  `json:"state"`
	Node          string `json:"node"`          // this server's name
	Nodes         int    `json:"nodes"`         // servers that are there, including this one
	Published     int64  `json:"published"`     // broadcasts given to NATS
	Received      int64  `json:"received"`      // broadcasts of other nodes delivered here
	Lost          int64  `json:"lost"`          // broadcasts of this node that NATS did not get
	Gaps          int64  `json:"gaps"`          // gaps in what other nodes published
	Missed        int64  `json:"missed"`        // broadcasts that are missing in these gaps
	Late          int64  `json:"late"`          // those over MaxAge, dropped; Missed has them too
	Duplicates    int64  `json:"duplicates"`    // old broadcasts that came again and were dropped
	Invalid       int64  `json:"invalid"`       // messages that no node would send, ignored
	SlowConsumers int64  `json:"slowConsumers"` // how often this server was too slow for what came
	Reconnects    int64  `json:"reconnects"`    // how often NATS came back
	Silences      int64  `json:"silences"`      // how often a node fell silent without a goodbye
}

type counters struct {
	published, received, lost, gaps, missed, late, duplicates, invalid, slowConsumers,
	reconnects, silences atomic.Int64
}

// Stats returns the counters. It does not wait for NATS.
func (c *Cluster) Stats() Stats {
	s := &c.stats
	now := c.now()
	st := Stats{
		State: Degraded, Node: c.node, Nodes: 1 + c.peers.present(now, c.opts.silence),
		Published: s.published.Load(), Received: s.received.Load(), Lost: s.lost.Load(),
		Gaps: s.gaps.Load(), Missed: s.missed.Load(), Late: s.late.Load(),
		Duplicates: s.duplicates.Load(), Invalid: s.invalid.Load(),
		SlowConsumers: s.slowConsumers.Load(), Reconnects: s.reconnects.Load(),
		Silences: s.silences.Load(),
	}
	if c.up(now) {
		st.State = Connected
	}
	return st
}

// Peer is what is known of another node. A node that was started again is one Peer with its former
// life.
type Peer struct {
	Node     string        `json:"node"`
	Present  bool          `json:"present"`  // it is heard, and has not said goodbye
	Left     bool          `json:"left"`     // it has said goodbye
	Heard    time.Duration `json:"-"`        // how long ago it was there for certain
	Received int64         `json:"received"` // broadcasts of it that came in time
	Missed   int64         `json:"missed"`   // that did not come
	Late     int64         `json:"late"`     // that were dropped because they came too late
}

// Peers lists the other nodes that were heard since New, by name. It does not wait for NATS.
func (c *Cluster) Peers() []Peer {
	now, p := c.now(), &c.peers
	byName := make(map[string]*Peer)
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, life := range p.all {
		known := byName[key.node]
		if known == nil {
			known = &Peer{Node: key.node, Left: life.left, Heard: now - life.seen}
			byName[key.node] = known
		}
		known.Present = known.Present || life.present(now, c.opts.silence)
		if age := now - life.seen; age < known.Heard {
			known.Heard, known.Left = age, life.left
		}
		known.Received += life.received
		known.Missed += life.missed
		known.Late += life.late
	}
	list := make([]Peer, 0, len(byName))
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		list = append(list, *byName[name])
	}
	return list
}

// Ready returns nil if broadcasts reach the other nodes, and otherwise why not. Server.Ready asks.
func (c *Cluster) Ready() error {
	if c.up(c.now()) {
		return nil
	}
	return errAway
}

var errAway = errors.New("NATS is away or does not answer: broadcasts stay on this server")

// burst limits a repeated problem to one log line per quiet period.
type burst struct {
	mu     sync.Mutex
	any    bool
	last   time.Duration // when it was logged
	silent int64         // number of problems since then
}

// quiet is how long a problem that was logged is not logged again.
const quiet = 10 * time.Second

// note counts n problems. If it is time for another log line it returns how many there were since
// the last one, otherwise 0.
func (b *burst) note(now time.Duration, n int64) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.silent += n
	if b.any && now-b.last < quiet {
		return 0
	}
	total := b.silent
	b.any, b.last, b.silent = true, now, 0
	return total
}
