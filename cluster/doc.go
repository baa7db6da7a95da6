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
// Each has its time, by the publisher's own clock, and is dropped where it comes out older than
// Options.MaxAge. A NATS server or a node of which nothing is heard shows within 3 s.
//
// The way of a broadcast:
//
//	Publish ──> outbox ──one writer──> NATS ──a goroutine per shard──> receive ──> Server
//	      (number, time)  (too old?)                         (again? too old? a gap?)
//
// The watcher greets the other nodes once a second and asks NATS for an answer. What the nodes know
// of each other, and of each other's clocks, is from these greetings.
//
// # Locks
//
// Cluster.gate is read-locked while a message of another node is handled, which includes the
// delivery to the Server and OnGap. peers.mu and burst.mu may be taken under it. Cluster.mu is held
// while subscriptions are made and ended. No lock of the package is taken under outbox.mu, peers.mu
// or burst.mu, and NATS is not called while one of these three is held. Calls of NATS may take up
// to 2 s when a connection hangs. The writer, the watcher and the goroutines of NATS make them, and
// Open, Subscribe and Close; Publish and Stats do not.
//
// # Reading order
//
// Read cluster.go, publish.go (queue, one writer), receive.go (numbers, gaps), clock.go (ages),
// presence.go (greetings, who else is there) and watch.go (silence). subjects.go has the names on
// NATS, stats.go the counters.
package cluster
