//go:build !js

package crypto

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"hash"
	"strings"
)

// Servers and native clients use the primitives of the standard library. See primitives_js.go for
// those of the browser.

type aead = cipher.AEAD

func newGCM(key []byte) (aead, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func newCBC(key []byte, decrypt bool) (cbcMode, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	iv := make([]byte, aes.BlockSize)
	mode := cipher.NewCBCEncrypter(block, iv)
	if decrypt {
		mode = cipher.NewCBCDecrypter(block, iv)
	}
	// What crypto/cipher returns accepts a new IV, so one mode serves all records.
	m, ok := mode.(cbcMode)
	if !ok {
		return nil, errors.New("crypto: this Go version's CBC mode takes no new IV")
	}
	return m, nil
}

func newBlock(key []byte) (blockCipher, error) { return aes.NewCipher(key) }

type mac struct{ hash.Hash }

func newMAC(key []byte) *mac { return &mac{hmac.New(sha256.New, key)} }

func (m *mac) Sum(sum *[sumSize]byte) { m.Hash.Sum(sum[:0]) }

func (m *mac) Write(p []byte) { _, _ = m.Hash.Write(p) }

func sum256(p []byte) [sumSize]byte { return sha256.Sum256(p) }

func extract(secret, salt []byte) ([]byte, error) { return hkdf.Extract(sha256.New, secret, salt) }

func expand(key []byte, info string, n int) ([]byte, error) {
	return hkdf.Expand(sha256.New, key, info, n)
}

func equal(a, b []byte) bool { return hmac.Equal(a, b) }

// decodeBase64 is strict. It refuses line breaks, which the standard library skips.
func decodeBase64(s string) ([]byte, bool) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	return b, err == nil && !strings.ContainsAny(s, "\r\n")
}
