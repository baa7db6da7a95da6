//go:build js && wasm

package main

import (
	"errors"
	"strconv"

	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

// level is the compression level of what the client sends. It is the server's default.
const level = 6

// inflate replaces the compressed payload of m by its decompressed form of at most limit bytes. The
// result is in scratch.
func inflate(m *message.Message, limit uint32) (err error) {
	scratch, err = pool.Inflate(scratch[:0], m.Payload, int(limit), false)
	switch {
	case errors.Is(err, pool.ErrTooLarge):
		return message.New(message.CodeTooLarge, "a compressed message inflates to more than "+
			strconv.FormatUint(uint64(limit), 10)+" bytes; raise maxMessageBytes on the server")
	case err != nil:
		return errInflate
	}
	m.Payload = scratch
	return nil
}

var errInflate = message.New(message.CodeDecompression,
	"a compressed message cannot be inflated: its payload is not raw DEFLATE (RFC 1951)")

// deflate replaces the payload that begins at out[body] by its compressed form and sets the flag,
// if that is shorter.
func deflate(body int) {
	payload := out[body:]
	if looksCompressed(payload) {
		return
	}
	packed, err := pool.Deflate(scratch[:0], payload, level, false)
	scratch = packed
	if err != nil || len(packed) >= len(payload) ||
		len(payload) > pool.InflateLimit(len(packed), len(payload)) { // the server would refuse it
		return
	}
	out = append(out[:body], packed...)
	out[0] |= byte(message.FlagDeflated)
}

// looksCompressed recognises the first bytes of formats that DEFLATE only makes longer.
func looksCompressed(p []byte) bool {
	for _, magic := range [...]string{"\x1f\x8b", "\x89PNG", "\xff\xd8\xff", "GIF8", "PK\x03\x04",
		"\x28\xb5\x2f\xfd", "OggS", "RIFF"} {
		if len(p) >= len(magic) && string(p[:len(magic)]) == magic {
			return true
		}
	}
	return false
}
