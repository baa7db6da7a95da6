// Package socketid makes the public ids of sockets, and tells them from the names of rooms. It has
// no state and no locks.
package socketid

import (
	"crypto/rand"
	"encoding/base64"
	"strings"
)

const (
	prefix = "ss_"
	// bits are the characters behind the prefix: 128 random bits in base64url.
	bits = 22
)

// New returns a fresh id.
func New() string {
	var raw [16]byte
	rand.Read(raw[:])
	var id [len(prefix) + bits]byte
	copy(id[:], prefix)
	base64.RawURLEncoding.Encode(id[len(prefix):], raw[:])
	return string(id[:])
}

// Is reports whether a name has the form of an id. No room may have such a name.
func Is(name string) bool {
	return len(name) == len(prefix)+bits && strings.HasPrefix(name, prefix)
}
