package pool

// Use says what an Unsized buffer is for. Buffers of one use are alike in size, so each use has a
// pool of its own, which learns that size.
type Use uint8

// The uses of Unsized buffers.
const (
	Encoded  Use = iota // values and messages on their way out
	Deflated            // compressed payloads
	Inflated            // payloads that were compressed
	uses
)

// Sized returns the contents of u in a Buffer of the class that fits them, owned by the caller, and
// puts u back. It is for contents that are kept: a small message must not hold a large buffer.
func Sized(u Unsized) *Buffer {
	b := Get(len(u.B))
	b.B = append(b.B, u.B...)
	PutUnsized(u)
	return b
}
