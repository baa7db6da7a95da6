package crypto

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/vectors.json anew")

const vectorsPath = "testdata/vectors.json"

// vector is one connection, seen from the client's side. All bytes are in hex, except the key,
// which is in base64.
type vector struct {
	Name         string   `json:"name"`
	Algorithm    uint8    `json:"algorithm"`
	Key          string   `json:"key"`
	KeyID        string   `json:"keyId"`
	ClientRandom string   `json:"clientRandom"`
	ServerRandom string   `json:"serverRandom"`
	Transcript   string   `json:"transcript"`
	ToServer     []sealed `json:"toServer"`
	ToClient     []sealed `json:"toClient"`
}

// sealed is one record. seq is its position in its direction.
type sealed struct {
	Seq    uint64 `json:"seq"`
	Plain  string `json:"plain"`
	Record string `json:"record"`
}

// header is the first byte of the records, that of a SEALED message.
const header = 0x0f

// pattern returns n bytes that differ from each other and from those of other seeds.
func pattern(seed byte, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = seed + byte(i*7) ^ byte(i>>8)
	}
	return b
}

// makeVectors seals plaintexts of lengths around the boundaries of blocks.
func makeVectors(t *testing.T) []vector {
	t.Helper()
	var all []vector
	for _, alg := range algorithms {
		for i, transcript := range [][]byte{nil, pattern(3, 90), pattern(4, 700)} {
			text := base64.StdEncoding.EncodeToString(pattern(byte(40+i), KeySize))
			key, err := ParseKey(text)
			if err != nil {
				t.Fatal(err)
			}
			id := key.ID()
			h := Handshake{alg, pattern(byte(1+i), 32), pattern(byte(101+i), 32), transcript}
			client, _, err := h.ClientEnd(&key)
			if err != nil {
				t.Fatal(err)
			}
			server, _, err := h.ServerEnd(&key)
			if err != nil {
				t.Fatal(err)
			}
			v := vector{
				Name: alg.String() + " " + string(rune('a'+i)), Algorithm: uint8(alg), Key: text,
				KeyID:        hex.EncodeToString(id[:]),
				ClientRandom: hex.EncodeToString(h.ClientRandom),
				ServerRandom: hex.EncodeToString(h.ServerRandom),
				Transcript:   hex.EncodeToString(transcript),
			}
			for n, length := range []int{0, 1, 15, 16, 17, 31, 32, 33, 64, 100, 1000} {
				for _, d := range []struct {
					s    *Sealer
					into *[]sealed
				}{{client, &v.ToServer}, {server, &v.ToClient}} {
					plain := pattern(byte(n), length)
					seq := d.s.seq
					*d.into = append(*d.into, sealed{seq, hex.EncodeToString(plain),
						hex.EncodeToString(d.s.Seal(nil, header, plain))})
				}
			}
			all = append(all, v)
		}
	}
	return all
}

// TestVectors holds the package to the file with which every other implementation is tested.
func TestVectors(t *testing.T) {
	got, err := json.MarshalIndent(makeVectors(t), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(vectorsPath, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(vectorsPath)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("the records differ from " + vectorsPath +
			": if the wire is meant to change, run go test ./crypto -run TestVectors -update")
	}
}
