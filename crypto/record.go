package crypto

import "errors"

// Algorithm is the id of an encryption algorithm on the wire.
type Algorithm uint8

const (
	// None means no encryption.
	None Algorithm = 0
	// AES256GCM is AES-256-GCM with a 96-bit counter nonce and a 128-bit tag.
	AES256GCM Algorithm = 1
	// AES256CBC is AES-256-CBC with PKCS#7 padding, followed by HMAC-SHA256, cut to 128 bits, over
	// header, counter, IV and ciphertext (encrypt-then-MAC).
	AES256CBC Algorithm = 2
)

// String returns the name that the algorithm has in the options.
func (a Algorithm) String() string {
	switch a {
	case AES256GCM:
		return "aes-256-gcm"
	case AES256CBC:
		return "aes-256-cbc"
	}
	return "none"
}

// RandomSize is the length in bytes of the random value of each side in the handshake.
const RandomSize = 32

const (
	tagSize   = 16 // of a record, for both algorithms
	blockSize = 16 // of AES
	sumSize   = 32 // of SHA-256
)

// ErrOpen is returned for every failure to open a record, whatever the cause, because saying more
// would help an attacker.
var ErrOpen = errors.New("crypto: the record does not open")

// ErrAlgorithm is returned for an algorithm id that is not implemented.
var ErrAlgorithm = errors.New("crypto: unknown algorithm")

// Handshake is what both ends know when the keys are derived. Transcript is what both saw of the
// handshake in clear, so that a change in transit gives different keys.
type Handshake struct {
	Algorithm    Algorithm
	ClientRandom []byte
	ServerRandom []byte
	Transcript   []byte
}

// ClientEnd derives the client's two ends of a connection from key:
//
//	th  = SHA-256("smartsocket/1" || transcript)
//	prk = HKDF-Extract(SHA-256, salt = clientRandom || serverRandom, key)
//	s_d = HKDF-Expand(prk, "ss1 " || direction || algorithm || th, 32)
//	cipher key, iv, MAC key, IV key = HKDF-Expand(s_d, "key" | "iv" | "mac" | "ivk")
//
// direction is "c2s" or "s2c", and algorithm is one byte. An unknown algorithm returns
// ErrAlgorithm.
func (h *Handshake) ClientEnd(key *Key) (*Sealer, *Opener, error) {
	return h.end(key, "c2s", "s2c")
}

// ServerEnd derives the server's two ends, see ClientEnd.
func (h *Handshake) ServerEnd(key *Key) (*Sealer, *Opener, error) {
	return h.end(key, "s2c", "c2s")
}

func (h *Handshake) end(key *Key, out, in string) (*Sealer, *Opener, error) {
	prk, err := extract(key.b[:], append(append(make([]byte, 0, 2*RandomSize), h.ClientRandom...),
		h.ServerRandom...))
	if err != nil {
		return nil, nil, err
	}
	s, o := new(Sealer), new(Opener)
	if err := s.init(h, prk, out); err != nil {
		return nil, nil, err
	}
	if err := o.init(h, prk, in); err != nil {
		return nil, nil, err
	}
	return s, o, nil
}

// half is the cipher state of one direction.
type half struct {
	seq  uint64
	aead aead // with GCM
	iv   [12]byte
	// What follows are fields and not locals, because locals would escape through the interfaces.
	nonce [12]byte
	head  [1]byte

	cbc *cbcState
}

// cbcState is what CBC needs instead of aead.
type cbcState struct {
	block   cbcMode
	mac     *mac
	ivBlock blockCipher
	count   [blockSize]byte
	iv      [blockSize]byte
	sum     [sumSize]byte
}

// cbcMode encrypts or decrypts whole blocks in place, starting from the IV that was set last.
type cbcMode interface {
	SetIV(iv []byte)
	CryptBlocks(dst, src []byte)
}

// blockCipher encrypts one block.
type blockCipher interface {
	Encrypt(dst, src []byte)
}

func (h *half) init(hs *Handshake, prk []byte, direction string, decrypt bool) error {
	th := sum256(append([]byte("smartsocket/1"), hs.Transcript...))
	info := append([]byte("ss1 "+direction), byte(hs.Algorithm))
	secret, err := expand(prk, string(append(info, th[:]...)), 32)
	if err != nil {
		return err
	}
	derive := func(label string, n int) []byte {
		b, e := expand(secret, label, n)
		err = errors.Join(err, e)
		return b
	}
	key := derive("key", 32)
	switch hs.Algorithm {
	case AES256GCM:
		copy(h.iv[:], derive("iv", 12))
		if err == nil {
			h.aead, err = newGCM(key)
		}
		return err
	case AES256CBC:
		macKey, ivKey := derive("mac", 32), derive("ivk", 32)
		if err != nil {
			return err
		}
		c := &cbcState{mac: newMAC(macKey)}
		if c.ivBlock, err = newBlock(ivKey); err != nil {
			return err
		}
		h.cbc = c
		c.block, err = newCBC(key, decrypt)
		return err
	}
	return ErrAlgorithm
}

// next sets the nonce of the next record: the iv XOR the counter, which is never sent. The wire
// keeps the order, so a record that is replayed, lost or swapped does not open.
func (h *half) next(head byte) {
	h.head[0] = head
	h.nonce = h.iv
	for i := range 8 {
		h.nonce[4+i] ^= byte(h.seq >> (56 - 8*i))
	}
}

// putUint64 does what encoding/binary does, which would bring reflect into browser builds.
func putUint64(b []byte, v uint64) {
	for i := range 8 {
		b[i] = byte(v >> (56 - 8*i))
	}
}

// tag computes the MAC over header, counter, IV and ciphertext into sum.
func (c *cbcState) tag(h *half, ivAndText []byte) []byte {
	c.mac.Reset()
	putUint64(c.count[:8], h.seq)
	c.mac.Write(h.head[:])
	c.mac.Write(c.count[:8])
	c.mac.Write(ivAndText)
	c.mac.Sum(&c.sum)
	return c.sum[:tagSize]
}

// Sealer encrypts one direction of one connection. It is not safe for concurrent use, because
// records must be sent in the order in which they are sealed.
type Sealer struct{ half }

func (s *Sealer) init(h *Handshake, prk []byte, direction string) error {
	return s.half.init(h, prk, direction, false)
}

// Overhead returns how many bytes longer than its plaintext a record can be, including the header
// byte.
func (s *Sealer) Overhead() int {
	if s.aead != nil {
		return 1 + tagSize
	}
	return 1 + blockSize + blockSize + tagSize
}

// Seal appends one record to dst: the header byte, which is authenticated, and plain, encrypted.
// plain is borrowed until return and must not overlap the spare capacity of dst. Seal allocates
// nothing if dst has Overhead()+len(plain) bytes to spare.
//
//	gcm: header | ciphertext | tag
//	cbc: header | IV | ciphertext, padded by PKCS#7 | tag
//
// The IV of CBC is AES-256(IV key, counter). It cannot be predicted and never repeats.
func (s *Sealer) Seal(dst []byte, header byte, plain []byte) []byte {
	s.next(header)
	dst = append(dst, header)
	if s.aead != nil {
		dst = s.aead.Seal(dst, s.nonce[:], plain, s.head[:])
		s.seq++
		return dst
	}
	c := s.cbc
	c.count = [blockSize]byte{}
	putUint64(c.count[8:], s.seq)
	c.ivBlock.Encrypt(c.iv[:], c.count[:])
	start := len(dst)
	dst = append(dst, c.iv[:]...)
	dst = append(dst, plain...)
	pad := blockSize - len(plain)%blockSize
	for range pad {
		dst = append(dst, byte(pad))
	}
	text := dst[start+blockSize:]
	c.block.SetIV(c.iv[:])
	c.block.CryptBlocks(text, text)
	dst = append(dst, c.tag(&s.half, dst[start:])...)
	s.seq++
	return dst
}

// Opener decrypts one direction of one connection. It is not safe for concurrent use. After an
// error it must not be used again, because the connection can no longer be trusted.
type Opener struct{ half }

func (o *Opener) init(h *Handshake, prk []byte, direction string) error {
	return o.half.init(h, prk, direction, true)
}

// Open checks and decrypts one record in place and returns the plaintext, which borrows record.
// Every failure is ErrOpen and returns no plaintext.
func (o *Opener) Open(record []byte) ([]byte, error) {
	if len(record) < 1+tagSize {
		return nil, ErrOpen
	}
	o.next(record[0])
	body := record[1:]
	if o.aead != nil {
		plain, err := o.aead.Open(body[:0], o.nonce[:], body, o.head[:])
		if err != nil {
			return nil, ErrOpen
		}
		o.seq++
		return plain, nil
	}
	c := o.cbc
	n := len(body) - tagSize
	if n < 2*blockSize || n%blockSize != 0 || !equal(c.tag(&o.half, body[:n]), body[n:]) {
		return nil, ErrOpen
	}
	text := body[blockSize:n]
	copy(c.iv[:], body)
	c.block.SetIV(c.iv[:])
	c.block.CryptBlocks(text, text)
	pad := int(text[len(text)-1])
	if pad == 0 || pad > blockSize {
		return nil, ErrOpen
	}
	o.seq++
	return text[:len(text)-pad], nil
}
