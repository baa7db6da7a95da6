// Package tiny is AES-256, GCM, SHA-256, HMAC and HKDF for the browser build, because the packages
// of the standard library bring in 700 kB that a page has no use for. It uses tables like their
// portable code, so it is meant for clients, where the owner of the key and the attacker do not
// share a processor. Servers use the standard library. Tests compare every function with the
// standard library's.
//
// The package has no mutex. A Cipher may be used concurrently; everything else has state and
// belongs to one goroutine at a time.
//
// Read aes.go, then gcm.go and cbc.go on top of it; sha256.go, then hmac.go on top of it; base64.go
// stands alone.
package tiny
