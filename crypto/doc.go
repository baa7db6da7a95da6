// Package crypto seals and opens SmartSocket's encrypted messages. They use AES-256-GCM, or
// AES-256-CBC followed by HMAC-SHA256, under keys that are derived per connection and direction
// from a pre-shared key. Sealing and opening allocate nothing per message. The only package of ours
// that it imports is package tiny, for GOOS=js.
//
// A pre-shared key is a group key: everyone who has it can read and imitate every connection that
// uses it. TLS is the boundary against strangers. This layer protects what passes through proxies
// that terminate TLS.
//
//	key ──HKDF, randoms, transcript──> secret of a direction ──> cipher key, iv, MAC key, IV key
//	                                   one for c2s, one for s2c
//
// # Locks
//
// The package has no mutex. A Sealer and an Opener each belong to one goroutine at a time. A Key
// may be used concurrently.
//
// # Reading order
//
// Read key.go, then record.go from Handshake to Open. primitives.go has what the standard library
// provides, primitives_js.go the same from package tiny.
package crypto
