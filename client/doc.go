// Package client is the Go client of SmartSocket. It speaks the protocol
// smartsocket.v1 over ws and wss, and over the browser's WebSocket when built
// for GOOS=js.
//
//	c, err := client.New("ws://localhost:3000/game", client.Options{})
//	client.On(c, "moved", func(m Move, _ client.Ack) { draw(m) })
//	err = c.Connect(ctx)
//	players, err := client.Request[int](ctx, c, "join", "arena")
//	err = c.Emit("move", Move{X: 1, Y: 2})
//
// # Connections and sessions
//
// A connection is one WebSocket. A session is what outlives it: the ID on the
// server, its rooms and values, and the events that still have to be handled.
//
//	         Connect               CONNECT_ACK
//	idle ──────────────► connecting ────────► connected
//	 ▲ ▲                     │                 │     ▲
//	 │ └─────────────────────┘        loss     │     │ CONNECT_ACK
//	 │    the attempt failed                   ▼     │
//	 └──────────────────────────────────── reconnecting
//	  Disconnect, given up, or refused
//	  for good (Disconnect in any state)
//
// Connect fails with a typed error and tries only once, unless Options.RetryConnect is
// Enabled. A session that is lost later is restored without help: attempts follow with
// growing, jittered delays unless the server forbids it. Meanwhile emitted events are
// parked in a bounded queue, see EmitOption for those that may be lost. They are sent
// before anything newer, and no faster than the server's rate limit allows. There is one
// exception: a new session may have to be authenticated first. So if there are
// OnConnected handlers, parked events wait until these have returned, and if the server
// says that its sockets authenticate by the event auth, until that was answered or an auth
// without an answer was sent. What is emitted meanwhile, by the handlers or elsewhere, is sent
// before them.
//
// A server that is about to stop may ask the client to move (move.go). The client then opens its
// next connection before it leaves this one, so there is no OnDisconnected: OnConnected and
// OnReconnected tell of the new one, which is a new session unless the server has moved that too.
// Emitted events go to the new connection from then on. What was asked on the old one is answered
// there. For a moment both are open, and an event that both servers send comes twice.
//
// A server that keeps messages (Options.EnableMessageCache there) recovers the
// session: the client has the same ID, rooms and values, and both sides get the
// events and questions that they missed, once and in order. Events that the server
// sends as volatile, as state or with a deadline are not kept. OnReconnected and
// Recovered report whether the session was recovered. If it was not, fetch the
// state again. Disconnect ends the session for good.
//
// No call waits without a limit: EmitWithAck ends with its context or AckTimeout;
// Emit, Reply and Fail end after Options.SendTimeout when the server does not read.
//
// # Goroutines
//
// One goroutine reads the connection and settles acks. Another one, which exists
// only while there is work, runs all handlers one after the other, so handlers may
// block and call EmitWithAck. An idle client has the first one alone, of 2 to 4 KiB, and no
// buffers: it costs 7.4 KB in all (go run ./bench/clients). Events that come right after
// Connect wait a moment for a handler (early.go). Emit writes on the caller's goroutine:
// while one caller is in the write system call, others append to the next batch and return,
// and the batch leaves in one write. With 16 goroutines on two cores an Emit costs
// a seventh of a write per message under a lock (BenchmarkEmitParallel: 0.5
// against 3.6 µs). A lone caller pays for its own write.
//
// # Locks
//
// A lock may be taken while one to its left is held, never the other way round:
//
//	link.turn (of a new link, then of the one that it replaces)
//	    │
//	Client.mu ─┬─► sent.mu ─┬─► link.sealMu ──► writer.mu, or jsTransport.mu in a browser
//	           │            └─► Client.ackMu
//	           ├─► ledger.mu, pace.mu
//	           └─► dispatcher.mu
//	Prediction.mu ──► Mirror.mu ──► those of Emit
//
// Some are taken alone and for a few lines: that of Client.handlers, observers.mu, syncs.mu and
// remoteClock.mu. User code never runs under a lock, except the functions of Mirror.Read and
// Predict: handlers and callbacks are jobs of the dispatcher.
//
// # In a browser
//
// Everything works alike except for what the browser does not share (transport_js.go;
// examples/browser-go is a whole program). TLSConfig, Origin, Header, Dial and Proxy
// are not used there, a refused upgrade is ERR_CONN_001 without the reason, and a
// silent server is noticed by its missing PINGs. A js.Func callback must not block,
// so call Connect, EmitWithAck and Request on a goroutine of their own. Emit may be
// called there while less than Options.HighWaterMark is unsent.
//
// # Reading order
//
// client.go has the states. link.go is one connection: the handshake, and what arrives.
// session.go is what outlives the connection, ledger.go the answers that we gave, and
// question.go the answers that we wait for. credentials.go is how the server knows us.
// parked.go holds what waits for a connection, delivery.go says what may be lost, and pace.go
// what the server's rate limit allows. emit.go and send.go are the way out, dispatch.go,
// early.go, handlers.go and observe.go the way in; typed.go gives both types, and sync.go
// waits for both. mirror.go follows a state of a room, hearers.go and entries.go are who hears
// of it, and predict.go is ahead of it. reconnect.go restores a session, move.go changes
// connections before one is lost. transport_net.go, read_net.go, read_unix.go, write_net.go,
// vigil.go and transport_js.go move the bytes.
package client
