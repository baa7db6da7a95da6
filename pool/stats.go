package pool

import (
	"sync/atomic"
	"unsafe"
)

// Statistics counts the use of buffers since the program started. The number of hits is Gets minus
// Misses.
type Statistics struct {
	Gets   uint64 // calls of Get and GetUnsized
	Misses uint64 // those that had to allocate, at once or because an Unsized buffer had to grow
}

const shards = 16 // power of two

// counter fills a cache line of its own (two on machines that fetch pairs).
type counter struct {
	n atomic.Uint64
	_ [120]byte
}

var (
	gets   [shards]counter
	misses atomic.Uint64 // written only next to an allocation
)

// countGet spreads the count by the address of the buffer. sync.Pool tends to give a buffer back to
// the processor that released it, so that a shard is mostly used by one processor.
func countGet(p unsafe.Pointer) {
	a := uintptr(p)
	gets[(a>>5^a>>9)&(shards-1)].n.Add(1)
}

func countMiss() { misses.Add(1) }

// Stats adds up the counters. It is safe for concurrent use. The sums are exact only while nothing
// else runs.
func Stats() Statistics {
	s := Statistics{Misses: misses.Load()}
	for i := range gets {
		s.Gets += gets[i].n.Load()
	}
	return s
}
