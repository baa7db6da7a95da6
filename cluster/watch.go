package cluster

import (
	"context"
	"sync/atomic"
	"time"
)

// link is what is known of the connection to NATS. The watcher writes it.
type link struct {
	there atomic.Bool  // NATS is connected
	heard atomic.Int64 // when NATS was asked for the last answer that came

	// Only the watcher uses the rest.
	state  linkState     // as the log has it
	since  time.Duration // since when greetings of others would have been heard
	looked time.Duration // when the watcher looked last
}

type linkState int

const (
	linkAway linkState = iota
	linkSilent
	linkUp
)

// up reports whether NATS is there and answers. It does not wait.
func (c *Cluster) up(now time.Duration) bool {
	return c.link.there.Load() && now-time.Duration(c.link.heard.Load()) <= c.opts.silence
}

// looks is how often the watcher looks between two heartbeats.
const looks = 4

// watch notices when NATS or another node comes, goes or falls silent, and sends the heartbeats. It
// runs on a goroutine of its own, because it may have to wait for NATS.
func (c *Cluster) watch() {
	defer close(c.watched)
	tick := time.NewTicker(c.opts.heartbeat / looks)
	defer tick.Stop()
	for ticks := 0; ; {
		select {
		case <-c.status:
		case <-tick.C:
			if ticks++; ticks%looks == 0 {
				c.greet(greetingAgain)
				c.probe()
			}
		case <-c.life.Done():
			return
		}
		c.refresh()
		c.lookAround()
	}
}

// probe asks NATS for an answer. It waits until there is one, or until the lack of one must show.
func (c *Cluster) probe() {
	if !c.nc.IsConnected() {
		return
	}
	now := c.now()
	wait := time.Duration(c.link.heard.Load()) + c.opts.silence - now
	ctx, cancel := context.WithTimeout(c.life, max(wait, c.opts.heartbeat))
	defer cancel()
	if c.nc.FlushWithContext(ctx) == nil {
		c.link.heard.Store(int64(now))
	}
}

// refresh checks the state of the connection.
func (c *Cluster) refresh() {
	l := &c.link
	there, now := c.nc.IsConnected(), c.now()
	if there {
		c.maxPayload.Store(c.nc.MaxPayload())
		times := int64(c.nc.Stats().Reconnects)
		if before := c.stats.reconnects.Swap(times); before != times || !l.there.Load() {
			l.heard.Store(int64(now)) // to connect is to get an answer
			l.state = linkAway
		}
	}
	l.there.Store(there)
	state := linkAway
	switch {
	case c.up(now):
		state = linkUp
	case there:
		state = linkSilent
	}
	before := l.state
	if before == state {
		return
	}
	l.state = state
	switch {
	case state == linkAway:
		c.log.Warn("NATS is away: broadcasts stay on this server until it is back", "node", c.node)
	case state == linkSilent:
		c.log.Warn("NATS does not answer: broadcasts stay on this server until it does", "node",
			c.node)
	case before == linkSilent:
		c.log.Info("NATS answers again", "node", c.node)
	default:
		c.log.Info("connected to NATS", "node", c.node, "server", c.nc.ConnectedAddr(),
			"reconnects", c.stats.reconnects.Load())
	}
	if state == linkUp {
		l.since = now
		c.greet(greetingNew)
	}
}

// lookAround notices the nodes that fell silent. If nobody is heard, because of NATS or because
// this program stood still, then nobody else is to blame.
func (c *Cluster) lookAround() {
	l := &c.link
	now := c.now()
	if now-l.looked > c.opts.silence/2 {
		l.since = now
	}
	l.looked = now
	if l.state != linkUp {
		return
	}
	for _, name := range c.peers.fallSilent(now, l.since, c.opts.silence) {
		c.log.Warn("another node is silent: it hangs, cannot reach NATS, or died",
			"node", c.node, "other", name)
		c.stats.silences.Add(1) // after the log: whoever sees the count finds the line
	}
}
