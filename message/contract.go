// Package message is SmartSocket's own wire: the binary and the JSON encoding of
// its messages, the handshake records, error codes, and the codec for user
// values. Server, Go client and browser share it; it does no I/O. Built with
// GOOS=js it must not pull in fmt, reflect or encoding/json.
package message

// Kind says what a message is (low four bits of byte 0 of the binary encoding).
type Kind uint8

const (
	KindHello      Kind = 1
	KindConnect    Kind = 2
	KindConnectAck Kind = 3
	KindEvent      Kind = 4
	KindAck        Kind = 5
	KindError      Kind = 6
	KindPing       Kind = 7
	KindPong       Kind = 8
	KindGoaway     Kind = 9
	KindSealed     Kind = 15
)

// Flags are the high four bits of byte 0.
type Flags uint8

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
)

// Message is one message of either encoding.
type Message struct {
	Kind    Kind
	Flags   Flags
	Seq     uint64
	AckID   uint64
	Event   []byte // EVENT only; borrowed from the input
	Payload []byte // borrowed from the input; for HELLO, CONNECT, CONNECT_ACK, PING, PONG, GOAWAY: the record's fields
}

// Parse reads the binary encoding. Event and Payload borrow b. Unknown kinds and flags, flags that the kind does not
// allow, an overlong or out-of-range uvarint, a bad event name: an *Error with CodeInvalidFormat. JSON payloads are not validated here.
func Parse(b []byte) (Message, error) { panic("contract") }

// ParseJSON reads the JSON encoding (an EVENT, ACK or ERROR) by one zero-allocation scan, which validates the whole text (RFC 8259, depth
// ≤ MaxJSONDepth). Payload is the raw JSON of "data" (or of "error"), nil when absent; Event borrows b and is unescaped in place when it has
// escapes, so b must be writable. Unknown keys are ignored; a duplicate key, a missing event, a non-string event, a bad ack: *Error CodeInvalidFormat.
func ParseJSON(b []byte) (Message, error) { panic("contract") }

// Append appends the binary encoding of m.
func Append(dst []byte, m *Message) []byte { panic("contract") }

// AppendEventHeader appends everything of a binary EVENT up to its payload.
func AppendEventHeader(dst []byte, flags Flags, seq, ackID uint64, event string) []byte {
	panic("contract")
}

// AppendJSON appends the JSON encoding of an EVENT, ACK or ERROR. m.Payload is JSON text (not FlagDeflated), or, with FlagBinary, raw bytes that become a base64 string.
func AppendJSON(dst []byte, m *Message) []byte { panic("contract") }

// ValidJSON reports whether b is one JSON text nesting at most MaxJSONDepth deep, in O(n), without recursion or allocation.
func ValidJSON(b []byte) bool { panic("contract") }

// Hello is the server's first message. Byte slices of parsed records borrow the input.
//
// HELLO, CONNECT, CONNECT_ACK and GOAWAY are records: byte 0 = kind, then fields, each
// uvarint id, uvarint length, value. Unknown ids are skipped; a repeated or malformed known one is CodeInvalidFormat. Numbers inside fields are uvarints.
type Hello struct {
	Version          uint64 // 1
	Random           []byte // 2: 32 bytes
	Algorithms       []byte // 3: ids in server order (1 aes-256-gcm, 2 aes-256-cbc); empty = no encryption
	KeyIDs           []byte // 4: 8 bytes each
	AuthRequired     bool   // 5 bit 0
	ResumeSupported  bool   // 5 bit 1
	MaxMessageBytes  uint64 // 6
	HandshakeTimeout uint64 // 7, milliseconds
}

// Connect is the client's answer.
type Connect struct {
	Version      uint64 // 1
	Random       []byte // 2: 32 bytes
	Algorithm    uint64 // 3: chosen id, 0 = none
	KeyID        []byte // 4
	Namespace    []byte // 10: overrides the URL path when present
	APIKey       []byte // 11
	SessionToken []byte // 12
	LastSeq      uint64 // 13
	CanInflate   bool   // 14 bit 0
	Client       []byte // 15: name/version, for logs
}

// ConnectAck completes the handshake.
type ConnectAck struct {
	SocketID             []byte // 1
	SessionToken         []byte // 2
	Recovered            bool   // 3 bit 0
	HeartbeatInterval    uint64 // 4, milliseconds
	CompressionThreshold uint64 // 5, bytes
	MaxMessageBytes      uint64 // 6
	ServerTime           uint64 // 7, µs since the Unix epoch
}

// Goaway asks the client to reconnect elsewhere or later.
type Goaway struct {
	Deadline        uint64 // 1, milliseconds until the server closes
	ReconnectWindow uint64 // 2, milliseconds over which clients spread their reconnects
	URL             []byte // 3
}

// Clock is the payload of PING and PONG: three uvarints in order.
type Clock struct {
	ServerTime uint64 // µs; PONG repeats the PING's
	RTT        uint64 // µs, the server's last measurement, 0 = none yet
	ClientTime uint64 // µs, PONG only
}

func AppendHello(dst []byte, h *Hello) []byte           { panic("contract") }
func ParseHello(b []byte) (Hello, error)                { panic("contract") }
func AppendConnect(dst []byte, c *Connect) []byte       { panic("contract") }
func ParseConnect(b []byte) (Connect, error)            { panic("contract") }
func AppendConnectAck(dst []byte, c *ConnectAck) []byte { panic("contract") }
func ParseConnectAck(b []byte) (ConnectAck, error)      { panic("contract") }
func AppendGoaway(dst []byte, g *Goaway) []byte         { panic("contract") }
func ParseGoaway(b []byte) (Goaway, error)              { panic("contract") }
func AppendClock(dst []byte, k Kind, c Clock) []byte    { panic("contract") }
func ParseClock(b []byte) (Clock, error)                { panic("contract") }

// The four Parse… functions above take the whole binary message, byte 0 included.

// Code is an ERR_ code, stable on the wire.
type Code string

const (
	CodeRefused          Code = "ERR_CONN_001"
	CodeTimeout          Code = "ERR_CONN_002"
	CodeHandshakeFailed  Code = "ERR_CONN_003"
	CodeAuthFailed       Code = "ERR_CONN_004"
	CodeMaxConnections   Code = "ERR_CONN_005"
	CodeConnectionLost   Code = "ERR_CONN_006"
	CodeInvalidFormat    Code = "ERR_MSG_001"
	CodeDecompression    Code = "ERR_MSG_002"
	CodeDecryption       Code = "ERR_MSG_003"
	CodeTooLarge         Code = "ERR_MSG_004"
	CodeInvalidNamespace Code = "ERR_MSG_005"
	CodeRateLimited      Code = "ERR_RATE_001"
	CodeEventRateLimited Code = "ERR_RATE_002"
	CodeAckTimeout       Code = "ERR_ACK_001"
	CodeAckInvalid       Code = "ERR_ACK_002"
	CodeAckUnknown       Code = "ERR_ACK_003"
	CodeRejected         Code = "ERR_APP_001"
	CodeHandlerFailed    Code = "ERR_APP_002"
	CodeNoHandler        Code = "ERR_APP_003"
	CodeShuttingDown     Code = "ERR_SRV_001"
)

// Error is every error that SmartSocket reports: a code, one sentence that says what happened and how to mend it, and
// where it belongs. errors.Is matches on Code alone; Unwrap gives the cause.
type Error struct {
	Code       Code
	Message    string
	Event      string // the event it is about, if any
	RetryAfter int64  // milliseconds, 0 = not given
	Cause      error
}

func (e *Error) Error() string        { panic("contract") }
func (e *Error) Is(target error) bool { panic("contract") }
func (e *Error) Unwrap() error        { return e.Cause }

// AppendErrorJSON appends e as {"code":…,"message":…[,"event":…][,"retryAfter":…]}: the payload of an ERROR message.
func AppendErrorJSON(dst []byte, e *Error) []byte { panic("contract") }

// ParseErrorJSON reads such a payload (no encoding/json).
func ParseErrorJSON(b []byte) (Error, error) { panic("contract") }

// Marshal appends v as JSON, Unmarshal reads it, CodecName says what does the work ("sonic" or "encoding/json"); they exist
// only outside GOOS=js builds. HTML is not escaped. Both are safe for concurrent use.
//
//	func Marshal(dst []byte, v any) ([]byte, error)
//	func Unmarshal(data []byte, v any) error
//	func CodecName() string
