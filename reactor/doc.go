// Package reactor moves bytes: a few event loops on netpoll's pollers accept,
// dial, read and write TCP connections without a goroutine, buffer, timer or
// channel per idle connection. It has never heard of WebSocket.
//
// A loop is one goroutine: poller, read buffer, cork buffer, timing wheel and a
// list of posted tasks. A connection belongs to one loop for life; its Handler
// runs there. Writes may come from any goroutine and are ordered by the
// connection's mutex.
//
// Locks, in the order in which they may be held together: Conn.mu or
// Listener.mu, then loop.mu. Reactor.mu is never held together with another. No
// lock is held while a Handler runs.
//
// Life of a connection: new (accepted or dialling; no events) → open → flushing
// (Close was called, the outbox drains) → lingering (FIN sent, the peer's bytes
// are discarded until its FIN) → closed. Abort and errors lead from every state
// to doomed, and on the loop to closed. Only the loop detaches and closes a
// descriptor, and a detached operator is freed from a task, never from its own
// callback, where netpoll would wait for itself.
//
// ListenTLS puts crypto/tls between a connection and its Handler (see tlsConn):
// goroutines for handshakes, none afterwards. Once established, crypto/tls is
// called under Conn.mu only. Neither tlsServer.mu nor handshake.mu is held
// together with another lock of this package.
package reactor
