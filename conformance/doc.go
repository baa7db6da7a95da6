// Package conformance has no code, only tests. They check what a peer sees of the echo endpoint
// websocket.Echo over TCP when it follows RFC 6455 and RFC 7692 to the letter, or breaks them on
// purpose. The client is a plain net.Conn with its own code for frames and the handshake, so that a
// mistake in package frame cannot hide.
//
// The classes have the numbers of the chapters of the Autobahn test suite (1 framing, 2 pings, 3
// reserved bits, 4 opcodes, 5 fragmentation, 6 UTF-8, 7 closing, 9 sizes, 10 splitting, 12 and 13
// permessage-deflate). Each exchange runs three times: in one write, in random pieces and byte by
// byte.
//
// By default the server runs inside the test. To test another process:
//
//	go run ./cmd/server -echo -addr 127.0.0.1:9001
//	CONFORMANCE_ADDR=127.0.0.1:9001 go test ./conformance
//	go test ./conformance -args -addr 127.0.0.1:9001
//
// Tests that must look into the server or configure it are then skipped.
//
// Read client_test.go and case_test.go first. After them each file has a class of its own.
package conformance
