// Package sealing encrypts what goes to one client and decrypts what comes from it. A Keyring has
// the server's keys; a CONNECT that one of them opens leads to a Line, which seals and opens with
// keys of that connection alone.
//
// The receiver opens records in the order in which they were sealed, so sealing and sending are
// one step under Line.mu. While it is held, only the function that sends is called. Opening takes
// no lock, because one loop reads a connection.
package sealing

import (
	"sync"

	"github.com/smartsocket/smartsocket/crypto"
	"github.com/smartsocket/smartsocket/internal/bounds"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

// Keyring is what a server encrypts with. It never changes.
type Keyring struct {
	algorithm crypto.Algorithm
	keys      []*crypto.Key
	ids       []byte
}

// New makes a keyring. The first key is the primary, the others are accepted too.
func New(algorithm crypto.Algorithm, keys ...*crypto.Key) *Keyring {
	k := &Keyring{algorithm: algorithm, keys: keys}
	for _, key := range keys {
		id := key.ID()
		k.ids = append(k.ids, id[:]...)
	}
	return k
}

// Options are the encryption options as an operator gives them, under the names of Server's.
type Options struct {
	Enabled, Disabled bool // neither = if there is a key
	Algorithm         string
	Key, Previous     string // see crypto.ParseKey
}

// Parse makes the keyring that the options ask for, nil for no encryption. Otherwise it says what
// is wrong with which of them.
func Parse(o Options) (*Keyring, *bounds.Violation) {
	var algorithm crypto.Algorithm
	switch o.Algorithm {
	case crypto.AES256GCM.String():
		algorithm = crypto.AES256GCM
	case crypto.AES256CBC.String():
		algorithm = crypto.AES256CBC
	default:
		return nil, &bounds.Violation{Field: "EncryptionAlgorithm",
			Fix: "unknown: use aes-256-gcm or aes-256-cbc"}
	}
	switch {
	case o.Disabled:
		return nil, nil
	case o.Key == "" && o.Previous != "":
		return nil, &bounds.Violation{Field: "PreviousEncryptionKey",
			Fix: "there is no EncryptionKey that it precedes: give that one too, or make this " +
				"the EncryptionKey"}
	case o.Key == "" && o.Enabled:
		return nil, &bounds.Violation{Field: "EncryptionKey",
			Fix: "encryption is enabled without a key: give one (the server program's -keygen " +
				"prints one) or leave EnableEncryption unset"}
	case o.Key == "":
		return nil, nil
	}
	var keys []*crypto.Key
	for _, f := range []struct{ field, value string }{
		{"EncryptionKey", o.Key}, {"PreviousEncryptionKey", o.Previous},
	} {
		if f.value == "" {
			continue
		}
		key, err := crypto.ParseKey(f.value)
		if err != nil {
			return nil, &bounds.Violation{Field: f.field, Fix: err.Error()}
		}
		keys = append(keys, &key)
	}
	return New(algorithm, keys...), nil
}

// Algorithm is the one that clients must use.
func (k *Keyring) Algorithm() crypto.Algorithm { return k.algorithm }

// IDs are the public ids of the keys, one behind the other, for HELLO.
func (k *Keyring) IDs() []byte { return k.ids }

// Connect opens an encrypted CONNECT that answers hello, and returns it with the line that it
// leads to. It borrows hello; the CONNECT borrows p. The error is an *message.Error for the client.
func (k *Keyring) Connect(hello, p []byte) (message.Connect, *Line, error) {
	m, ends, err := message.OpenConnect(hello, p, k.keys, k.algorithm)
	if err != nil {
		return m, nil, err
	}
	return m, &Line{ends: ends}, nil
}

// Line is the encryption of one connection.
type Line struct {
	mu   sync.Mutex
	ends *message.Ends
}

// Send seals b, which it borrows, and passes it to send, which borrows it. Nothing else is sealed
// until send has returned. It may be called concurrently.
func (l *Line) Send(b []byte, send func(sealed []byte)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := pool.Get(len(b) + l.ends.Overhead())
	out.B = l.ends.Seal(out.B, b)
	send(out.B)
	pool.Put(out)
}

// Open opens what the client sealed, in place of p. After an error nothing that follows can be
// trusted. It is called by one goroutine at a time.
func (l *Line) Open(p []byte) ([]byte, error) { return l.ends.Open(p) }
