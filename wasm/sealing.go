//go:build js && wasm

package main

//lint:file-ignore U1000 JavaScript calls these functions by go:wasmexport, unknown to the linter

import (
	"github.com/smartsocket/smartsocket/crypto"
	"github.com/smartsocket/smartsocket/message"
)

// sealed holds the keys of the encrypted connections. The handle of a connection is its index plus
// one, and a free place is nil. Keys are the only thing that the engine keeps between calls.
var sealed []*message.Ends

var (
	errKey = message.New(message.CodeAuthFailed,
		"the encryption key is not base64 of 32 random bytes")
	errHandle = message.New(message.CodeDecryption, "the connection of this message was closed")
)

// encodeSealedConnect writes a CONNECT whose fields are those of encodeConnect, sealed under keys
// that it derives and keeps. slotKind then contains their handle. Two more byte values follow in
// the input: the key in base64 and the HELLO. Fields 7 and 8 contain their lengths, and field 9 the
// algorithm.
//
//go:wasmexport ss_connect_sealed
func encodeSealedConnect() (failed uint32) {
	defer contain(&failed)
	record[slotFailed] = 0
	t := taker{rest: in[:cap(in)]}
	c := takeConnect(&t)
	secret, hello := t.take(record[slotField+14]), t.take(record[slotField+16])
	if t.failed {
		return fail(errShortInput)
	}
	key, err := crypto.ParseKey(string(secret))
	clear(secret)
	if err != nil {
		return fail(errKey)
	}
	random := c.Random
	b, ends, err := message.AppendSealedConnect(out[:0], hello, &c, &key,
		crypto.Algorithm(record[slotField+18]), random)
	clear(in[:cap(in)-len(t.rest)])
	if err != nil {
		return fail(err)
	}
	out = b
	setBytes(slotPayload, out)
	record[slotKind] = keep(ends)
	return 0
}

// keep returns a handle for ends.
func keep(ends *message.Ends) uint32 {
	for i := range sealed {
		if sealed[i] == nil {
			sealed[i] = ends
			return uint32(i) + 1
		}
	}
	sealed = append(sealed, ends)
	return uint32(len(sealed))
}

// held returns the keys of handle, or nil if it was released.
func held(handle uint32) *message.Ends {
	if handle == 0 || uint64(handle) > uint64(len(sealed)) {
		return nil
	}
	return sealed[handle-1]
}

// seal encrypts the binary message in the first n bytes of the input. slotPayload then says where
// the sealed one is.
//
//go:wasmexport ss_seal
func seal(handle, n uint32) (failed uint32) {
	defer contain(&failed)
	record[slotFailed] = 0
	ends := held(handle)
	switch {
	case ends == nil:
		return fail(errHandle)
	case uint64(n) > uint64(cap(in)):
		return fail(errShortInput)
	}
	out = ends.Seal(out[:0], in[:n])
	setBytes(slotPayload, out)
	return 0
}

// open decrypts in place the sealed message in the first n bytes of the input. slotPayload then
// says where the binary message is. After a failure the connection must be closed.
//
//go:wasmexport ss_open
func open(handle, n uint32) (failed uint32) {
	defer contain(&failed)
	record[slotFailed] = 0
	ends := held(handle)
	switch {
	case ends == nil:
		return fail(errHandle)
	case uint64(n) > uint64(cap(in)):
		return fail(errShortInput)
	}
	b, err := ends.Open(in[:n])
	if err != nil {
		return fail(err)
	}
	setBytes(slotPayload, b)
	return 0
}

// release forgets the keys of handle, which may then name another connection.
//
//go:wasmexport ss_release
func release(handle uint32) {
	if held(handle) != nil {
		sealed[handle-1] = nil
	}
}
