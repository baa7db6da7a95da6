//go:build !poison

package pool

// Poisoned reports whether released buffers are overwritten (build tag poison).
const Poisoned = false

type guard struct{}

func (guard) lock()   {}
func (guard) unlock() {}

func poison([]byte) {}
