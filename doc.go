// Package smartsocket is a real-time event server for latency-critical game backends: tens of
// thousands of WebSocket connections on a few event loops, and no goroutine per connection.
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
// # Where to look
//
//   - Handlers: On, Handle, OnContext, HandleContext, Inline; Middleware, Interceptor, MapError.
//   - Sending: Socket.Emit, Server.To, Namespace.To, Socket.EmitWithAck; State, Volatile, Deadline.
//   - Who may come: Options.Authenticate with a Grant, Socket.RequireAuth, Options.APIKeys.
//   - Who comes back: Options.EnableMessageCache, Socket.Recovered, OnDisconnected, OnEnded.
//   - Errors: Error, NewCode, WithDetails, DetailsOf.
//   - Limits: Options.RateLimitMaxRequests, SetEventRateLimit, MaxBytes.
//   - The end: Server.Drain, Server.Hold, Server.HandOver, Server.Shutdown, Socket.Disconnect.
//   - More servers: Broker, package cluster. Tests: package smartsockettest. A client: package
//     client. Settings from outside: package config. Codes and close codes: package message.
//     Metrics and what else operators need: package ops.
//
// # The life of a socket
//
// There is one Socket per session. Its connections, called links, come and go:
//
//	accept ──▶ connected ──▶ disconnected ──▶ ended (once)
//	               ▲              │
//	               └── a resume ──┘   with the message cache only
//
// Ids, rooms, values and handlers belong to the Socket, so a pointer to it stays good throughout.
//
// # Words
//
//   - A node is one of the servers that a Broker joins.
//   - A link is one connection (WebSocket) of a Socket. A session is what outlives it. Only with
//     the message cache (Options.EnableMessageCache) may a session have several links.
//   - A plain client sends JSON text and does without the SmartSocket protocol.
//   - The gate (internal/admission) decides which connections get a place.
//   - The header of a message is everything before its payload: kind, event, ack id and flags.
//   - A question is an event that asks for an ack. The ledger (internal/ledger) keeps the answers
//     to the client's questions, so that a repeated one does not run its handlers again.
//   - A form (internal/outgoing) is one way to encode an event: binary or text, compressed or not.
//   - Borrowed bytes are valid until the moment that the comment names. A function that takes bytes
//     owns them from then on. Owned ones are the caller's to keep or to release.
//
// # The way of a message
//
//  1. reactor/read.go reads into a buffer of the loop. websocket/read.go feeds it to
//     frame/parser.go, which unmasks a message in place if it is one frame and came whole, and
//     otherwise assembles it in a pooled buffer.
//  2. conn.go: OnMessage decrypts the message (internal/sealing), parses its header, and counts the
//     event in the session, so that a resume can tell the client which of its events came. Then it
//     inflates the payload and checks it (internal/incoming).
//  3. event.go: judge asks the ledger, the rate limits and the tables of handlers. Checks return a
//     refusal (internal/refusal) and send nothing.
//  4. answer.go: refuse is the exit for an event that judge stops or that the mailbox has no room
//     for. One that is stopped later, by authentication, MaxBytes or a middleware, leaves by fail
//     or reject.
//  5. event.go runs Inline handlers on the loop, unless the connected handlers or an earlier inline
//     event still wait. Any other event waits in the mailbox as a copy, until a pooled goroutine
//     takes it (job.go). Both ways end in Socket.handle, which checks authentication and MaxBytes,
//     asks the middlewares (middleware.go) and runs the handlers (handlers.go). One that takes a
//     context or has interceptors around it runs within a Call (call.go).
//  6. ack.go and answer.go send the answer. With the message cache the ledger keeps it until the
//     client has answered a later PING (clock.go).
//  7. What is emitted to one socket is encoded by data.go and sent by socket.go, through the
//     session if there is one. What is emitted to many is encoded by emit.go, once per form for all
//     receivers, and broker.go passes it on to other nodes first.
//  8. package reactor corks what is written to a connection during its own read, and gathers what a
//     worker writes to its socket in one turn (gather.go). Other single writes leave at once. What
//     the kernel does not take is queued (outbox.go).
//
// # The way of a resume
//
//  1. A connection is lost. OnClose calls Socket.left, and Session.Leave decides whether the
//     session waits for its client. Then what is emitted is kept, up to the cache's limits.
//  2. The client connects again. accept.go asks the gate for a place and makes a link. connect.go
//     greets it with HELLO, reads CONNECT, which brings the session's token, and asks the
//     Authenticate hook.
//  3. link.open (connect.go) asks link.resume (resume.go), which finds the session and calls
//     Session.Resume (internal/session/resume.go). Under the session's lock, Resume checks the link
//     (Fits), welcomes the client, sends what it missed, and makes the link current (Back). After
//     the lock, a link that still had the session is closed.
//  4. link.announce tells the application, behind the disconnected handlers of the old link.
//  5. The client sends again the events that were not counted, and its unanswered questions. Its
//     first message proves that it has the new token, and ends the old one (Proved).
//
// If the session is busy, Retry calls open again. If Resume refuses, begin makes a new Socket. A
// session may also be in a process that this one succeeds (internal/succession): then open waits.
//
// # Locks
//
// A lock may be taken while one to its left is held, never the other way round:
//
//	Server.reloading → Server.mu → websocket.Server.mu, metrics.Rates.mu, those of reactor
//	session.Registry.mu → session.Session.mu → session.absent.mu, those of hub,
//	    question.Table.mu, ledger.Ledger.mu, succession.Line.mu, those of a send
//	hub.Hub.mu → hub.shard.mu
//	outgoing.queue.mu → those of a send; question.Table.mu → testclock.Clock.mu
//	a send: sealing.Line.mu → websocket.Conn.mu → reactor.Conn.mu → those of its loop
//	burst.Log.mu → reactor.Conn.mu
//	fairqueue.Queue.mu → mailbox.Workers.mu
//	lifetime.Task.mu → lifetime.Contexts.mu, testclock.Clock.mu
//	certfile.Files.mu → logline.Handler.mu, then logline.Queue.mu
//
// All others are leaves, because nothing else is taken under them: admission.Gate.mu,
// departure.State.mu, journal.Journal.mu, ledger.Ledger.mu, lifetime.Contexts.mu, mailbox.Box.mu,
// middleware.List.mu and middleware.Decision.mu, outgoing.Rules.mu, ratelimit.Windows.mu and
// ratelimit.Rules.mu, registry.Table.mu, succession.Giver.mu, succession.Line.mu,
// succession.Taker.mu, tail.Tail.mu and values.Map.mu. What internal/ has besides
// takes no lock of its own: packages turnaway and journal write through burst, and vetting waits in
// fairqueue.
// Package cluster calls the server under Cluster.gate, and a test under testclock.Clock.advancing;
// both come before all of these. The packages client, cluster and reactor describe their own.
//
// The interfaces session.Peer and session.Owner are the lock contract of a session: they say which
// of their methods run under session.Session.mu. outgoing.Line is that of what waits for a client
// that is behind: all its methods run under outgoing.queue.mu. ledger.Budget runs under
// ledger.Ledger.mu. No lock is held while a handler, a middleware or a hook runs, and hub.Hub.mu is
// not held while anything is sent. A logger may be called under Server.mu while the server starts,
// and under certfile.Files.mu, so it must not call the server.
//
// # Reading order
//
// As archtest's order.go lists it. The life of a server: serve, shutdown, housekeeper. The way of a
// message and of a resume: accept, connect, conn, resume, event, ratelimit, job, middleware, clock,
// auth. What an application calls: emit, broker, handlers, call, ack, answer, lifecycle; of these,
// handlers, call, ack and answer are steps of the way of a message too. What all of them stand on:
// stats, data, reload, namespace, server, options, socket, errors.
package smartsocket
