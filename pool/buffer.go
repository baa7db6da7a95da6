package pool

import (
	"math/bits"
	"sync"
	"sync/atomic"
	"unsafe"
)

const (
	minClassBits = 6  // 64 B: a cache line, and the smallest buffer handed out
	maxClassBits = 20 // 1 MiB: larger buffers are rare enough for the garbage collector
	classes      = maxClassBits - minClassBits + 1

	// MaxPooled is the largest capacity in bytes that Put keeps.
	MaxPooled = 1 << maxClassBits
)

// Buffer is a pooled byte slice. Its owner may append to B, reslice and replace it; Put takes
// whatever B is then. A Buffer has one owner at a time and is not safe for concurrent use.
type Buffer struct {
	guard // empty unless built with the tag poison
	B     []byte
}

// class is the pool of one size class. sync.Pool keeps its buffers per processor, so Get and Put
// touch no shared cache line.
type class struct {
	pool sync.Pool
}

var (
	sized [classes]class
	off   atomic.Bool
)

// SetPooling turns the reuse of buffers on (the default) or off, for the whole program. If it is
// off, Get allocates and Put leaves everything to the garbage collector, which helps to find a use
// after release. Call it before the first use. A later call is safe, but takes effect only
// gradually.
func SetPooling(on bool) { off.Store(!on) }

// Get returns an empty Buffer (length 0) with a capacity of at least n bytes, owned by the caller
// until Put. It does not allocate while the class of n has a released Buffer. It is safe for
// concurrent use.
func Get(n int) *Buffer {
	if n > MaxPooled {
		countMiss()
		b := &Buffer{B: make([]byte, 0, n)}
		countGet(unsafe.Pointer(b))
		return b
	}
	i := classFor(n)
	if v := sized[i].pool.Get(); v != nil && !off.Load() {
		b := v.(*Buffer)
		b.unlock()
		countGet(unsafe.Pointer(b))
		return b
	}
	countMiss()
	b := &Buffer{B: make([]byte, 0, 1<<(i+minClassBits))}
	countGet(unsafe.Pointer(b))
	return b
}

// Put returns b to the pool of the class that its capacity belongs to. The caller must not use b or
// any slice of it afterwards. Buffers larger than MaxPooled, and those too small for any class, are
// left to the garbage collector. Put is safe for concurrent use.
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

// classFor returns the index of the smallest class that holds n ≤ MaxPooled bytes.
func classFor(n int) int {
	if n <= 1<<minClassBits {
		return 0
	}
	return bits.Len(uint(n-1)) - minClassBits
}
