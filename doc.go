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
// # The way of a message
//
//  1. package reactor reads into a buffer of its loop, websocket and frame unmask in place.
//  2. conn.go: OnMessage opens the seal, parses the envelope, counts the event in the session, and
//     inflates and checks the payload (internal/incoming).
//  3. event.go: judge asks the ledger, the rate limits and the tables of handlers. Checks return a
//     refusal (internal/refusal) and send nothing.
//  4. answer.go: refuse is the one exit for an event that no handler sees.
//  5. event.go runs Inline handlers on the loop. Other events wait in the mailbox as a copy, and a
//     pooled goroutine runs their handlers (job.go), after the middleware in both cases.
//  6. ack.go and answer.go send the answer, which the ledger of a session keeps.
//  7. emit.go: an event to many is encoded once per form and shared; broker.go passes it on to
//     other servers. package reactor writes at once if nothing waits, and queues otherwise.
//
// # The way of a resume
//
// accept.go asks the gate for a place and makes a link. connect.go greets it with HELLO, reads
// CONNECT, which brings a token, and asks the Authenticate hook. resume.go finds the token's session
// and calls Resume of internal/session. Under the session's lock that checks the link (Fits),
// welcomes the client, sends what was missed, and makes the link current (Back). The old one is
// closed. Then link.open tells the application, behind the disconnected handlers of the old link.
//
// # Locks
//
// A lock may be taken while one to its left is held, never the other way round:
//
//	Server.reloading → Server.mu → websocket.Server.mu, metrics.Rates.mu, those of reactor
//	session.Registry.mu → session.Session.mu → session.absent.mu, hub.Hub.mu,
//	    question.Table.mu, those of a send
//	outgoing.queue.mu → those of a send; question.Table.mu → testclock.Clock.mu
//	a send: sealing.Line.mu → websocket.Conn.mu → reactor.Conn.mu → those of its loop
//	burst.Log.mu → reactor.Conn.mu
//	fairqueue.Queue.mu → mailbox.Workers.mu
//	certfile.Files.mu → logline.Handler.mu, then logline.Queue.mu
//
// All others are leaves, because nothing else is taken under them: admission.Gate.mu,
// journal.Journal.mu, ledger.Ledger.mu, lifetime.Contexts.mu, mailbox.Box.mu, middleware.List.mu
// and middleware.Decision.mu, outgoing.Rules.mu, ratelimit.Windows.mu and ratelimit.Rules.mu,
// registry.Table.mu and values.Map.mu. What internal/ has besides takes no lock of its own:
// packages turnaway and journal write through burst, and vetting waits in fairqueue. Package
// cluster calls the server under Cluster.gate, and a test under testclock.Clock.advancing; both
// come before all of these. The packages client, cluster and reactor describe their own.
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
// message and of a resume: accept, connect, conn, resume, event, ratelimit, middleware, job, clock,
// auth. What an application calls: emit, broker, handlers, ack, answer, lifecycle. What all of them
// stand on: stats, data, reload, namespace, server, socket, options, errors, log.
package smartsocket
