//go:build !js

package tiny

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

// seeded produces the same bytes in each run.
var seeded = rand.NewChaCha8([32]byte{1})

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = seeded.Read(b)
	return b
}

// lengths are those around every block boundary, and some in between.
var lengths = []int{0, 1, 8, 15, 16, 17, 31, 32, 33, 55, 56, 57, 63, 64, 65, 100, 119, 120, 127,
	128, 129, 255, 1000, 4096}

// The example of FIPS 197 appendix C.3, so that the tests do not rely on the standard library
// alone.
func TestAESExample(t *testing.T) {
	unhex := func(s string) []byte { b, _ := hex.DecodeString(s); return b }
	c := NewCipher(unhex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"))
	plain, want, got := unhex("00112233445566778899aabbccddeeff"),
		unhex("8ea2b7ca516745bfeafc49904b496089"), make([]byte, 16)
	if c.Encrypt(got, plain); !bytes.Equal(got, want) {
		t.Errorf("%x", got)
	}
	if c.Decrypt(got, got); !bytes.Equal(got, plain) {
		t.Errorf("%x", got)
	}
}

func TestAESAgainstStandard(t *testing.T) {
	for range 200 {
		key, block := random(KeySize), random(BlockSize)
		std, _ := aes.NewCipher(key)
		ours, want, got := NewCipher(key), make([]byte, BlockSize), make([]byte, BlockSize)
		std.Encrypt(want, block)
		if ours.Encrypt(got, block); !bytes.Equal(got, want) {
			t.Fatalf("encrypted %x, want %x", got, want)
		}
		std.Decrypt(want, block)
		if ours.Decrypt(got, block); !bytes.Equal(got, want) {
			t.Fatalf("decrypted %x, want %x", got, want)
		}
	}
}

func TestCBCAgainstStandard(t *testing.T) {
	for blocks := range 9 {
		key, iv, text := random(KeySize), random(BlockSize), random(blocks*BlockSize)
		std, _ := aes.NewCipher(key)
		ours, want, got := NewCipher(key), make([]byte, len(text)), bytes.Clone(text)
		cipher.NewCBCEncrypter(std, iv).CryptBlocks(want, text)
		m := NewCBC(ours, false)
		m.SetIV(iv)
		if m.CryptBlocks(got, got); !bytes.Equal(got, want) {
			t.Fatalf("%d blocks: %x, want %x", blocks, got, want)
		}
		m = NewCBC(ours, true)
		m.SetIV(iv)
		if m.CryptBlocks(got, got); !bytes.Equal(got, text) {
			t.Fatalf("%d blocks do not come back", blocks)
		}
	}
}

func TestGCMAgainstStandard(t *testing.T) {
	for _, n := range lengths {
		for _, extra := range []int{0, 1, 16, 20} {
			checkGCM(t, random(KeySize), random(NonceSize), random(n), random(extra))
		}
	}
}

func FuzzGCM(f *testing.F) {
	f.Add(random(KeySize), random(NonceSize), []byte("text"), []byte{15})
	f.Fuzz(func(t *testing.T, key, nonce, plain, additional []byte) {
		if len(key) == KeySize && len(nonce) == NonceSize {
			checkGCM(t, key, nonce, plain, additional)
		}
	})
}

// checkGCM seals with both implementations, opens with ours, and flips a bit in every byte.
func checkGCM(t *testing.T, key, nonce, plain, additional []byte) {
	t.Helper()
	block, _ := aes.NewCipher(key)
	std, _ := cipher.NewGCM(block)
	g := NewGCM(NewCipher(key))
	want := std.Seal([]byte("head"), nonce, plain, additional)
	got := g.Seal([]byte("head"), nonce, plain, additional)
	if !bytes.Equal(got, want) {
		t.Fatalf("%d bytes: sealed %x, want %x", len(plain), got, want)
	}
	sealed := got[4:]
	for i := range min(len(sealed), 64) {
		sealed[i] ^= 1 << (i % 8)
		if out, err := g.Open(nil, nonce, sealed, additional); err == nil || out != nil {
			t.Fatalf("%d bytes: opened with byte %d changed", len(plain), i)
		}
		sealed[i] ^= 1 << (i % 8)
	}
	if _, err := g.Open(nil, nonce, sealed, append(bytes.Clone(additional), 0)); err == nil {
		t.Fatal("opened with other additional data")
	}
	if opened, err := g.Open(sealed[:0], nonce, sealed, additional); err != nil ||
		!bytes.Equal(opened, plain) {
		t.Fatalf("%d bytes: opened %x, %v", len(plain), opened, err)
	}
	if _, err := g.Open(nil, nonce, sealed[:min(len(sealed), TagSize-1)], additional); err == nil {
		t.Fatal("opened what is shorter than a tag")
	}
}

func TestHashesAgainstStandard(t *testing.T) {
	for _, n := range lengths {
		checkHashes(t, random(n), random(n), n/3)
	}
}

func FuzzHashes(f *testing.F) {
	f.Add([]byte("key"), []byte("message"), 3)
	f.Fuzz(checkHashes)
}

// checkHashes compares SHA-256, HMAC and HKDF. The message comes in two pieces, cut anywhere.
func checkHashes(t *testing.T, key, message []byte, cut int) {
	t.Helper()
	cut = max(0, min(cut, len(message)))
	var sum [SumSize]byte
	var s SHA256
	s.Reset()
	s.Write(message[:cut])
	s.Write(message[cut:])
	if s.Sum(&sum); sum != sha256.Sum256(message) {
		t.Fatalf("SHA-256 of %d bytes cut at %d: %x", len(message), cut, sum)
	}
	std, ours := hmac.New(sha256.New, key), NewHMAC(key)
	for range 2 {
		std.Reset()
		std.Write(message)
		ours.Reset()
		ours.Write(message[:cut])
		ours.Write(message[cut:])
		if ours.Sum(&sum); !hmac.Equal(sum[:], std.Sum(nil)) {
			t.Fatalf("HMAC of %d bytes with a key of %d: %x", len(message), len(key), sum)
		}
	}
	prk, _ := hkdf.Extract(sha256.New, message, key)
	if got := Extract(message, key); !bytes.Equal(got, prk) {
		t.Fatalf("HKDF-Extract: %x, want %x", got, prk)
	}
	for _, n := range []int{1, 12, 32, 33, 100} {
		want, _ := hkdf.Expand(sha256.New, prk, string(message), n)
		if got := Expand(prk, string(message), n); !bytes.Equal(got, want) {
			t.Fatalf("HKDF-Expand to %d: %x, want %x", n, got, want)
		}
	}
}

func TestNothingIsAllocatedPerMessage(t *testing.T) {
	g, m, c := NewGCM(NewCipher(random(KeySize))), NewHMAC(random(KeySize)),
		NewCBC(NewCipher(random(KeySize)), true)
	nonce, plain, extra, buf := random(NonceSize), random(1000), []byte{15}, make([]byte, 0, 2000)
	var sum [SumSize]byte
	n := testing.AllocsPerRun(100, func() {
		sealed := g.Seal(buf, nonce, plain, extra)
		if _, err := g.Open(sealed[:0], nonce, sealed, extra); err != nil {
			t.Fatal(err)
		}
		m.Reset()
		m.Write(plain)
		m.Sum(&sum)
		c.SetIV(nonce)
		c.CryptBlocks(plain[:16], plain[:16])
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzBase64(f *testing.F) {
	for _, s := range []string{"", "QQ==", "QR==", "QUI=", "QUJD", "QUJDRA==", "QUJ\nD", "====",
		"Q===", "+/+/", "QUJDR", "=QUJ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want, err := base64.StdEncoding.Strict().DecodeString(s)
		if strings.ContainsAny(s, "\r\n") {
			err = errors.New("line breaks are skipped there and refused here")
		}
		got, ok := DecodeBase64(s)
		if ok != (err == nil) || ok && !bytes.Equal(got, want) {
			t.Fatalf("%q: %q, %v; standard library: %q, %v", s, got, ok, want, err)
		}
	})
}

// Every byte in every place of a text of one group, and every group of the alphabet, is read as the
// standard library reads it.
func TestBase64AgainstStandard(t *testing.T) {
	check := func(s string) {
		t.Helper()
		want, err := base64.StdEncoding.Strict().DecodeString(s)
		if strings.ContainsAny(s, "\r\n") {
			err = base64.CorruptInputError(0) // the library skips them
		}
		got, ok := DecodeBase64(s)
		if ok != (err == nil) || ok && !bytes.Equal(got, want) {
			t.Errorf("%q: %x, %v; the standard library says %x, %v", s, got, ok, want, err)
		}
	}
	for _, valid := range []string{"", "AAAA", "QQ==", "QUI=", "QUJD", "QUJDQQ=="} {
		check(valid)
		for i := range len(valid) {
			for c := range 256 {
				b := []byte(valid)
				b[i] = byte(c)
				check(string(b))
			}
			check(valid[:i])
		}
		check(valid + "=")
		check(valid + "====")
	}
	for v := range 1 << 12 {
		p := []byte{byte(v >> 4), byte(v<<4 | v>>8), byte(v)}
		check(base64.StdEncoding.EncodeToString(p))
		check(base64.StdEncoding.EncodeToString(p[:2]))
		check(base64.StdEncoding.EncodeToString(p[:1]))
	}
}
