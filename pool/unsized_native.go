//go:build !js

package pool

import "github.com/valyala/bytebufferpool"

// unsized learns the usual size of what it is used for, which size classes
// cannot: its buffers start large enough for most uses, and rare giants are
// thrown away.
var unsized bytebufferpool.Pool

// Unsized is an empty byte buffer for contents whose length nobody knows
// beforehand, such as an encoded value or an inflated message. One owner at a
// time, not safe for concurrent use.
type Unsized = bytebufferpool.ByteBuffer

// GetUnsized returns an empty buffer, owned by the caller until PutUnsized. Its
// capacity is what such contents mostly needed so far. Safe for concurrent use.
func GetUnsized() *Unsized {
	if off.Load() {
		return new(Unsized)
	}
	return unsized.Get()
}

// PutUnsized takes b back. The caller must not use b or any slice of it
// afterwards. Safe for concurrent use.
func PutUnsized(b *Unsized) {
	if Poisoned {
		poison(b.B)
	}
	if !off.Load() {
		unsized.Put(b)
	}
}
