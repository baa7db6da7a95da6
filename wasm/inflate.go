//go:build js && wasm

package main

import "github.com/smartsocket/smartsocket/message"

// canInflate is what CONNECT tells the server.
const canInflate = false

// inflate appends the decompressed form of src to dst, at most limit bytes of it.
func inflate(dst, src []byte, limit int) ([]byte, error) {
	return dst, &message.Error{Code: message.CodeDecompression, Message: "this client said that it cannot inflate, but the server sent a compressed payload"}
}
