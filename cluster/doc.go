// Package cluster joins several SmartSocket servers into one for broadcasts, on NATS. What one
// server emits to a namespace, to rooms or to socket ids reaches the matching sockets of every
// server.
//
//	nodes, err := cluster.New(cluster.Options{URL: "nats://127.0.0.1:4222"})
//	server, err := smartsocket.New(smartsocket.Options{Broker: nodes})
//
// A broadcast between nodes is delivered at most once and, for one publisher and namespace, in
// order; smartsocket.Broker has the exact terms. While NATS is away every server continues on its
// own, broadcasts to other nodes are counted as lost, and nothing is kept to be sent later. Each
// broadcast is numbered, so that the receivers know what they missed: see Options.OnGap and Stats.
//
// The way of a broadcast:
//
//	Publish ──> outbox ──one writer──> NATS ──a goroutine per shard──> receive ──> Server
//	          (numbered)                                             (gap? old?)
//
// # Locks
//
// Cluster.gate is read-locked while a message of another node is handled, which includes the
// delivery to the Server and OnGap. peers.mu and burst.mu may be taken under it. Cluster.mu is held
// while subscriptions are made and ended. No lock of the package is taken under outbox.mu, peers.mu
// or burst.mu, and NATS is not called while one of these three is held.
//
// # Reading order
//
// Read cluster.go, publish.go (queue, one writer), receive.go (numbers, gaps) and presence.go (who
// else is there). subjects.go has the names on NATS, stats.go the counters.
package cluster
