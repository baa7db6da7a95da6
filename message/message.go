package message

// Kind is the kind of a message, the low four bits of byte 0 of the binary encoding.
type Kind uint8

// The kinds of protocol version 1.
const (
	KindHello      Kind = 1  // server to client, first
	KindConnect    Kind = 2  // client to server, answers HELLO
	KindConnectAck Kind = 3  // server to client, completes the handshake
	KindEvent      Kind = 4  // a named event with data
	KindAck        Kind = 5  // answers an EVENT that asked for it
	KindError      Kind = 6  // a failure; with FlagAck, the failure of the EVENT with that ack id
	KindPing       Kind = 7  // a clock sample
	KindPong       Kind = 8  // answers a PING
	KindGoaway     Kind = 9  // the server asks the client to reconnect
	KindSealed     Kind = 15 // an encrypted message; its payload is opaque here
)

// Flags are the high four bits of byte 0.
type Flags uint8

// The flags of protocol version 1. EVENT and ACK may carry all of them, ERROR all except
// FlagBinary, the other kinds none. An ACK always carries FlagAck.
const (
	FlagSeq Flags = 0x80 // Seq is present
	// FlagAck says that AckID is present: an EVENT asks for an ack, an ACK or ERROR answers one.
	FlagAck      Flags = 0x40
	FlagBinary   Flags = 0x20 // the payload is raw bytes, otherwise JSON text; empty means no data
	FlagDeflated Flags = 0x10 // the payload is raw DEFLATE
)

const (
	// Subprotocol names the full protocol in Sec-WebSocket-Protocol.
	Subprotocol = "smartsocket.v1"
	// Version is the protocol version that HELLO and CONNECT carry.
	Version = 1
	// MaxEventName is the length of the longest event name in bytes. The shortest has 1.
	MaxEventName = 128
	// MaxJSONDepth is how deep the arrays and objects of a JSON message may nest.
	MaxJSONDepth = 64
	// MaxJSONAck is the largest ack id in the JSON encoding. It is the largest integer that every
	// JSON reader keeps exactly (RFC 8259 section 6).
	MaxJSONAck = 1<<53 - 1
)

// Message is one message of either encoding. The slices of a parsed Message borrow the input.
type Message struct {
	Kind  Kind
	Flags Flags
	Seq   uint64 // valid with FlagSeq
	AckID uint64 // valid with FlagAck
	Event []byte // of an EVENT only; borrows the input
	// Payload borrows the input. For HELLO, CONNECT, CONNECT_ACK, PING, PONG and GOAWAY it is the
	// fields of the record.
	Payload []byte
}
