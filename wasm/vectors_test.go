//go:build !js

package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket/pool"
	"github.com/smartsocket/smartsocket/pool/tinyflate"
)

var update = flag.Bool("update", false, "write js/test/flate-vectors.json anew")

const flatePath = "js/test/flate-vectors.json"

// flateVector is a DEFLATE stream in hex with what it inflates to within limit bytes, or with the
// code of the error.
type flateVector struct {
	Name     string `json:"name"`
	Deflated string `json:"deflated"`
	Limit    int    `json:"limit"`
	Plain    string `json:"plain,omitempty"`
	Code     string `json:"code,omitempty"`
}

func makeFlateVectors(t *testing.T) []flateVector {
	t.Helper()
	var all []flateVector
	add := func(name string, plain, deflated []byte) {
		whole := hex.EncodeToString(deflated)
		all = append(all, flateVector{Name: name, Deflated: whole, Limit: len(plain),
			Plain: hex.EncodeToString(plain)})
		if len(plain) > 0 {
			all = append(all, flateVector{Name: name + ", one byte over the limit", Deflated: whole,
				Limit: len(plain) - 1, Code: "ERR_MSG_004"})
		}
		all = append(all,
			flateVector{Name: name + ", cut short", Deflated: whole[:len(whole)-2], Limit: 1 << 20,
				Code: "ERR_MSG_002"},
			flateVector{Name: name + ", more behind it", Deflated: whole + "00", Limit: 1 << 20,
				Code: "ERR_MSG_002"})
	}
	noise := make([]byte, 700)
	for i, x := 0, uint32(1); i < len(noise); i++ {
		x = x*1664525 + 1013904223
		noise[i] = byte(x >> 24)
	}
	plains := flatePlains(noise)
	for _, name := range slices.Sorted(maps.Keys(plains)) {
		plain := plains[name]
		for _, level := range []int{1, 6, 9} {
			deflated, err := pool.Deflate(nil, []byte(plain), level, false)
			if err != nil {
				t.Fatal(err)
			}
			add(name+" at level "+strconv.Itoa(level), []byte(plain), deflated)
		}
		add(name+" by tinyflate", []byte(plain), tinyflate.Deflate(nil, []byte(plain), 6, false))
	}
	bomb, _ := pool.Deflate(nil, make([]byte, 4<<20), 9, false)
	all = append(all, flateVector{Name: "bomb", Deflated: hex.EncodeToString(bomb), Limit: 1 << 20,
		Code: "ERR_MSG_004"})
	bad := map[string]string{
		"nothing": "", "reserved kind of block": "07",
		"stored length without its complement": "0105000000616263",
		"distance before the start":            "4b044200",
		"too many codes of a length":           "05e0ffffffffffffffffffff",
		"only zeros":                           "00000000", "only ones": "ffffffffffffffff",
	}
	for _, name := range slices.Sorted(maps.Keys(bad)) {
		all = append(all, flateVector{Name: name, Deflated: bad[name], Limit: 1 << 20,
			Code: "ERR_MSG_002"})
	}
	return all
}

func flatePlains(noise []byte) map[string]string {
	return map[string]string{
		"one byte": "x",
		"text":     strings.Repeat("move left, move right; ", 20) + "stop",
		"a run":    strings.Repeat("a", 3000),
		"json": `[` +
			strings.Repeat(`{"id":17,"name":"player","x":1.25,"y":-3.5,"alive":true},`, 30) + `{}]`,
		"noise":    string(noise),
		"far away": string(noise) + strings.Repeat("ab", 400) + string(noise),
	}
}

// TestFlateVectors compares the file that js/test/flate.test.js reads with what Go's decoders make
// of it.
func TestFlateVectors(t *testing.T) {
	if *update {
		b, err := json.MarshalIndent(makeFlateVectors(t), "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(flatePath, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(flatePath)
	if err != nil {
		t.Fatal(err)
	}
	var all []flateVector
	if err := json.Unmarshal(b, &all); err != nil || len(all) == 0 {
		t.Fatalf("%d vectors, %v", len(all), err)
	}
	for _, v := range all {
		src, err := hex.DecodeString(v.Deflated)
		if err != nil {
			t.Fatal(err)
		}
		want, _ := hex.DecodeString(v.Plain)
		native, err := pool.Inflate(nil, src, v.Limit, false)
		if got := flateCode(err); got != v.Code || !bytes.Equal(native, want) {
			t.Errorf("%s: pool gives %q and %d bytes, want %q and %d", v.Name, got, len(native),
				v.Code, len(want))
		}
		tiny, status := tinyflate.Inflate(nil, src, v.Limit, false)
		if got := [...]string{"", "ERR_MSG_004", "ERR_MSG_002"}[status]; got != v.Code ||
			!bytes.Equal(tiny, want) {
			t.Errorf("%s: tinyflate gives %q and %d bytes, want %q and %d", v.Name, got, len(tiny),
				v.Code, len(want))
		}
	}
}

func flateCode(err error) string {
	switch {
	case errors.Is(err, pool.ErrTooLarge):
		return "ERR_MSG_004"
	case err != nil:
		return "ERR_MSG_002"
	}
	return ""
}
