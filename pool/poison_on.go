//go:build poison

package pool

// Poisoned reports whether released buffers are overwritten (build tag poison).
const Poisoned = true

const poisonByte = 0xA5

// guard remembers that its Buffer was released.
type guard struct{ released bool }

// lock overwrites the released bytes, so that anyone who still reads them sees nonsense at once. It
// also catches a second Put.
func (b *Buffer) lock() {
	if b.released {
		panic("pool: Put of a released Buffer")
	}
	b.released = true
	poison(b.B)
}

// poison overwrites b up to its capacity.
func poison(b []byte) {
	b = b[:cap(b)]
	for i := range b {
		b[i] = poisonByte
	}
}

// unlock hands the Buffer out again and catches a write after its release.
func (b *Buffer) unlock() {
	b.released = false
	for _, c := range b.B[:cap(b.B)] {
		if c != poisonByte {
			panic("pool: a Buffer was written to after its release")
		}
	}
}
