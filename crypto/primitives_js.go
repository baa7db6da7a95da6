package crypto

import "github.com/smartsocket/smartsocket/crypto/tiny"

// The browser build uses our own small primitives, see package tiny.

type (
	aead = *tiny.GCM
	mac  = tiny.HMAC
)

func newGCM(key []byte) (aead, error) { return tiny.NewGCM(tiny.NewCipher(key)), nil }

func newCBC(key []byte, decrypt bool) (cbcMode, error) {
	return tiny.NewCBC(tiny.NewCipher(key), decrypt), nil
}

func newBlock(key []byte) (blockCipher, error) { return tiny.NewCipher(key), nil }

func newMAC(key []byte) *mac { return tiny.NewHMAC(key) }

func sum256(p []byte) (sum [sumSize]byte) {
	var s tiny.SHA256
	s.Reset()
	s.Write(p)
	s.Sum(&sum)
	return sum
}

func extract(secret, salt []byte) ([]byte, error) { return tiny.Extract(secret, salt), nil }

func expand(key []byte, info string, n int) ([]byte, error) {
	return tiny.Expand(key, info, n), nil
}

func equal(a, b []byte) bool { return tiny.Equal(a, b) }

func decodeBase64(s string) ([]byte, bool) { return tiny.DecodeBase64(s) }
