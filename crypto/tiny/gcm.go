package tiny

import "errors"

// The sizes of GCM in bytes.
const (
	NonceSize = 12
	TagSize   = 16
)

// ErrOpen is returned if a message is not what was sealed.
var ErrOpen = errors.New("tiny: the message is not authentic")

// element is an element of GCM's field. The first byte of the block is the highest byte of hi, and
// the highest bit of hi is the coefficient of x⁰.
type element struct{ hi, lo uint64 }

// timesX multiplies by x (NIST SP 800-38D section 6.3).
func (e element) timesX() element {
	return element{e.hi>>1 ^ -(e.lo&1)&(0xe1<<56), e.lo>>1 | e.hi<<63}
}

// carry is what four bits that leave at x¹²⁷ add at the top.
var carry [16]uint64

func init() {
	for i := range carry {
		e := element{lo: uint64(i)}
		for range 4 {
			e = e.timesX()
		}
		carry[i] = e.hi
	}
}

// GCM is AES-256-GCM with a nonce of 12 bytes (NIST SP 800-38D). It is not safe for concurrent use.
type GCM struct {
	cipher   *Cipher
	products [16]element // the hash key times each polynomial of degree up to 3
	counter  [BlockSize]byte
	mask     [BlockSize]byte
	hash     element
}

// NewGCM makes a GCM that uses c, and derives the hash key.
func NewGCM(c *Cipher) *GCM {
	g := &GCM{cipher: c}
	c.Encrypt(g.mask[:], g.mask[:])
	h := element{load64(g.mask[:]), load64(g.mask[8:])}
	for bit := 8; bit > 0; bit >>= 1 {
		for i := range g.products {
			if i&bit != 0 {
				g.products[i].hi ^= h.hi
				g.products[i].lo ^= h.lo
			}
		}
		h = h.timesX()
	}
	return g
}

// Seal appends plain, encrypted, and its tag to dst. nonce has NonceSize bytes. plain is borrowed
// until return. It must not overlap the spare capacity of dst, unless it begins exactly there.
func (g *GCM) Seal(dst, nonce, plain, additional []byte) []byte {
	start := len(dst)
	dst = append(dst, plain...)
	g.begin(nonce, additional)
	text := dst[start:]
	g.xor(text)
	g.update(text)
	tag := g.tag(nonce, len(additional), len(text))
	return append(dst, tag[:]...)
}

// Open checks sealed, which is text and tag, and appends the plaintext to dst, which may be
// sealed[:0]. Every failure is ErrOpen.
func (g *GCM) Open(dst, nonce, sealed, additional []byte) ([]byte, error) {
	n := len(sealed) - TagSize
	if n < 0 {
		return nil, ErrOpen
	}
	g.begin(nonce, additional)
	g.update(sealed[:n])
	tag := g.tag(nonce, len(additional), n)
	if !Equal(tag[:], sealed[n:]) {
		return nil, ErrOpen
	}
	start := len(dst)
	dst = append(dst, sealed[:n]...)
	g.start(nonce, 2)
	g.xor(dst[start:])
	return dst, nil
}

// begin prepares for the first block of text.
func (g *GCM) begin(nonce, additional []byte) {
	g.hash = element{}
	g.update(additional)
	g.start(nonce, 2)
}

func (g *GCM) start(nonce []byte, counter uint32) {
	copy(g.counter[:], nonce[:NonceSize])
	store32(g.counter[NonceSize:], counter)
}

// xor applies counter mode to b in place.
func (g *GCM) xor(b []byte) {
	for len(b) > 0 {
		g.cipher.Encrypt(g.mask[:], g.counter[:])
		store32(g.counter[NonceSize:], load32(g.counter[NonceSize:])+1)
		if len(b) >= BlockSize {
			store64(b, load64(b)^load64(g.mask[:]))
			store64(b[8:], load64(b[8:])^load64(g.mask[8:]))
			b = b[BlockSize:]
			continue
		}
		for i := range b {
			b[i] ^= g.mask[i]
		}
		return
	}
}

// update adds b to the hash, filled up with zeros to whole blocks.
func (g *GCM) update(b []byte) {
	for len(b) >= BlockSize {
		g.hash.hi ^= load64(b)
		g.hash.lo ^= load64(b[8:])
		g.multiply()
		b = b[BlockSize:]
	}
	if len(b) > 0 {
		var last [BlockSize]byte
		copy(last[:], b)
		g.hash.hi ^= load64(last[:])
		g.hash.lo ^= load64(last[8:])
		g.multiply()
	}
}

// multiply multiplies the hash by the hash key, four coefficients at a time, beginning with the
// highest power.
func (g *GCM) multiply() {
	var z element
	for _, word := range [2]uint64{g.hash.lo, g.hash.hi} {
		for range 16 {
			out := z.lo & 15
			z.lo = z.lo>>4 | z.hi<<60
			z.hi = z.hi>>4 ^ carry[out]
			p := &g.products[word&15]
			z.hi ^= p.hi
			z.lo ^= p.lo
			word >>= 4
		}
	}
	g.hash = z
}

// tag completes the hash and encrypts it.
func (g *GCM) tag(nonce []byte, additional, text int) (tag [TagSize]byte) {
	g.hash.hi ^= uint64(additional) * 8
	g.hash.lo ^= uint64(text) * 8
	g.multiply()
	g.start(nonce, 1)
	g.cipher.Encrypt(g.mask[:], g.counter[:])
	store64(tag[:], g.hash.hi^load64(g.mask[:]))
	store64(tag[8:], g.hash.lo^load64(g.mask[8:]))
	return tag
}

// Equal reports whether a and b are equal. The time it takes does not reveal where they differ.
func Equal(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	var d byte
	for i := range a {
		d |= a[i] ^ b[i]
	}
	return d == 0
}
