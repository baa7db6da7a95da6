//go:build !js

package pool

import "github.com/valyala/bytebufferpool"

// unsized learns the usual size of what it is used for, which size classes cannot do. Its buffers
// start large enough for most uses, and rare giants are thrown away.
var unsized bytebufferpool.Pool

// Unsized is an empty byte buffer for contents whose length is not known beforehand, such as an
// encoded value or an inflated message. It has one owner at a time and is not safe for concurrent
// use.
type Unsized = bytebufferpool.ByteBuffer

// GetUnsized returns an empty buffer, owned by the caller until PutUnsized. Its capacity is what
// most such contents have needed so far. It is safe for concurrent use.
func GetUnsized() *Unsized {
	if off.Load() {
		return new(Unsized)
	}
	return unsized.Get()
}

// PutUnsized returns b to the pool. The caller must not use b or any slice of it afterwards. It is
// safe for concurrent use.
func PutUnsized(b *Unsized) {
	if Poisoned {
		poison(b.B)
	}
	if !off.Load() {
		unsized.Put(b)
	}
}
