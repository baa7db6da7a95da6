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
// Connect fails with a typed error and does not try again. A session that was
// established and is lost comes back by itself, with growing, jittered delays,
// unless the server forbade it; what was emitted meanwhile waits in a bounded
// queue and is sent first.
//
// A server that keeps messages (Options.EnableMessageCache there) recovers the
// session: same ID, rooms and values, and the events and questions of either side
// since, once and in order, but events that the server sends as volatile, state or
// with a deadline. OnReconnected and Recovered say whether the session was
// recovered; if not, fetch the state anew. Disconnect ends it for good.
//
// No call waits for ever: EmitWithAck ends with its context or AckTimeout, Emit,
// Reply and Fail after Options.SendTimeout when the server does not read.
//
// Goroutines: one reads the connection and settles acks; one, which exists only
// while there is something to do, runs all handlers one after the other, so they
// may block and call EmitWithAck. Emit writes on the caller's goroutine: while
// one caller is in the write system call, others append to the next batch and
// return, and the batch leaves in one write. With 16 goroutines on two cores an
// Emit so costs a seventh of what a write per message under a lock costs
// (BenchmarkEmitParallel: 0.5 against 3.6 µs); a lone caller pays its one write.
//
// In a browser (transport_js.go; examples/browser-go is a whole program) everything
// works alike but for what the browser keeps to itself: TLSConfig and Origin are its
// own, a refused upgrade is ERR_CONN_001 without the reason, and a server that falls
// silent is noticed by its missing PINGs. A js.Func callback must not block, so call
// Connect, EmitWithAck and Request on a goroutine of their own; Emit may be called
// there while less than 1 MiB is unsent.
//
// Read client.go for the states, session.go for one connection, transport_net.go
// and transport_js.go for the bytes.
package client
