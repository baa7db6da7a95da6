//go:build race || poison

package frame

// Under the race detector sync.Pool drops values at random, and a poisoned pool
// keeps some from reuse: allocations cannot be counted.
const exactAllocs = false
