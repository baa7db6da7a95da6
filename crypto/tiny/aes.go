package tiny

import "math/bits"

// BlockSize is the block size of AES in bytes.
const BlockSize = 16

// KeySize is the length of an AES-256 key in bytes.
const KeySize = 32

const (
	rounds    = 14 // FIPS 197 section 5, for 256-bit keys
	roundKeys = 4 * (rounds + 1)
)

// The tables of FIPS 197 are the S-box (section 5.1.1) and its inverse. Both also exist with the
// multiplication of MixColumns built in, for a byte in the first row of the column.
var (
	sbox, inverse [256]byte
	mixed, unmix  [256]uint32
)

func init() {
	// p runs through all field elements except 0 as powers of 3, and q through their inverses.
	for p, q := byte(1), byte(1); ; {
		p ^= double(p)
		q ^= q << 1
		q ^= q << 2
		q ^= q << 4
		if q&0x80 != 0 {
			q ^= 0x09
		}
		s := q ^ bits.RotateLeft8(q, 1) ^ bits.RotateLeft8(q, 2) ^ bits.RotateLeft8(q, 3) ^
			bits.RotateLeft8(q, 4) ^ 0x63
		sbox[p] = s
		if p == 1 {
			break
		}
	}
	sbox[0] = 0x63
	for i, s := range sbox {
		inverse[s] = byte(i)
	}
	for i := range 256 {
		s := sbox[i]
		d := double(s)
		mixed[i] = uint32(d)<<24 | uint32(s)<<16 | uint32(s)<<8 | uint32(d^s)
		unmix[i] = unmixed(inverse[i])
	}
}

// double multiplies by x in the field of FIPS 197 section 4.2.
func double(b byte) byte { return b<<1 ^ b>>7*0x1b }

// unmixed returns the column that InvMixColumns makes of b in the first row (section 5.3.3).
func unmixed(b byte) uint32 {
	b2 := double(b)
	b4 := double(b2)
	b8 := double(b4)
	return uint32(b8^b4^b2)<<24 | uint32(b8^b)<<16 | uint32(b8^b4^b)<<8 | uint32(b8^b2^b)
}

// Cipher is AES-256 under one key. Its methods may be called concurrently.
type Cipher struct {
	enc, dec [roundKeys]uint32
}

// NewCipher expands a key of KeySize bytes (FIPS 197 section 5.2). It copies key and panics if it
// has another length.
func NewCipher(key []byte) *Cipher {
	if len(key) != KeySize {
		panic("tiny: a key of AES-256 has 32 bytes")
	}
	c := new(Cipher)
	const words = KeySize / 4
	for i := range words {
		c.enc[i] = load32(key[4*i:])
	}
	rcon := byte(1)
	for i := words; i < roundKeys; i++ {
		t := c.enc[i-1]
		switch i % words {
		case 0:
			t = substitute(bits.RotateLeft32(t, 8)) ^ uint32(rcon)<<24
			rcon = double(rcon)
		case 4:
			t = substitute(t)
		}
		c.enc[i] = c.enc[i-words] ^ t
	}
	// The equivalent inverse cipher (section 5.3.5) takes the keys of the rounds backwards, all of
	// them unmixed except the first and the last.
	for i := range roundKeys {
		k := c.enc[roundKeys-4-i&^3+i&3]
		if i >= 4 && i < roundKeys-4 {
			k = unmixed(byte(k>>24)) ^ bits.RotateLeft32(unmixed(byte(k>>16)), -8) ^
				bits.RotateLeft32(unmixed(byte(k>>8)), -16) ^ bits.RotateLeft32(unmixed(byte(k)),
				-24)
		}
		c.dec[i] = k
	}
	return c
}

func substitute(w uint32) uint32 {
	return uint32(sbox[w>>24])<<24 | uint32(sbox[w>>16&0xff])<<16 | uint32(sbox[w>>8&0xff])<<8 |
		uint32(sbox[w&0xff])
}

// Encrypt encrypts one block of src into dst. Both have BlockSize bytes and may be the same.
func (c *Cipher) Encrypt(dst, src []byte) {
	k := &c.enc
	s0, s1, s2, s3 := load32(src)^k[0], load32(src[4:])^k[1], load32(src[8:])^k[2],
		load32(src[12:])^k[3]
	for i := 4; i < roundKeys-4; i += 4 {
		t0 := column(&mixed, s0, s1, s2, s3) ^ k[i]
		t1 := column(&mixed, s1, s2, s3, s0) ^ k[i+1]
		t2 := column(&mixed, s2, s3, s0, s1) ^ k[i+2]
		s3 = column(&mixed, s3, s0, s1, s2) ^ k[i+3]
		s0, s1, s2 = t0, t1, t2
	}
	const last = roundKeys - 4
	store32(dst, lookup(&sbox, s0, s1, s2, s3)^k[last])
	store32(dst[4:], lookup(&sbox, s1, s2, s3, s0)^k[last+1])
	store32(dst[8:], lookup(&sbox, s2, s3, s0, s1)^k[last+2])
	store32(dst[12:], lookup(&sbox, s3, s0, s1, s2)^k[last+3])
}

// Decrypt decrypts one block of src into dst. Both have BlockSize bytes and may be the same.
func (c *Cipher) Decrypt(dst, src []byte) {
	k := &c.dec
	s0, s1, s2, s3 := load32(src)^k[0], load32(src[4:])^k[1], load32(src[8:])^k[2],
		load32(src[12:])^k[3]
	for i := 4; i < roundKeys-4; i += 4 {
		t0 := column(&unmix, s0, s3, s2, s1) ^ k[i]
		t1 := column(&unmix, s1, s0, s3, s2) ^ k[i+1]
		t2 := column(&unmix, s2, s1, s0, s3) ^ k[i+2]
		s3 = column(&unmix, s3, s2, s1, s0) ^ k[i+3]
		s0, s1, s2 = t0, t1, t2
	}
	const last = roundKeys - 4
	store32(dst, lookup(&inverse, s0, s3, s2, s1)^k[last])
	store32(dst[4:], lookup(&inverse, s1, s0, s3, s2)^k[last+1])
	store32(dst[8:], lookup(&inverse, s2, s1, s0, s3)^k[last+2])
	store32(dst[12:], lookup(&inverse, s3, s2, s1, s0)^k[last+3])
}

// column computes one column of a round: the byte in the first row comes from a, the second from b,
// and so on.
func column(t *[256]uint32, a, b, c, d uint32) uint32 {
	return t[a>>24] ^ bits.RotateLeft32(t[b>>16&0xff], -8) ^ bits.RotateLeft32(t[c>>8&0xff], -16) ^
		bits.RotateLeft32(t[d&0xff], -24)
}

// lookup computes a column of the last round, which does not mix.
func lookup(t *[256]byte, a, b, c, d uint32) uint32 {
	return uint32(t[a>>24])<<24 | uint32(t[b>>16&0xff])<<16 | uint32(t[c>>8&0xff])<<8 |
		uint32(t[d&0xff])
}

func load32(b []byte) uint32 {
	_ = b[3]
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

func store32(b []byte, v uint32) {
	_ = b[3]
	b[0], b[1], b[2], b[3] = byte(v>>24), byte(v>>16), byte(v>>8), byte(v)
}

func load64(b []byte) uint64 { return uint64(load32(b))<<32 | uint64(load32(b[4:])) }

func store64(b []byte, v uint64) {
	store32(b, uint32(v>>32))
	store32(b[4:], uint32(v))
}
