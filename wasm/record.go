//go:build js && wasm

package main

import (
	"unsafe"

	"github.com/smartsocket/smartsocket/message"
)

// The slots of the record. js/src/engine-wasm.js has the same list. A pair of slots holds either
// (low, high) of an unsigned 64-bit number or (address, length) of bytes in linear memory.
const (
	slotFailed    = 0 // 1: the call failed; slots code and text say why
	slotKind      = 1
	slotFlags     = 2
	slotSeq       = 4
	slotAck       = 6
	slotEvent     = 8
	slotPayload   = 10
	slotCode      = 12
	slotText      = 14
	slotField     = 16 // first field of a handshake record; field n is at slotField + 2n
	recordSlots   = 40
	maxKeptBuffer = 1 << 20 // a larger buffer is released before the next message
)

// record is where an export leaves its result, and where JavaScript puts the fields of a CONNECT.
var record [recordSlots]uint32

// in is the message or the arguments that JavaScript wrote, out the encoded message, and scratch a
// payload on its way through DEFLATE. Each is reused, and none is valid after the next call.
var in, out, scratch []byte

// text and code keep alive what the record points to.
var text, code string

func setNumber(slot int, n uint64) {
	record[slot], record[slot+1] = uint32(n), uint32(n>>32)
}

func number(slot int) uint64 {
	return uint64(record[slot]) | uint64(record[slot+1])<<32
}

func setBytes(slot int, b []byte) {
	record[slot], record[slot+1] = address(b), uint32(len(b))
}

func setString(slot int, s string) {
	record[slot] = uint32(uintptr(unsafe.Pointer(unsafe.StringData(s))))
	record[slot+1] = uint32(len(s))
}

func setBit(slot int, b bool) {
	n := uint64(0)
	if b {
		n = 1
	}
	setNumber(slot, n)
}

func address(b []byte) uint32 {
	return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(b))))
}

// roomFor rounds n up to a power of two of at least 4 KiB, so that growing messages rarely need new
// buffers.
func roomFor(n uint32) int {
	room := 4096
	for room < int(n) {
		room *= 2
	}
	return room
}

var (
	errShortInput = &message.Error{Code: message.CodeInvalidFormat,
		Message: "the shell passed lengths beyond the input buffer; shell and engine are of " +
			"different versions"}
	errNotForClients = &message.Error{Code: message.CodeInvalidFormat,
		Message: "a message of this kind is not for clients, or is encrypted although the " +
			"connection is not"}
	errEventName = &message.Error{Code: message.CodeInvalidFormat,
		Message: "an event name has 1 to 128 bytes of UTF-8"}
)

// taker cuts the input buffer into the values whose lengths the record contains.
type taker struct {
	rest   []byte
	failed bool
}

// take borrows the next n bytes of the input.
func (t *taker) take(n uint32) []byte {
	if t.failed || uint64(n) > uint64(len(t.rest)) {
		t.failed = true
		return nil
	}
	b := t.rest[:n:n]
	t.rest = t.rest[n:]
	if n == 0 {
		return nil
	}
	return b
}

// fail records err as the outcome of a call.
func fail(err error) uint32 {
	code, text = string(message.CodeInvalidFormat), ""
	if e, ok := err.(*message.Error); ok {
		code, text = string(e.Code), e.Message
	} else {
		text = err.Error()
	}
	record[slotFailed] = 1
	setString(slotCode, code)
	setString(slotText, text)
	return 1
}

// contain turns a panic of the surrounding export into a failed call.
func contain(failed *uint32) {
	if v := recover(); v != nil {
		*failed = fail(&message.Error{Code: message.CodeInvalidFormat,
			Message: "the codec engine failed on this message; please report it"})
	}
}
