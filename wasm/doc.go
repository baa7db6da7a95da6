// Command wasm is the codec engine of the browser client: package message compiled for GOOS=js
// GOARCH=wasm, behind a handful of exported functions.
//
//	JavaScript (js/)         linear memory                       this program
//	writes a message   ──>   input buffer             ──>        an export: decode, encode, …
//	reads the answer   <──   record, output buffer    <──        its result
//
// The JavaScript shell in js/ owns everything that lasts: the WebSocket, timers, acks, listeners,
// reconnection. The engine keeps only the keys of encrypted connections, which the shell names by
// handles (sealing.go). Each call reads one message from the input buffer and leaves its answer in
// the record and the output buffer (record.go). All three are in linear memory. A call starts no
// goroutine, timer or JavaScript callback, and a panic becomes an error.
//
// The program has no mutex, because JavaScript makes one call at a time.
//
// Read record.go, then exports.go, deflate.go and sealing.go. Run build.sh to build the engine
// together with the shell. The result is in dist/.
package main
