// Command wasm is the codec engine of the browser client: package message
// compiled for GOOS=js GOARCH=wasm behind a handful of exported functions.
//
// The JavaScript shell in js/ owns everything that lasts: the WebSocket, timers,
// acks, listeners, reconnection. The engine owns nothing that lasts but the keys of
// encrypted connections, which the shell names by handles (sealing.go): each call
// reads one message from the input buffer and leaves its answer in the record
// and the output buffer, all three in linear memory (record.go). No goroutine,
// timer or JavaScript callback is started by a call; a panic becomes an error.
//
// Run build.sh to build it together with the shell; the result lands in dist/.
package main
