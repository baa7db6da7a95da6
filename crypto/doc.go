// Package crypto seals and opens SmartSocket's encrypted messages: AES-256-GCM
// or AES-256-CBC with HMAC-SHA256 behind it, under keys that are derived per
// connection and direction from a pre-shared key. Its one dependency of ours is
// package tiny, for GOOS=js; it allocates nothing per message.
//
// A pre-shared key is a group key: whoever holds it can read and imitate every
// connection that uses it. TLS is the boundary against strangers; this layer
// protects what passes through proxies that end TLS.
package crypto
