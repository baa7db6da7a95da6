// Package tiny is AES-256, GCM, SHA-256, HMAC and HKDF for the browser build:
// the standard library's packages bring in 700 kB of what a page has no use for.
// It is table-based like their portable code, so it is for clients, where the key's
// owner and the attacker do not share a processor; servers use the standard library.
// Tests hold every function against the standard library's.
package tiny
