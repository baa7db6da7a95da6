//go:build !js

package pool

import (
	"unsafe"

	"github.com/valyala/bytebufferpool"
)

// maxUnsized is the largest capacity in bytes that PutUnsized keeps. Contents of that size cost
// more to make than a buffer does, and a burst of them must not stay in memory.
const maxUnsized = 256 << 10

// unsized has a calibrated pool for each Use, because each learns the sizes of what it is used for:
// the usual one, with which new buffers start, and the largest of the usual 95 %, up to which
// buffers are kept.
var unsized = [uses]*bytebufferpool.Pool{
	new(bytebufferpool.Pool), new(bytebufferpool.Pool), new(bytebufferpool.Pool),
}

// Unsized is an empty byte buffer for contents whose length is not known beforehand: its owner
// appends to B. It has one owner at a time and is not safe for concurrent use. It is a small value;
// copies of it are the same buffer.
type Unsized struct {
	*bytebufferpool.ByteBuffer
	had int // the capacity that it came with; -1 = it is new, which was a miss
	use Use
}

// GetUnsized returns an empty buffer, owned by the caller until PutUnsized. Its capacity is what
// most contents of this use have needed so far. It is safe for concurrent use.
func GetUnsized(use Use) Unsized {
	var b *bytebufferpool.ByteBuffer
	if off.Load() {
		b = new(bytebufferpool.ByteBuffer)
	} else {
		b = unsized[use].Get()
	}
	u := Unsized{ByteBuffer: b, had: cap(b.B), use: use}
	if !marked(b.B) {
		u.had = -1
		countMiss()
	}
	countGet(unsafe.Pointer(b))
	return u
}

// PutUnsized returns u to the pool. The caller must not use u or any slice of it afterwards. A
// buffer that has grown counts as a miss, because that was an allocation. It is safe for concurrent
// use.
func PutUnsized(u Unsized) {
	c := cap(u.B)
	if u.had >= 0 && c != u.had {
		countMiss()
	}
	if Poisoned {
		poison(u.B)
	}
	if c == 0 || c > maxUnsized || off.Load() {
		return
	}
	// bytebufferpool drops a buffer whose capacity is over the largest usual class of lengths,
	// which are powers of two. A buffer that append has grown for its contents is often a little
	// over that, and so would be every further one, because append grows by less than 1.6. Such a
	// buffer therefore counts with its capacity.
	if 8*len(u.B) >= 5*c {
		u.B = u.B[:c]
	}
	u.B[:1][0] = mark
	unsized[u.use].Put(u.ByteBuffer)
}

// mark is the first byte of a buffer that was used before. A new one begins with 0. The pools do
// not tell the two apart, and Stats has to.
const mark = 0xA5

func marked(b []byte) bool { return cap(b) > 0 && b[:1][0] == mark }
