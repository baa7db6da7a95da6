// Package frame implements RFC 6455 and RFC 7692 as pure functions over bytes: a push parser,
// header and frame builders, the rules for UTF-8 and close codes, the opening handshake of both
// sides, and permessage-deflate. It does no I/O and starts no goroutine, except for Dialer. It is
// the only package that imports gobwas/ws.
//
// A Parser takes the bytes of one direction of a connection in pieces of any size:
//
//	         header complete            payload complete
//	header  ----------------->  frame  ------------------->  header
//	  |                           |                             |
//	  | p ends                    | p ends                      | last frame of a message:
//	  v                           v                             v
//	keep at most 13 bytes        keep the payload             hand out the Message
//	of the header                in a pooled buffer
//
// A message that lies whole in the caller's bytes is unmasked where it lies and handed out from
// there. A violation in any state is final until Reset.
//
// # Locks
//
// The package has no mutex. A Parser belongs to one goroutine at a time. Everything else is a
// function of its arguments and safe for concurrent use.
//
// # Reading order
//
// Read parser.go for the way in (Parser.Feed), then header.go and mask.go, which it calls. build.go
// and prepare.go are the way out (AppendFrame, Prepare). request.go and response.go are the opening
// handshake of a server and client.go that of a client, both on top of head.go. extension.go
// negotiates permessage-deflate, dialer.go opens a client's connection, origin.go checks who may
// connect, close.go has the close codes.
package frame
