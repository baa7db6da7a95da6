// Package frame is RFC 6455 and RFC 7692 as pure functions over bytes: a push
// parser, header and frame builders, UTF-8 and close-code rules, the opening
// handshake of both sides and permessage-deflate. It does no I/O, starts no
// goroutine and is the one door to gobwas/ws.
//
// Read parser.go for the way in (Parser.Feed), build.go for the way out
// (AppendFrame, Prepare) and request.go for the opening handshake.
package frame
