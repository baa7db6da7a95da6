package cluster

import (
	"errors"
	"testing"

	"github.com/smartsocket/smartsocket"
)

// A node that the broker does not join with the others is not ready, unless an option says that it
// is.
func TestReadyWithoutBroker(t *testing.T) {
	broker, nodes := startCluster(t, 2)
	n := nodes[0]
	if err := n.server.Ready(); err != nil {
		t.Errorf("with NATS: %v", err)
	}
	port := portOf(broker)
	stopNATS(broker)
	eventually(t, "the node to notice", func() bool {
		return errors.Is(n.server.Ready(), errAway)
	})
	if err := n.server.Healthy(); err != nil {
		t.Errorf("without NATS it is not healthy: %v", err)
	}
	o := smartsocket.Options{Host: "127.0.0.1", Port: -1, ReadyWithoutBroker: true,
		EnableRateLimiting: smartsocket.Disabled}
	if _, err := n.server.Reload(o); err != nil {
		t.Fatal(err)
	}
	if err := n.server.Ready(); err != nil {
		t.Errorf("with readyWithoutBroker: %v", err)
	}
	startNATS(t, port)
	eventually(t, "the other node to be ready again", func() bool {
		return nodes[1].server.Ready() == nil
	})
}

// Peers has a figure of each node, and goes on with one that was started again.
func TestPeers(t *testing.T) {
	broker, nodes := startCluster(t, 3)
	us, them := nodes[0], nodes[1]
	u := us.dial("/", "r")
	for range 3 {
		emit(t, them.server.To("r"), "msg", 1)
		u.want("msg 1")
	}
	peers := us.cluster.Peers()
	if len(peers) != 2 || peers[0].Node != them.cluster.node || !peers[0].Present ||
		peers[0].Received != 3 || peers[0].Missed != 0 || peers[0].Left {
		t.Fatalf("%+v", peers)
	}
	them.stop()
	eventually(t, "the goodbye", func() bool { return us.cluster.Peers()[0].Left })
	again := startNode(t, broker.ClientURL(), them.cluster.node)
	meet(t, us, again, nodes[2])
	emit(t, again.server.To("r"), "msg", 2)
	u.want("msg 2")
	peers = us.cluster.Peers()
	if len(peers) != 2 || !peers[0].Present || peers[0].Left || peers[0].Received != 4 {
		t.Errorf("after its return: %+v", peers)
	}
}
