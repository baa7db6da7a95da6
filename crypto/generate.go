//go:build !js

package crypto

import "crypto/rand"

// GenerateKey returns a fresh random key. It is left out of browser builds,
// where crypto/rand would pull in math/big and fmt and a page has crypto.getRandomValues.
func GenerateKey() Key {
	var k Key
	rand.Read(k.b[:])
	return k
}
