// Package reactor moves bytes. A few event loops on netpoll's pollers accept, dial, read and write
// TCP connections. An idle connection needs no goroutine, buffer, timer or channel of its own. The
// package knows nothing of WebSocket.
//
// A loop is one goroutine with a poller, a read buffer, a cork buffer, a timing wheel and a list of
// posted tasks. A connection belongs to one loop for life, and its Handler runs there. Writes may
// come from any goroutine; the mutex of the connection orders them.
//
// The life of a connection:
//
//	new ────────> open ──Close──> flushing ────────> lingering ──peer's FIN──> closed
//	dialing ──────┘               (outbox drains)    (FIN sent, input            │
//	                                                  discarded)                 │
//	any state ──Abort, error, timeout──> doomed ──as soon as its loop gets to it─┘
//
// Only the loop detaches and closes a descriptor. A detached operator is freed from a task and
// never from its own callback, because netpoll would wait there for itself.
//
// ListenTLS puts crypto/tls between a connection and its Handler (see tlsConn). There is a
// goroutine for each handshake and none afterwards. Once a session is established, crypto/tls is
// called only under Conn.mu.
//
// # Locks
//
// No lock is held while a Handler runs. These may be held together, in this order: Conn.mu or
// Listener.mu, then loop.mu; lobby.mu comes before Listener.mu. Under Conn.mu the leaves
// loop.holdMu and budget.mu may be taken. Reactor.mu, tlsServer.mu and handshake.mu are never held
// together with another lock of this package.
//
// # Reading order
//
// Read handler.go (what a user implements) and loop.go, then open.go, read.go, write.go and
// outbox.go, which are the way of bytes. close.go has the end of a connection, gather.go the writes
// of other goroutines, wheel.go the timers. listen.go, dial.go and adopt.go are the three ways in,
// and avoid.go keeps them clear of loops that are held.
// tls.go, tls_gather.go and tls_handshake.go come last. poller.go reaches into netpoll, and says
// why.
package reactor
