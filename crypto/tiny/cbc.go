package tiny

// CBC is the mode of NIST SP 800-38A section 6.2, in one direction. It is not safe for concurrent
// use.
type CBC struct {
	cipher  *Cipher
	iv      [BlockSize]byte
	decrypt bool
}

// NewCBC makes a mode for c. Call SetIV before each message.
func NewCBC(c *Cipher, decrypt bool) *CBC { return &CBC{cipher: c, decrypt: decrypt} }

// SetIV copies the BlockSize bytes of iv.
func (m *CBC) SetIV(iv []byte) { copy(m.iv[:], iv) }

// CryptBlocks encrypts or decrypts whole blocks of src into dst. The two must be the same slice or
// not overlap.
func (m *CBC) CryptBlocks(dst, src []byte) {
	for len(src) > 0 {
		if m.decrypt {
			next := [BlockSize]byte(src)
			m.cipher.Decrypt(dst, src)
			for i := range m.iv {
				dst[i] ^= m.iv[i]
			}
			m.iv = next
		} else {
			for i := range m.iv {
				m.iv[i] ^= src[i]
			}
			m.cipher.Encrypt(dst, m.iv[:])
			m.iv = [BlockSize]byte(dst)
		}
		dst, src = dst[BlockSize:], src[BlockSize:]
	}
}
