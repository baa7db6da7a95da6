// Package websocket joins reactor and frame: one endpoint of RFC 6455 over an
// event loop. It upgrades, parses, answers pings and close frames, negotiates
// and applies permessage-deflate, and knows nothing of events. The event
// layer, the -echo mode and the load generator stand on it.
//
// A connection goes through four states, all of them on its loop:
//
//	head ──101──> open ──close frame sent──> closing ──peer's close frame──> done
//	  └──refused, failed or timed out──────────┴──────────────────────────────┘
//
// The reading order is handler.go (what a user implements), conn.go,
// handshake.go, read.go, send.go, close.go.
package websocket
