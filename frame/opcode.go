package frame

import "github.com/gobwas/ws"

// Opcode is the opcode of a frame (RFC 6455 section 5.2).
type Opcode = ws.OpCode

// The opcodes that RFC 6455 section 11.8 defines. All others are reserved.
const (
	Continuation = ws.OpContinuation
	Text         = ws.OpText
	Binary       = ws.OpBinary
	Close        = ws.OpClose
	Ping         = ws.OpPing
	Pong         = ws.OpPong
)

// The bits of a frame's first two bytes (RFC 6455 section 5.2).
const (
	bitFin     = 0x80
	bitRsv1    = 0x40
	bitsRsv23  = 0x30
	bitControl = 0x08 // of the opcode
	bitsOpcode = 0x0f
	bitMask    = 0x80
	bitsLength = 0x7f

	length16 = 126 // the length follows in two bytes
	length64 = 127 // the length follows in eight bytes

	maxHeader  = 14 // two bytes, eight of length, four of key
	maxControl = ws.MaxControlFramePayloadSize
)
