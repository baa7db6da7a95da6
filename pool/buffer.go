// Package pool owns every reusable thing of SmartSocket: byte buffers in size
// classes, reference-counted shared bytes and DEFLATE contexts. It is the one
// door to valyala/bytebufferpool and klauspost/compress and imports no other
// package of ours.
package pool

import "sync"

// Buffer is a pooled byte slice. B may be appended to, resliced and replaced
// by its owner; Put takes whatever B then is. A Buffer has one owner at a time
// and is not safe for concurrent use.
type Buffer struct {
	B []byte
}

var sharedPool = sync.Pool{New: func() any { return new(Shared) }}

// Get returns an empty Buffer (len 0) with a capacity of at least n bytes,
// owned by the caller until Put.
func Get(n int) *Buffer { panic("contract") }

// Put returns b to the pool of its capacity's class. The caller must not use b
// or any slice of it afterwards. Buffers over the largest class are left to
// the garbage collector.
func Put(b *Buffer) { panic("contract") }
