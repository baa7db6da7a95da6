package state

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"runtime"
	"testing"
)

// FuzzDecoder: whatever bytes come, the decoder neither fails in another way than by an error, nor
// takes much more memory than the bytes; and what it made of them can be looked at. Messages are
// divided by their lengths in two bytes.
func FuzzDecoder(f *testing.F) {
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		f.Fatal(err)
	}
	var file vecFile
	if err := json.Unmarshal(text, &file); err != nil {
		f.Fatal(err)
	}
	pack := func(messages ...string) (out []byte) {
		for _, m := range messages {
			b, _ := hex.DecodeString(m)
			out = append(append(out, byte(len(b)>>8), byte(len(b))), b...)
		}
		return out
	}
	for _, s := range file.Series {
		var all []string
		for _, m := range s.Messages {
			all = append(all, m.Hex)
		}
		f.Add(pack(all...))
	}
	for _, r := range file.Refused {
		f.Add(pack(append(r.Before, r.Hex)...))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		plain := NewReader()
		typed, err := NewDecoder[vecArena]()
		if err != nil {
			t.Fatal(err)
		}
		for len(b) > 2 {
			n := min(int(b[0])<<8|int(b[1]), len(b)-2)
			feed(t, plain, typed, b[2:2+n])
			b = b[2+n:]
		}
	})
}

// Bytes of memory that a message may take: a floor, in which a schema with all its fields fits, and
// so much for each byte.
const (
	allowedFloor   = 4 << 20
	allowedPerByte = 1024
)

func feed(t *testing.T, plain *Reader, typed *Decoder[vecArena], b []byte) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := plain.Apply(b)
	_, err2 := typed.Apply(b)
	runtime.ReadMemStats(&after)
	// The typed decoder may refuse a schema that the plain one takes.
	if err == nil && err2 != nil && typed.core.root == plain.core.root {
		t.Fatalf("only the typed decoder refuses: %v", err2)
	}
	took := after.TotalAlloc - before.TotalAlloc
	if took > allowedFloor+allowedPerByte*uint64(len(b)) {
		t.Fatalf("%d bytes of memory for a message of %d", took, len(b))
	}
	plain.Value()
	look(typed.State())
	if plain.Synced() {
		if sum := plain.core.checksum(); sum != plain.core.checksum() {
			t.Fatalf("checksum %08x changes", sum)
		}
	}
}

// look reads all of a state.
func look(a *vecArena) {
	_, _ = json.Marshal(a)
	for _, p := range a.Players.All() {
		_ = p.Name
		for _, c := range p.Hand.All() {
			_ = c.Code
		}
	}
	for _, b := range a.Boxes.All() {
		_ = b.ID
	}
}
