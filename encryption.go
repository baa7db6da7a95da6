package smartsocket

import (
	"sync"

	"github.com/smartsocket/smartsocket/crypto"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
	"github.com/smartsocket/smartsocket/websocket"
)

// keyring is what the server encrypts with; nil = nothing.
type keyring struct {
	algorithm crypto.Algorithm
	keys      []*crypto.Key // the primary, then the previous one
	ids       []byte        // their ids, in the same order
}

// newKeyring reads the encryption options.
func newKeyring(o *Options) (*keyring, error) {
	k := new(keyring)
	switch o.EncryptionAlgorithm {
	case crypto.AES256GCM.String():
		k.algorithm = crypto.AES256GCM
	case crypto.AES256CBC.String():
		k.algorithm = crypto.AES256CBC
	default:
		return nil, &OptionError{"EncryptionAlgorithm", "unknown: use aes-256-gcm or aes-256-cbc"}
	}
	switch {
	case o.EnableEncryption == Disabled:
		return nil, nil
	case o.EncryptionKey == "" && o.PreviousEncryptionKey != "":
		return nil, &OptionError{"PreviousEncryptionKey", "there is no EncryptionKey that it precedes: give that one too, or make this the EncryptionKey"}
	case o.EncryptionKey == "" && o.EnableEncryption == Enabled:
		return nil, &OptionError{"EncryptionKey", "encryption is enabled without a key: give one (the server program's -keygen prints one) or leave EnableEncryption unset"}
	case o.EncryptionKey == "":
		return nil, nil
	}
	for _, f := range []struct{ field, value string }{{"EncryptionKey", o.EncryptionKey}, {"PreviousEncryptionKey", o.PreviousEncryptionKey}} {
		if f.value == "" {
			continue
		}
		key, err := crypto.ParseKey(f.value)
		if err != nil {
			return nil, &OptionError{f.field, err.Error()}
		}
		id := key.ID()
		k.keys = append(k.keys, &key)
		k.ids = append(k.ids, id[:]...)
	}
	return k, nil
}

// sealing is the encryption of one socket. Sealing and sending are one step
// under mu, since the receiver opens records in the order of sealing.
type sealing struct {
	mu   sync.Mutex
	ends *message.Ends
}

// send seals one message and sends it.
func (e *sealing) send(ws *websocket.Conn, b []byte) websocket.Status {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := pool.Get(len(b) + e.ends.Overhead())
	out.B = e.ends.Seal(out.B, b)
	status := ws.Send(frame.Binary, out.B)
	pool.Put(out)
	return status
}

// unseal opens what an encrypted client sent. A record that does not open ends the connection,
// because nothing after it can be trusted. ok is false then.
func (l *link) unseal(op frame.Opcode, p []byte) (plain []byte, ok bool) {
	if op == frame.Binary {
		if plain, err := l.seal.ends.Open(p); err == nil {
			return plain, true
		}
	}
	l.refuse(&message.Message{},
		refusal{err: message.ErrDecryption, follow: told | unanswered | fatal})
	return nil, false
}

// openConnect reads an encrypted CONNECT and keeps the keys it leads to.
func (l *link) openConnect(p []byte) (message.Connect, error) {
	k := l.srv.current().keys
	m, ends, err := message.OpenConnect(l.handshake.hello.B, p, k.keys, k.algorithm)
	if err != nil {
		return m, err
	}
	l.seal = &sealing{ends: ends}
	return m, nil
}
