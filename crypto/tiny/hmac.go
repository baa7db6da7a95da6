package tiny

// HMAC is HMAC-SHA256 (RFC 2104) under one key. It is not safe for concurrent use.
type HMAC struct {
	hash  SHA256
	outer [chunk]byte
	inner [chunk]byte
}

// NewHMAC copies the key and begins a message.
func NewHMAC(key []byte) *HMAC {
	m := new(HMAC)
	if len(key) > chunk {
		m.hash.Reset()
		m.hash.Write(key)
		m.hash.Sum((*[SumSize]byte)(m.inner[:]))
	} else {
		copy(m.inner[:], key)
	}
	m.outer = m.inner
	for i := range chunk {
		m.inner[i] ^= 0x36
		m.outer[i] ^= 0x5c
	}
	m.Reset()
	return m
}

// Reset begins a new message.
func (m *HMAC) Reset() {
	m.hash.Reset()
	m.hash.Write(m.inner[:])
}

// Write adds p to the message. It borrows p until return.
func (m *HMAC) Write(p []byte) { m.hash.Write(p) }

// Sum completes the message and writes its code into sum.
func (m *HMAC) Sum(sum *[SumSize]byte) {
	m.hash.Sum(sum)
	m.hash.Reset()
	m.hash.Write(m.outer[:])
	m.hash.Write(sum[:])
	m.hash.Sum(sum)
}

// Extract is HKDF-Extract (RFC 5869 section 2.2).
func Extract(secret, salt []byte) []byte {
	m := NewHMAC(salt)
	m.Write(secret)
	var sum [SumSize]byte
	m.Sum(&sum)
	return sum[:]
}

// Expand is HKDF-Expand (RFC 5869 section 2.3) to n bytes, at most 8160.
func Expand(key []byte, info string, n int) []byte {
	m := NewHMAC(key)
	var sum [SumSize]byte
	out := make([]byte, 0, n+SumSize)
	for i := byte(1); len(out) < n; i++ {
		if i > 1 {
			m.Reset()
			m.Write(sum[:])
		}
		m.Write([]byte(info))
		m.Write([]byte{i})
		m.Sum(&sum)
		out = append(out, sum[:]...)
	}
	return out[:n]
}
