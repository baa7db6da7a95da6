// Package message is SmartSocket's own wire: the binary and the JSON encoding of
// its messages, the handshake records, error codes, and the codec for user
// values. Server, Go client and browser share it; it does no I/O. Built with
// GOOS=js it must not pull in fmt, reflect or encoding/json.
package message

// Kind says what a message is (low four bits of byte 0 of the binary encoding).
type Kind uint8

// The kinds of protocol version 1.
const (
	KindHello      Kind = 1  // server to client, first
	KindConnect    Kind = 2  // client to server, the answer to HELLO
	KindConnectAck Kind = 3  // server to client, completes the handshake
	KindEvent      Kind = 4  // a named event with data
	KindAck        Kind = 5  // the answer to an EVENT that asked for one
	KindError      Kind = 6  // a failure; with FlagAck, of the EVENT with that ack id
	KindPing       Kind = 7  // a clock sample
	KindPong       Kind = 8  // its answer
	KindGoaway     Kind = 9  // the server asks the client to reconnect
	KindSealed     Kind = 15 // an encrypted message; its payload is opaque here
)

// Flags are the high four bits of byte 0.
type Flags uint8

// The flags of protocol version 1. EVENT and ACK may carry all of them, ERROR
// all but FlagBinary, an ACK always carries FlagAck, the other kinds carry none.
const (
	FlagSeq      Flags = 0x80 // Seq is present
	FlagAck      Flags = 0x40 // AckID is present: an EVENT asks for an ack; an ACK or ERROR answers one
	FlagBinary   Flags = 0x20 // payload is raw bytes, else JSON text; empty = no data
	FlagDeflated Flags = 0x10 // payload is raw DEFLATE
)

const (
	// Subprotocol names the full protocol in Sec-WebSocket-Protocol.
	Subprotocol = "smartsocket.v1"
	// Version is the protocol version in HELLO and CONNECT.
	Version = 1
	// MaxEventName is the longest event name in bytes; the shortest is 1.
	MaxEventName = 128
	// MaxJSONDepth is how deep arrays and objects of a JSON message may nest.
	MaxJSONDepth = 64
	// MaxJSONAck is the largest ack id of the JSON encoding, the largest integer
	// that every JSON reader keeps exactly (RFC 8259 section 6).
	MaxJSONAck = 1<<53 - 1
)

// Message is one message of either encoding. The slices of a parsed Message
// borrow the input.
type Message struct {
	Kind    Kind
	Flags   Flags
	Seq     uint64 // with FlagSeq
	AckID   uint64 // with FlagAck
	Event   []byte // EVENT only; borrowed from the input
	Payload []byte // borrowed from the input; for HELLO, CONNECT, CONNECT_ACK, PING, PONG, GOAWAY: the record's fields
}
