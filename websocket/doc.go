// Package websocket joins reactor and frame into one endpoint of RFC 6455 on an event loop. It
// upgrades, parses, answers pings and close frames, and negotiates and applies permessage-deflate.
// It knows nothing of events. The event layer, the -echo mode and the load generator are built on
// it.
//
// A connection passes through four states, always on its loop:
//
//	head ──101──> open ──close frame sent──> closing ──peer's close frame──> done
//	  └──refused, failed or timed out──────────┴──────────────────────────────┘
//
// # Locks
//
// Conn.mu makes "if it is open, write" one step. It is taken before the locks of package reactor
// (reactor.Conn.mu, then its loop's) and never held during a callback. Server.mu guards the
// listener. It too is taken before the locks of package reactor, and never held together with
// Conn.mu. What is marked "loop only" needs no lock because only the connection's loop touches it.
//
// # Reading order
//
// Read handler.go (what a user implements), conn.go, handshake.go, read.go, send.go, close.go.
// server.go listens, http.go takes connections over from net/http and bridge.go those with TLS.
// dial.go is the client.
package websocket
