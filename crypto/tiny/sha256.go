package tiny

import "math/bits"

// SumSize is the length of a SHA-256 sum in bytes.
const SumSize = 32

const chunk = 64

// The constants of FIPS 180-4 sections 4.2.2 and 5.3.3: the first 32 bits of the fractional parts
// of the cube roots of the first 64 primes, and of the square roots of the first 8.
var (
	roundConstants [64]uint32
	initial        [8]uint32
)

func init() {
	n := 0
	for p := uint64(2); n < len(roundConstants); p++ {
		if !prime(p) {
			continue
		}
		if n < len(initial) {
			initial[n] = uint32(root(p, 2))
		}
		roundConstants[n] = uint32(root(p, 3))
		n++
	}
}

func prime(p uint64) bool {
	for d := uint64(2); d*d <= p; d++ {
		if p%d == 0 {
			return false
		}
	}
	return true
}

// root returns the integer part of 2³² times the k-th root of p, for k = 2 and 3 and p < 2⁹.
func root(p uint64, k int) uint64 {
	var r uint64
	for bit := uint64(1) << 37; bit > 0; bit >>= 1 {
		if try := r | bit; !above(try, p, k) {
			r = try
		}
	}
	return r
}

// above reports whether r to the power of k is greater than p times 2 to the power of 32k.
func above(r, p uint64, k int) bool {
	hi, lo := bits.Mul64(r, r)
	if k == 2 {
		return hi > p || hi == p && lo > 0
	}
	// r³ = (hi·2⁶⁴ + lo)·r against p·2⁹⁶
	c, low := bits.Mul64(lo, r)
	mid, carried := bits.Add64(hi*r, c, 0)
	limit := p << 32
	return carried > 0 || mid > limit || mid == limit && low > 0
}

// SHA256 is a hash in progress. Call Reset first. It is not safe for concurrent use.
type SHA256 struct {
	h      [8]uint32
	buf    [chunk]byte
	filled int
	length uint64
	w      [64]uint32
}

// Reset begins a new message.
func (s *SHA256) Reset() { s.h, s.filled, s.length = initial, 0, 0 }

// Write adds p to the message. It borrows p until return.
func (s *SHA256) Write(p []byte) {
	s.length += uint64(len(p))
	if s.filled > 0 {
		n := copy(s.buf[s.filled:], p)
		s.filled += n
		p = p[n:]
		if s.filled < chunk {
			return
		}
		s.block(s.buf[:])
		s.filled = 0
	}
	for len(p) >= chunk {
		s.block(p[:chunk])
		p = p[chunk:]
	}
	s.filled = copy(s.buf[:], p)
}

// Sum completes the message (FIPS 180-4 section 5.1.1) and writes its hash into sum.
func (s *SHA256) Sum(sum *[SumSize]byte) {
	length := s.length * 8
	var pad [chunk + 8]byte
	pad[0] = 0x80
	n := 1 + (chunk+55-s.filled)%chunk
	store64(pad[n:], length)
	s.Write(pad[:n+8])
	for i, v := range s.h {
		store32(sum[4*i:], v)
	}
}

// block processes one block (FIPS 180-4 section 6.2.2).
func (s *SHA256) block(p []byte) {
	w := &s.w
	for i := range 16 {
		w[i] = load32(p[4*i:])
	}
	for i := 16; i < 64; i++ {
		a, b := w[i-15], w[i-2]
		w[i] = w[i-16] + w[i-7] +
			(bits.RotateLeft32(a, -7) ^ bits.RotateLeft32(a, -18) ^ a>>3) +
			(bits.RotateLeft32(b, -17) ^ bits.RotateLeft32(b, -19) ^ b>>10)
	}
	a, b, c, d, e, f, g, h := s.h[0], s.h[1], s.h[2], s.h[3], s.h[4], s.h[5], s.h[6], s.h[7]
	for i := range 64 {
		t1 := h + (bits.RotateLeft32(e, -6) ^ bits.RotateLeft32(e, -11) ^
			bits.RotateLeft32(e, -25)) + (e&f ^ ^e&g) + roundConstants[i] + w[i]
		t2 := (bits.RotateLeft32(a, -2) ^ bits.RotateLeft32(a, -13) ^ bits.RotateLeft32(a, -22)) +
			(a&b ^ a&c ^ b&c)
		h, g, f, e, d, c, b, a = g, f, e, d+t1, c, b, a, t1+t2
	}
	s.h = [8]uint32{s.h[0] + a, s.h[1] + b, s.h[2] + c, s.h[3] + d, s.h[4] + e, s.h[5] + f,
		s.h[6] + g, s.h[7] + h}
}
