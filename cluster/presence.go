package cluster

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/smartsocket/smartsocket"
)

// greeting is what a node publishes about itself:
//
//	version (1)  kind (1)  epoch (8)  sent (8)
//	number of echoes (1)  echoes (24 each)  name of the node (the rest)
//
// Numbers are big endian.
type greeting struct {
	kind   byte
	epoch  uint64
	sent   time.Duration // by the clock of the node
	echoes []echo
	node   string
}

// echo tells another node when a greeting of it was heard: its epoch, when the greeting left by its
// clock, and when it came by the clock of who sends the echo. See clock.
type echo struct {
	epoch      uint64
	sent, came time.Duration
}

// The kinds of greetings.
const (
	greetingAgain = iota // still here
	greetingNew          // here since now, or here again; asks who else is here
	greetingBye          // leaving
)

const (
	greetingVersion = 2
	greetingHead    = 19
	echoSize        = 24
	// maxEchoes keeps greetings small. Among more nodes each gets its echo now and then.
	maxEchoes = 16
)

var errGreeting = errors.New("not a greeting of this version: run one version on all nodes")

func (g *greeting) append(b []byte) []byte {
	b = append(b, greetingVersion, g.kind)
	b = binary.BigEndian.AppendUint64(b, g.epoch)
	b = binary.BigEndian.AppendUint64(b, uint64(g.sent))
	b = append(b, byte(len(g.echoes)))
	for _, e := range g.echoes {
		b = binary.BigEndian.AppendUint64(b, e.epoch)
		b = binary.BigEndian.AppendUint64(b, uint64(e.sent))
		b = binary.BigEndian.AppendUint64(b, uint64(e.came))
	}
	return append(b, g.node...)
}

// parseGreeting reads what append wrote. It copies.
func parseGreeting(p []byte) (g greeting, err error) {
	if len(p) < greetingHead || p[0] != greetingVersion || p[1] > greetingBye {
		return g, errGreeting
	}
	number := func(at int) uint64 { return binary.BigEndian.Uint64(p[at:]) }
	n := int(p[greetingHead-1])
	name := greetingHead + n*echoSize
	if n > maxEchoes || len(p) <= name || len(p) > name+smartsocket.MaxNodeName {
		return g, errGreeting
	}
	g = greeting{kind: p[1], epoch: number(2), sent: time.Duration(number(10)),
		node: string(p[name:])}
	for at := greetingHead; at < name; at += echoSize {
		g.echoes = append(g.echoes, echo{number(at), time.Duration(number(at + 8)),
			time.Duration(number(at + 16))})
	}
	return g, nil
}

// greet tells the other nodes that this one is here. Without NATS nobody hears it.
func (c *Cluster) greet(kind byte) {
	if !c.nc.IsConnected() {
		return
	}
	g := greeting{kind: kind, epoch: c.epoch, node: c.node,
		echoes: c.peers.echoes(c.now(), c.opts.silence)}
	g.sent = c.now()
	_ = c.nc.Publish(c.subject.presence, g.append(nil)) // the next greeting is due soon
}

// meet handles the greeting of another node.
func (c *Cluster) meet(m *nats.Msg) {
	c.gate.RLock()
	defer c.gate.RUnlock()
	if c.closed {
		return
	}
	g, err := parseGreeting(m.Data)
	if err != nil {
		c.refuse(err)
		return
	}
	if g.epoch == c.epoch {
		return
	}
	isNew, isBack := c.peers.greeted(&g, c.epoch, c.now(), c.opts.silence)
	switch {
	case g.kind == greetingBye:
		c.log.Info("another node has left", "node", c.node, "other", g.node)
	case isNew:
		c.log.Info("another node is there", "node", c.node, "other", g.node)
	case isBack:
		c.log.Info("another node is heard again", "node", c.node, "other", g.node)
	}
	if g.kind == greetingNew {
		c.greet(greetingAgain)
	}
}

// greeted records a greeting to us. It returns whether the peer is new, and whether it was silent.
// A greeting that is old itself shows only that the peer was there then.
func (p *peers) greeted(g *greeting, us uint64, now, silence time.Duration) (isNew, isBack bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	peer, isNew := p.meet(g.node, g.epoch)
	age := peer.clock.age(g.sent, now)
	for _, e := range g.echoes {
		if e.epoch == us {
			peer.clock.answered(e.sent, e.came)
			age = now - g.sent - peer.clock.ahead
		}
	}
	peer.hear(now - max(age, 0))
	peer.left = g.kind == greetingBye
	peer.sent, peer.came = g.sent, now
	if peer.silent && peer.present(now, silence) {
		peer.silent, isBack = false, true
	}
	return isNew, isBack
}

// echoes returns those for the next greeting. Which peers have one is left to the random order of a
// map, so that each has its turn.
func (p *peers) echoes(now, silence time.Duration) (list []echo) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, peer := range p.all {
		if len(list) == maxEchoes {
			break
		}
		if peer.came > 0 && peer.present(now, silence) {
			list = append(list, echo{key.epoch, peer.sent, peer.came})
		}
	}
	return list
}

// fallSilent returns the names of the peers of which nothing has been heard for longer than
// silence, once for each time. What was before since does not count.
func (p *peers) fallSilent(now, since, silence time.Duration) (names []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, peer := range p.all {
		if !peer.left && !peer.silent && now-max(peer.seen, since) > silence {
			peer.silent = true
			names = append(names, key.node)
		}
	}
	return names
}
