package cluster

import (
	"encoding/binary"
	"errors"

	"github.com/nats-io/nats.go"
	"github.com/smartsocket/smartsocket"
)

// The kinds of greetings. A greeting is a version (1), a kind, an epoch (8 bytes, big endian) and
// the node's name.
const (
	greetingAgain = iota // still here
	greetingNew          // here since now, or here again; asks who else is here
	greetingBye          // leaving

	greetingVersion = 1
	greetingHead    = 10
)

var errGreeting = errors.New("not a greeting of this version")

// greet tells the other nodes that this one is here. Without NATS nobody hears it.
func (c *Cluster) greet(kind byte) {
	if !c.nc.IsConnected() {
		return
	}
	b := binary.BigEndian.AppendUint64([]byte{greetingVersion, kind}, c.epoch)
	_ = c.nc.Publish(c.subject.presence, append(b, c.node...)) // the next greeting is due soon
}

// meet handles the greeting of another node.
func (c *Cluster) meet(m *nats.Msg) {
	c.gate.RLock()
	defer c.gate.RUnlock()
	if c.closed {
		return
	}
	p := m.Data
	if len(p) <= greetingHead || len(p) > greetingHead+smartsocket.MaxNodeName ||
		p[0] != greetingVersion || p[1] > greetingBye {
		c.refuse(errGreeting)
		return
	}
	epoch, node := binary.BigEndian.Uint64(p[2:]), string(p[greetingHead:])
	if epoch == c.epoch {
		return
	}
	now := c.now()
	c.peers.mu.Lock()
	peer, isNew := c.peers.meet(node, epoch, now)
	peer.left = p[1] == greetingBye
	c.peers.mu.Unlock()
	if isNew && p[1] != greetingBye {
		c.log.Info("another node is there", "node", c.node, "other", node)
	}
	if p[1] == greetingBye {
		c.log.Info("another node has left", "node", c.node, "other", node)
	}
	if p[1] == greetingNew {
		c.greet(greetingAgain)
	}
}
