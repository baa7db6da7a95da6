// Package pool owns every reusable thing of SmartSocket: byte buffers in size
// classes, reference-counted shared bytes and DEFLATE contexts. It is the one
// door to valyala/bytebufferpool and klauspost/compress and imports no other
// package of ours but its own internal parts.
package pool

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

const (
	minClassBits = 6  // 64 B: a cache line, and the smallest buffer handed out
	maxClassBits = 20 // 1 MiB: larger buffers are rare enough for the garbage collector
	classes      = maxClassBits - minClassBits + 1

	// MaxPooled is the largest capacity in bytes that Put keeps.
	MaxPooled = 1 << maxClassBits
)

// Buffer is a pooled byte slice. B may be appended to, resliced and replaced
// by its owner; Put takes whatever B then is. A Buffer has one owner at a time
// and is not safe for concurrent use.
type Buffer struct {
	guard // empty unless built with the tag poison
	B     []byte
}

// class is the pool of one size class. sync.Pool keeps its buffers per
// processor, so Get and Put touch no shared cache line.
type class struct {
	pool sync.Pool
}

var (
	sized [classes]class
	off   atomic.Bool
)

// SetPooling turns the reuse of buffers on (the default) or off, for a whole
// program: off means that Get allocates and Put leaves everything to the
// garbage collector, which helps to find a use after release. Call it before
// the first use; it is safe, but of delayed effect, at any time.
func SetPooling(on bool) { off.Store(!on) }

// Get returns an empty Buffer (len 0) with a capacity of at least n bytes,
// owned by the caller until Put. It does not allocate while the class of n has
// a released Buffer. Safe for concurrent use.
func Get(n int) *Buffer {
	if n > MaxPooled {
		countMiss()
		b := &Buffer{B: make([]byte, 0, n)}
		countGet(b)
		return b
	}
	i := classFor(n)
	if v := sized[i].pool.Get(); v != nil && !off.Load() {
		b := v.(*Buffer)
		b.unlock()
		countGet(b)
		return b
	}
	countMiss()
	b := &Buffer{B: make([]byte, 0, 1<<(i+minClassBits))}
	countGet(b)
	return b
}

// Put takes b back into the pool of its capacity's class. The caller must not
// use b or any slice of it afterwards. Buffers over MaxPooled, or grown out of
// no class at all, are left to the garbage collector. Safe for concurrent use.
func Put(b *Buffer) {
	b.lock()
	c := cap(b.B)
	if c < 1<<minClassBits || c > MaxPooled || off.Load() {
		return
	}
	b.B = b.B[:0]
	// A capacity between two classes serves the lower one.
	sized[bits.Len(uint(c))-1-minClassBits].pool.Put(b)
}

// classFor is the index of the smallest class that holds n ≤ MaxPooled bytes.
func classFor(n int) int {
	if n <= 1<<minClassBits {
		return 0
	}
	return bits.Len(uint(n-1)) - minClassBits
}
