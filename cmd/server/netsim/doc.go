// Package netsim makes a connection behave as if a worse network lay in between: with delay,
// jitter, loss and little bandwidth. It works in this process, on bytes that a TCP connection
// carries, and needs no rights.
//
// # What it imitates
//
// The bytes of a write are cut into segments. Each takes its turn on a line of the given bandwidth,
// then travels for the delay, give or take the jitter. TCP delivers in order, so a segment never
// overtakes the one before it. A segment that is lost is not missing at the other end: it is sent
// again after the time that Linux waits, its round trip and 200 ms more, then after twice that, and
// everything behind it waits. That is how players see loss.
//
// What waits is bounded, as a socket's buffer is. A writer that is faster than the line blocks.
// What the congestion control of a real sender would do besides is not imitated, nor are the
// acknowledgements of segments, the handshake of TCP and the resolution of names.
//
// # Locks
//
// queue.mu is a leaf, apart from that of the clock. A connection has two, and never holds both.
//
// # Reading order
//
// Read link.go (what a network is), line.go (when a segment arrives), queue.go and conn.go.
package netsim
