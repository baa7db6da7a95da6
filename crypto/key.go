package crypto

import (
	"errors"
	"strconv"
)

// KeySize is the length of a key in bytes.
const KeySize = 32

// Key is a pre-shared AES-256 key. It prints as "[redacted]". Its bytes leave the package only
// through Encode.
type Key struct {
	b [KeySize]byte
}

// String hides the key from logs and error messages.
func (Key) String() string { return "[redacted]" }

// GoString hides the key from %#v.
func (Key) GoString() string { return "crypto.Key{[redacted]}" }

// ErrKey is wrapped by every error of ParseKey.
var ErrKey = errors.New("crypto: the encryption key is not usable")

type keyError string

func (e keyError) Error() string { return ErrKey.Error() + ": " + string(e) }
func (e keyError) Unwrap() error { return ErrKey }

// ParseKey reads a key from strict standard base64 (RFC 4648 section 4, with padding) of exactly 32
// bytes. A key that repeats one byte is refused, because it is a placeholder. The error says what
// is wrong without repeating the input.
func ParseKey(s string) (Key, error) {
	raw, ok := decodeBase64(s)
	if !ok {
		return Key{}, keyError("it is not base64 with padding (" + strconv.Itoa(len(s)) +
			" characters): generate one with the server's -keygen or openssl rand -base64 32")
	}
	defer clear(raw)
	if len(raw) != KeySize {
		return Key{},
			keyError("it has " + strconv.Itoa(len(raw)) +
				" bytes after decoding and needs 32: generate one with the server's -keygen or " +
				"openssl rand -base64 32")
	}
	same := true
	for _, c := range raw {
		same = same && c == raw[0]
	}
	if same {
		return Key{}, keyError("all its bytes are equal: generate a random one")
	}
	var k Key
	copy(k.b[:], raw)
	return k, nil
}

// IDSize is the length of the id of a key in bytes.
const IDSize = 8

// ID names a key without revealing anything about it. It is the first 8 bytes of HMAC-SHA256(key,
// "smartsocket key id").
func (k *Key) ID() (id [IDSize]byte) {
	m := newMAC(k.b[:])
	m.Write([]byte("smartsocket key id"))
	var sum [sumSize]byte
	m.Sum(&sum)
	copy(id[:], sum[:])
	return id
}
