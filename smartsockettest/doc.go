// Package smartsockettest tests handlers with a real server and real clients, in memory: no port,
// no sleep, and a clock that the test advances.
//
//	func TestMove(t *testing.T) {
//		s := smartsockettest.New(t, smartsocket.Options{}, game.Register)
//		alice, bob := s.Client(t), s.Client(t)
//		alice.Call("join", "arena")
//		bob.Call("join", "arena")
//
//		alice.Emit("move", Move{X: 1})
//		bob.Expect("moved", Move{X: 1})
//		alice.ExpectNothing()
//	}
//
// Nothing of the protocol is simulated. The server's event loops, the codec, sessions, limits and
// the Go client are those of production. Only the network is a pair of connected sockets of the
// system for each connection, which the loops adopt as if they had accepted it. New registers
// everything to end with the test, and reports what then is left.
//
// # What to test with
//
//   - Call, CallFails, Emit, Expect, ExpectNothing and ExpectClosed are a client's side of a test.
//     If one fails, the test's log lists what the client has got, in order.
//   - Quiet returns when all that was set off has been handled, on both sides. A test may then
//     look at what its handlers have written.
//   - Cut and Reconnect, Pause and Resume, Lag and Slow are the troubles of a network.
//   - Advance moves the server's clock on, by hours if need be.
//   - Client.Socket is a client's socket, and Socket alone makes one, for code that takes a
//     *smartsocket.Socket.
//   - Fake is a socket without a server, for unit tests of handlers: what a handler has sent is
//     there when it returns.
//
// # Which clock is which
//
// The server's clock stands still until Advance. These follow it: heartbeats and ConnectionTimeout,
// HandshakeTimeout, AuthTimeout, Grant.Expires (see Server.Now), rate windows, FailureLimit and
// AcceptRate, the timeout of Socket.EmitWithAck, MessageCacheAge and the end of sessions, Hold,
// MaxOutboxAge, deadlines of events (Deadline), InlineBudget, Socket.RTT and ClockOffset, the rates
// of Stats, and the client's Lag and Slow.
//
// These follow the system's: what an application asks package time or a context for itself;
// contexts that the server makes with a timeout, as for the Authenticate hook; Shutdown and Close;
// MaxFrameRate and MaxInflateRate; and everything of the client, as AckTimeout, QueueAge
// and ReconnectDelay. A client that is cut does not come back by its delays but by Reconnect. It
// asks Credentials as soon as it is cut, on a goroutine of its own.
//
// Package testing/synctest does not help here. In its bubbles time advances when all goroutines
// wait for each other, and an event loop waits in a system call, as does the client's reader.
// Neither ever counts as waiting there.
//
// # What is deterministic
//
// A connection keeps its order, so a round trip shows that nothing before it is on its way any
// more. ExpectNothing, Quiet and Advance stand on that; none of them waits for time to pass.
// What they cannot see is a goroutine that a handler starts by itself, and what a client's handler
// does while the client is paused, slow or lagging. As in production, handlers of different
// sockets run at the same time: what they share needs a lock in tests too. After Quiet, Connect,
// Cut and the like, what handlers have written may be read without one.
//
// # Costs
//
// BenchmarkTest is the smallest test of a handler: server, client, event, answer, end. On two
// shared cores it takes 0.31 ms, and the same test on a port 0.50 ms (BenchmarkTestOnPort; the
// fastest of 600 runs of ten). Of that 0.14 ms go into the start of the loop and the handshake,
// 0.03 ms into the event and its answer, and 0.07 ms into the end. A fifth of the CPU time is
// system calls, because a server and a client have nine descriptors in their life. 65 KB are
// allocated, half of them for the loop's poller.
//
// # Leaks
//
// All goroutines of the server, and those that they start, have a profiler label. At the end of the
// test the goroutines with its label are to have ended. They are not looked at if there are as few
// goroutines as before any test, because a look takes another tenth of a millisecond, as it does
// in subtests and in parallel tests.
//
// # Locks
//
// Server.mu, Client.mu, Fake.mu, conn.mu, record.mu and testLog.mu are leaves. A Client's
// handlers run on its own goroutine and take only record.mu.
//
// # Reading order
//
// server.go and client.go are the API, expect.go what a client expects, socket.go a socket alone,
// fake.go one without a server. record.go is what a client got, network.go the connections, conn.go
// what holds them back, and leak.go what is left. The package needs Linux or macOS, as the server
// does.
package smartsockettest
