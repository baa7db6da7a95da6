// Package greeting has the first two messages of a connection as the server sees them. It writes
// HELLO, and reads the CONNECT that answers it, with the keys of a server that encrypts. A Queue
// keeps what a client sends behind CONNECT until it is connected.
//
// A Queue belongs to the event loop of its connection; there are no locks.
package greeting

import (
	"crypto/rand"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/fault"
	"github.com/smartsocket/smartsocket/internal/sealing"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

const (
	// MaxBytes bounds each message that a client may send before it is connected.
	MaxBytes = 4 << 10
	// MaxEarly is how many messages may come between CONNECT and CONNECT_ACK.
	MaxEarly = 16
)

// ErrEncrypts refuses a client with a key on a server that has none.
var ErrEncrypts = message.New(message.CodeAuthFailed,
	"the client encrypts and this server does not: give both the same key, or none")

// ErrEarly refuses a client that sends too much before it is connected.
var ErrEarly = fault.Errorf(message.CodeInvalidFormat,
	"wait for CONNECT_ACK: at most %d messages of %d bytes may come before it", MaxEarly, MaxBytes)

// Hello encodes h, to which it adds the version, random bytes and the public ids of the keys. keys
// is nil on a server that does not encrypt. The caller owns the buffer.
func Hello(keys *sealing.Keyring, h message.Hello) *pool.Buffer {
	var random [32]byte
	rand.Read(random[:])
	h.Version, h.Random = message.Version, random[:]
	if keys != nil {
		h.Algorithms, h.KeyIDs = []byte{byte(keys.Algorithm())}, keys.IDs()
	}
	b := pool.Get(128)
	b.B = message.AppendHello(b.B, &h)
	return b
}

// Connect reads the CONNECT that answers hello, and the encryption that it leads to where there are
// keys. It borrows hello. The CONNECT borrows p. A client of another version is told so under that
// encryption.
func Connect(
	keys *sealing.Keyring, hello []byte, op frame.Opcode, p []byte,
) (m message.Connect, line *sealing.Line, no *message.Error) {
	if op != frame.Binary || len(p) > MaxBytes {
		return m, nil, fault.Errorf(message.CodeInvalidFormat,
			"the first message must be a CONNECT of at most %d bytes", MaxBytes)
	}
	var err error
	if keys != nil {
		m, line, err = keys.Connect(hello, p)
	} else if m, err = message.ParseConnect(p); err == nil && m.Algorithm != 0 {
		err = ErrEncrypts
	}
	if err != nil {
		return m, nil, fault.Wire(err, message.CodeInvalidFormat)
	}
	if m.Version != message.Version {
		return m, line, fault.Errorf(message.CodeHandshakeFailed,
			"the client speaks protocol version %d, this server %d: update the older one",
			m.Version, message.Version)
	}
	return m, line, nil
}

// Early is a message that came before its sender was connected.
type Early struct {
	Op frame.Opcode
	P  []byte // owned
}

// Queue keeps early messages in their order. The zero value is empty.
type Queue []Early

// Add copies a message to the end. It reports false, and keeps nothing, if that is too much.
func (q *Queue) Add(op frame.Opcode, p []byte) bool {
	if len(p) > MaxBytes || len(*q) >= MaxEarly {
		return false
	}
	*q = append(*q, Early{op, append([]byte(nil), p...)})
	return true
}
