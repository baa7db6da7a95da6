// Package pool owns everything that SmartSocket reuses: byte buffers in size classes,
// reference-counted shared bytes, and DEFLATE contexts. It is the only package that imports
// valyala/bytebufferpool and klauspost/compress. Of our packages it imports only pool/tinyflate,
// the small DEFLATE of the browser build.
//
// The life of a Buffer, and of Shared bytes made of one:
//
//	Get ──> Buffer, one owner ─────────────────────────────────────────> Put
//	                  └─NewShared─> Shared, counted ──last Release──> Put
//
// Built with the tag poison, released bytes are overwritten, and misuse panics.
//
// # Locks
//
// The package has no mutex. It is built on sync.Pool, channels and atomic counters, and never calls
// code of the user.
//
// # Reading order
//
// Read buffer.go, shared.go and deflate.go. unsized_native.go has the buffers for contents of
// unknown length. The files that end in _js.go are the same for the browser.
package pool
