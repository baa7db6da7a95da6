//go:build !js

package crypto

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func ends(
	t testing.TB, alg Algorithm, key Key, change func(client *Handshake),
) (cs *Sealer, co *Opener, ss *Sealer, so *Opener) {
	t.Helper()
	h := Handshake{alg, bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32), []byte("hello")}
	client := h
	if change != nil {
		change(&client)
	}
	cs, co, err := client.ClientEnd(&key)
	if err != nil {
		t.Fatal(err)
	}
	ss, so, err = h.ServerEnd(&key)
	if err != nil {
		t.Fatal(err)
	}
	return cs, co, ss, so
}

func TestRoundTrip(t *testing.T) {
	for _, alg := range algorithms {
		cs, co, ss, so := ends(t, alg, GenerateKey(), nil)
		for n := range 300 {
			plain := bytes.Repeat([]byte{byte(n)}, n)
			for _, pair := range []struct {
				s *Sealer
				o *Opener
			}{{cs, so}, {ss, co}} {
				rec := pair.s.Seal([]byte("prefix"), 0x0f, plain)[6:]
				if len(rec) > len(plain)+pair.s.Overhead() || rec[0] != 0x0f {
					t.Fatalf("%v: record of %d bytes for %d", alg, len(rec), n)
				}
				if n > 8 && bytes.Contains(rec, plain) {
					t.Fatalf("%v: the record holds the plaintext", alg)
				}
				got, err := pair.o.Open(rec)
				if err != nil || !bytes.Equal(got, plain) {
					t.Fatalf("%v: %d bytes: %v", alg, n, err)
				}
			}
		}
	}
}

func TestEveryChangedBitIsRefused(t *testing.T) {
	key := GenerateKey()
	for _, alg := range algorithms {
		plain := []byte("attack at dawn, or a little later")
		seal := func() []byte {
			cs, _, _, _ := ends(t, alg, key, nil)
			return cs.Seal(nil, 0x0f, plain)
		}
		n := len(seal())
		for bit := range n * 8 {
			rec := seal()
			rec[bit/8] ^= 1 << (bit % 8)
			_, _, _, so := ends(t, alg, key, nil)
			if _, err := so.Open(rec); err != ErrOpen {
				t.Fatalf("%v: bit %d: %v", alg, bit, err)
			}
		}
		for cut := range n {
			_, _, _, so := ends(t, alg, key, nil)
			if _, err := so.Open(seal()[:cut]); err != ErrOpen {
				t.Fatalf("%v: cut to %d: %v", alg, cut, err)
			}
		}
		_, _, _, so := ends(t, alg, key, nil)
		if _, err := so.Open(append(seal(), 0)); err != ErrOpen {
			t.Fatalf("%v: extended: %v", alg, err)
		}
	}
}

func TestReplayReorderReflectSplice(t *testing.T) {
	key := GenerateKey()
	for _, alg := range algorithms {
		for name, attack := range map[string]func(cs *Sealer, co *Opener, ss *Sealer,
			so *Opener) ([]byte, *Opener){
			"replay": func(cs *Sealer, _ *Opener, _ *Sealer, so *Opener) ([]byte, *Opener) {
				a := cs.Seal(nil, 1, []byte("a"))
				if _, err := so.Open(bytes.Clone(a)); err != nil {
					t.Fatal(err)
				}
				return a, so
			},
			"reorder": func(cs *Sealer, _ *Opener, _ *Sealer, so *Opener) ([]byte, *Opener) {
				cs.Seal(nil, 1, []byte("a"))
				return cs.Seal(nil, 1, []byte("b")), so
			},
			"reflect": func(cs *Sealer, co *Opener, _ *Sealer, _ *Opener) ([]byte, *Opener) {
				return cs.Seal(nil, 1, []byte("a")), co
			},
			"other connection": func(cs *Sealer, _ *Opener, _ *Sealer, _ *Opener) ([]byte,
				*Opener) {
				h := Handshake{alg, bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{3}, 32),
					[]byte("hello")}
				_, so, _ := h.ServerEnd(&key)
				return cs.Seal(nil, 1, []byte("a")), so
			},
		} {
			rec, o := attack(ends(t, alg, key, nil))
			if _, err := o.Open(rec); err != ErrOpen {
				t.Errorf("%v: %s: %v", alg, name, err)
			}
		}
	}
}

func TestOtherHandshakeGivesOtherKeys(t *testing.T) {
	key := GenerateKey()
	for _, alg := range algorithms {
		for name, change := range map[string]func(*Handshake){
			"client random": func(h *Handshake) { h.ClientRandom = bytes.Repeat([]byte{9}, 32) },
			"server random": func(h *Handshake) { h.ServerRandom = bytes.Repeat([]byte{9}, 32) },
			"transcript":    func(h *Handshake) { h.Transcript = []byte("hellp") },
			"algorithm":     func(h *Handshake) { h.Algorithm = 3 - h.Algorithm },
		} {
			cs, _, _, so := ends(t, alg, key, change)
			if _, err := so.Open(cs.Seal(nil, 1, []byte("a"))); err != ErrOpen {
				t.Errorf("%v: other %s: %v", alg, name, err)
			}
		}
		other := GenerateKey()
		cs, _, _, _ := ends(t, alg, key, nil)
		_, _, _, so := ends(t, alg, other, nil)
		if _, err := so.Open(cs.Seal(nil, 1, []byte("a"))); err != ErrOpen {
			t.Errorf("%v: other key: %v", alg, err)
		}
	}
	if _, _, err := (&Handshake{Algorithm: 7}).ClientEnd(&key); !errors.Is(err, ErrAlgorithm) {
		t.Errorf("algorithm 7: %v", err)
	}
}

func TestNonceNeverRepeats(t *testing.T) {
	seen := map[string]bool{}
	for range 3 {
		for _, alg := range algorithms {
			h := Handshake{alg, nil, []byte(fmt.Sprint(rand.Uint64())), nil}
			key := GenerateKey()
			s, _, err := h.ClientEnd(&key)
			if err != nil {
				t.Fatal(err)
			}
			for range 1000 {
				s.next(1)
				nonce := string(s.nonce[:])
				if alg == AES256CBC {
					nonce = string(s.Seal(nil, 1, nil)[1:17])
				} else {
					s.seq++
				}
				if seen[nonce] {
					t.Fatalf("%v: a nonce came twice", alg)
				}
				seen[nonce] = true
			}
		}
	}
}

func TestParseKey(t *testing.T) {
	k := GenerateKey()
	if got, err := ParseKey(k.Encode()); err != nil || got != k {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ in, want string }{
		"empty":      {"", "0 bytes"},
		"31 bytes":   {"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==", "31 bytes"},
		"33 bytes":   {"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g", "33 bytes"},
		"no padding": {strings.TrimRight(k.Encode(), "="), "43 characters"},
		"hex":        {strings.Repeat("0g", 32), "48 bytes"},
		"zeros":      {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "equal"},
		"with space": {" " + k.Encode(), "not base64"},
	} {
		_, err := ParseKey(c.in)
		if !errors.Is(err, ErrKey) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if err != nil && len(c.in) > 8 && strings.Contains(err.Error(), strings.TrimSpace(c.in)) {
			t.Errorf("%s: the error repeats the key", name)
		}
	}
	if s := fmt.Sprintf("%v %+v %#v %s %x", k, k, k, k, k); !strings.Contains(s, "redacted") ||
		strings.Contains(s, fmt.Sprintf("%x", k.b[:4])) {
		t.Errorf("a key prints as %s", s)
	}
}

func TestNoAllocations(t *testing.T) {
	for _, alg := range algorithms {
		cs, _, _, so := ends(t, alg, GenerateKey(), nil)
		plain := make([]byte, 1024)
		buf := make([]byte, 0, 2048)
		if n := testing.AllocsPerRun(100, func() {
			rec := cs.Seal(buf, 15, plain)
			if _, err := so.Open(rec); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%v: %v allocations per record", alg, n)
		}
	}
}

func FuzzOpen(f *testing.F) {
	key := GenerateKey()
	for _, alg := range algorithms {
		cs, _, _, _ := ends(f, alg, key, nil)
		f.Add(byte(alg), cs.Seal(nil, 15, []byte("hello")))
	}
	f.Fuzz(func(t *testing.T, alg byte, rec []byte) {
		cs, _, _, so := ends(t, algorithms[alg&1], key, nil)
		mine := cs.Seal(nil, 15, []byte("hello"))
		if got, err := so.Open(bytes.Clone(rec)); err == nil && !bytes.Equal(rec, mine) {
			t.Fatalf("a forged record opened: %q", got)
		}
	})
}

// Whoever has the key can write records that are wrong in another way. Their tags are right, and
// they are refused all the same.
func TestRecordsWithAValidTag(t *testing.T) {
	key := GenerateKey()
	forge := func(iv int, text []byte) ([]byte, *Opener) {
		cs, _, _, so := ends(t, AES256CBC, key, nil)
		cs.next(0x0f)
		rec := append(append([]byte{0x0f}, make([]byte, iv)...), text...)
		if body := rec[1:]; len(body) >= 2*blockSize && len(body)%blockSize == 0 {
			cs.cbc.block.SetIV(body[:blockSize])
			cs.cbc.block.CryptBlocks(body[blockSize:], body[blockSize:])
		}
		return append(rec, cs.cbc.tag(&cs.half, rec[1:])...), so
	}
	for n := range 5 * blockSize {
		text := bytes.Repeat([]byte{1}, n)
		rec, so := forge(blockSize, text)
		got, err := so.Open(rec)
		if valid := n > 0 && n%blockSize == 0; (err == nil) != valid || valid && len(got) != n-1 {
			t.Errorf("%d bytes of ciphertext: %d bytes, %v", n, len(got), err)
		}
	}
	for n := range blockSize {
		rec, so := forge(n, nil)
		if _, err := so.Open(rec); err != ErrOpen {
			t.Errorf("%d bytes of IV: %v", n, err)
		}
	}
	for pad := range 256 {
		text := make([]byte, 3*blockSize)
		text[len(text)-1] = byte(pad)
		rec, so := forge(blockSize, text)
		got, err := so.Open(rec)
		if valid := 1 <= pad && pad <= blockSize; (err == nil) != valid || !valid && got != nil ||
			valid && len(got) != len(text)-pad {
			t.Errorf("padding %d: %d bytes, %v", pad, len(got), err)
		}
	}
}
