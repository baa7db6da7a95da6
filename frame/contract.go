// Package frame is RFC 6455 and RFC 7692 as pure functions over bytes: a push
// parser, header and frame builders, UTF-8 and close-code rules, the opening
// handshake of both sides and permessage-deflate. It does no I/O and is the one
// door to gobwas/ws.
package frame

import (
	"github.com/gobwas/ws"

	"github.com/smartsocket/smartsocket/pool"
)

// Opcode is the frame's opcode (RFC 6455 section 5.2).
type Opcode = ws.OpCode

const (
	Continuation = ws.OpContinuation
	Text         = ws.OpText
	Binary       = ws.OpBinary
	Close        = ws.OpClose
	Ping         = ws.OpPing
	Pong         = ws.OpPong
)

// CloseCode is a WebSocket close status (RFC 6455 section 7.4).
type CloseCode uint16

const (
	CloseNormal             CloseCode = 1000
	CloseGoingAway          CloseCode = 1001
	CloseProtocolError      CloseCode = 1002
	CloseUnsupportedData    CloseCode = 1003
	CloseNoStatus           CloseCode = 1005
	CloseAbnormal           CloseCode = 1006
	CloseInvalidPayload     CloseCode = 1007
	ClosePolicyViolation    CloseCode = 1008
	CloseTooBig             CloseCode = 1009
	CloseMandatoryExtension CloseCode = 1010
	CloseInternal           CloseCode = 1011
	CloseServiceRestart     CloseCode = 1012
	CloseTryAgainLater      CloseCode = 1013
)

// Error is a violation found in the peer's bytes: the close code that answers it and why.
type Error struct {
	Code   CloseCode
	Reason string
}

func (e *Error) Error() string { panic("contract") }

// Message is one complete data message or one control frame.
type Message struct {
	Op         Opcode // Text, Binary, Close, Ping or Pong
	Payload    []byte // unmasked; borrowed until the next call of Feed
	Compressed bool   // RSV1 was set: raw DEFLATE of RFC 7692, not yet inflated nor UTF-8 checked
}

// Config is what a Parser enforces; shared by all connections of an endpoint, read only.
type Config struct {
	Client       bool  // this end is a client: frames must be unmasked; else they must be masked
	Deflate      bool  // permessage-deflate was negotiated: RSV1 allowed on first data frames
	MaxMessage   int64 // payload bytes of one message as on the wire
	MaxFragments int   // per message; 0 = 1024
}

// Parser is the push parser of one direction of one connection. The zero value is ready. It holds a
// pooled buffer only while a message is incomplete. Not safe for concurrent use. Keep it under ~64 bytes.
type Parser struct{}

// Feed consumes bytes from p, in place (payloads are unmasked where they lie), until one message or
// control frame is complete or p is used up. ok: m is complete and rest still has to be fed (call again until ok is false,
// even when rest is empty: that call releases the buffer behind m). !ok: everything was consumed and what is unfinished is kept.
// An error is final (*Error); the parser must be Reset.
func (ps *Parser) Feed(cfg *Config, p []byte) (m Message, rest []byte, ok bool, err error) {
	panic("contract")
}

// Reset releases what the parser holds and makes it ready for a new stream. Idempotent.
func (ps *Parser) Reset() { panic("contract") }

// Buffered is the number of payload bytes held of an unfinished message.
func (ps *Parser) Buffered() int { panic("contract") }

// AppendHeader appends an unmasked frame header: server to client.
func AppendHeader(dst []byte, op Opcode, fin, rsv1 bool, n int) []byte { panic("contract") }

// AppendFrame appends one complete unmasked frame.
func AppendFrame(dst []byte, op Opcode, payload []byte) []byte { panic("contract") }

// AppendMaskedFrame appends one complete masked frame: client to server.
func AppendMaskedFrame(dst []byte, op Opcode, rsv1 bool, payload []byte, key [4]byte) []byte {
	panic("contract")
}

// AppendCloseBody appends a close frame's payload; reason is cut at a rune boundary to fit 125 bytes. CloseNoStatus appends nothing.
func AppendCloseBody(dst []byte, code CloseCode, reason string) []byte { panic("contract") }

// ParseCloseBody checks and splits the payload of a received close frame. An empty body is CloseNoStatus.
func ParseCloseBody(p []byte) (code CloseCode, reason []byte, err error) { panic("contract") }

// Mask XORs p with key in place, starting at byte offset pos of the payload.
func Mask(p []byte, key [4]byte, pos int) { panic("contract") }

// Prepare encodes a message once as unmasked frame(s) for many connections; the caller owns one reference.
func Prepare(op Opcode, payload []byte) *pool.Shared { panic("contract") }

// PrepareDeflated is Prepare for connections that negotiated permessage-deflate.
func PrepareDeflated(op Opcode, payload []byte, level int) (*pool.Shared, error) { panic("contract") }

// InflateMessage inflates m.Payload (Compressed) into a pooled Buffer owned by the caller, bounded by limit, and
// checks UTF-8 when m.Op is Text.
func InflateMessage(m Message, limit int) (*pool.Buffer, error) { panic("contract") }

// Request is a client's opening handshake. Byte slices borrow the head.
type Request struct {
	Path, RawQuery, Host, Origin, UserAgent []byte
	Key                                     []byte
	Protocols                               []byte // raw Sec-WebSocket-Protocol value(s) joined by ", "
	Extensions                              []byte
	Authorization, ForwardedFor, Cookie     []byte
}

const (
	MaxHeadBytes   = 8 << 10
	MaxHeaderLine  = 4 << 10
	MaxHeaderLines = 64
)

// ScanHead looks for the end of an HTTP head in buf, resuming at from (the value returned before), and
// returns its length with the blank line, or 0 when more is needed. Over MaxHeadBytes: a *HandshakeError 431.
func ScanHead(buf []byte, from int) (n, next int, err error) { panic("contract") }

// ParseRequest parses and strictly checks one head as found by ScanHead.
func ParseRequest(head []byte) (Request, error) { panic("contract") }

// HandshakeError is a refused upgrade: HTTP status and reason.
type HandshakeError struct {
	Status int
	Reason string
}

func (e *HandshakeError) Error() string { panic("contract") }

// AppendResponse appends the 101 answer. protocol and extensions may be empty.
func AppendResponse(dst []byte, r *Request, protocol, extensions string) []byte { panic("contract") }

// AppendRefusal appends a complete HTTP error answer with Connection: close; retryAfter in seconds, 0 = none.
func AppendRefusal(dst []byte, e *HandshakeError, retryAfter int) []byte { panic("contract") }

// HasProtocol reports whether the comma-separated list offered contains name exactly.
func HasProtocol(offered []byte, name string) bool { panic("contract") }

// NegotiateDeflate answers an extension offer: the response value ("permessage-deflate; server_no_context_takeover; client_no_context_takeover")
// and true, or "", false when nothing acceptable was offered (invalid offers are declined, never an error).
func NegotiateDeflate(offered []byte) (response string, ok bool) { panic("contract") }

// OriginPolicy decides which Origin headers may connect.
type OriginPolicy struct {
	AllowAll      bool     // any
	Allowed       []string // exact scheme://host[:port], lower case; nil = same origin only
	RequireOrigin bool     // refuse requests without Origin (non-browsers)
}

// Check applies the policy (nil = same origin, absent allowed) to a request: nil or a *HandshakeError 403.
func (p *OriginPolicy) Check(r *Request) error { panic("contract") }

// AppendRequest appends a client's upgrade request; key is 24 base64 characters (NewKey). header holds extra "Name: value\r\n" lines.
func AppendRequest(dst []byte, host, target, key, origin, protocols, extensions, header string) []byte {
	panic("contract")
}

// NewKey returns a fresh Sec-WebSocket-Key.
func NewKey() string { panic("contract") }

// Response is the server's checked 101.
type Response struct{ Protocol, Extensions []byte }

// ParseResponse checks a server's answer to a request that carried key and offered protocols: a *HandshakeError with its status otherwise.
func ParseResponse(head []byte, key, offeredProtocols string) (Response, error) { panic("contract") }
