// Package smartsocket is a real-time event server for latency-critical game
// backends: tens of thousands of WebSocket connections on a few event loops,
// small events many times a second, no goroutine per connection.
//
//	server, err := smartsocket.New(smartsocket.Options{Port: 3000})
//	if err != nil { … }
//	game := server.Namespace("/game")
//	smartsocket.On(game, "move", func(s *smartsocket.Socket, m Move, ack smartsocket.Ack) {
//		s.To("arena").Emit("moved", m)
//		ack.Reply(nil)
//	})
//	err = server.Run(ctx)
//
// # The way of a message
//
//  1. reactor/loop: a poller wakes; one read into the loop's shared buffer.
//  2. websocket/conn: the bytes go through the connection's frame parser, the
//     connection's writes corked meanwhile, so that all answers leave in one write.
//  3. frame/parser: unmasked in place, checked against RFC 6455.
//  4. conn.go: message.Parse reads the envelope; the payload stays where it lies.
//  5. event.go: the namespace's handlers are found and run, here (Inline) or
//     from the socket's mailbox on a pooled goroutine (job.go).
//  6. target.go and emit.go: a message to many is encoded once and shared
//     (internal/outgoing); broker.go hands it to the other servers, where there are any.
//  7. reactor/outbox: written directly when nothing waits, else queued.
//
// # Locks
//
// In this order, a later one may be taken while an earlier one is held and
// never the other way round: Server.mu, registry.Table.mu and middlewares.mu,
// sessions.mu, session.mu, hub.mu and sessions.bytesMu, mailbox.mu, workers.mu,
// socketExtra.mu, the lock of outgoing.Held, sealing.mu, then websocket.Conn's
// and the outbox's. admission.Gate's is held together with no other. None is
// held while user code runs, and hub.mu not while anything is sent.
package smartsocket
