//go:build race || poison

package frame

// exactAllocs is false because allocations cannot be counted here: under the race detector
// sync.Pool drops values at random, and a poisoned pool keeps some from reuse.
const exactAllocs = false
