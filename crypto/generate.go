//go:build !js

package crypto

import (
	"crypto/rand"
	"encoding/base64"
)

// GenerateKey returns a fresh random key. It is left out of browser builds, because crypto/rand
// would pull in math/big and fmt, and a page has crypto.getRandomValues.
func GenerateKey() Key {
	var k Key
	rand.Read(k.b[:])
	return k
}

// Encode returns the form that ParseKey reads. The result is the secret itself.
func (k *Key) Encode() string { return base64.StdEncoding.EncodeToString(k.b[:]) }
