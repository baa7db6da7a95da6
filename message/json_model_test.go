package message

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"unicode/utf16"
)

// Every text of up to six tokens is JSON for ValidJSON exactly if it is for encoding/json.
func TestValidJSONAgreesOnShortTexts(t *testing.T) {
	tokens := []string{"{", "}", "[", "]", ",", ":", `"a"`, "1", " ", "x"}
	var text []byte
	var walk func(left int)
	walk = func(left int) {
		if want := json.Valid(text); ValidJSON(text) != want {
			t.Errorf("ValidJSON(%q) is %v", text, !want)
		}
		if left == 0 {
			return
		}
		for _, token := range tokens {
			n := len(text)
			text = append(text, token...)
			walk(left - 1)
			text = text[:n]
		}
	}
	walk(5)
	// Longer ones begin like something valid.
	for _, start := range []string{`{"a":1`, `{"a":[1`, `[1`, `[{"a":1`, `{"a":{"a":1`, `[[`} {
		text = append(text[:0], start...)
		walk(4)
	}
}

// An escape sequence stands for a rune, two of them for a rune beyond the first plane, and nothing
// for half a pair.
func TestEscapedSurrogates(t *testing.T) {
	check := func(high, low rune) {
		t.Helper()
		s := fmt.Appendf(nil, `\u%04x\u%04X`, high, low)
		r, n := escapedRune(s)
		want, length := utf16.DecodeRune(high, low), 12
		if !utf16.IsSurrogate(high) {
			want, length = high, 6
		} else if want == '\ufffd' {
			want, length = -1, 6
		}
		if r != want || n != length {
			t.Errorf("%s: %U of %d bytes, want %U of %d", s, r, n, want, length)
		}
	}
	edges := []rune{0, 'a', 0xd7ff, 0xd800, 0xd801, 0xdbff, 0xdc00, 0xdc01, 0xdfff, 0xe000, 0xffff}
	for high := rune(0xd7f0); high < 0xe010; high++ {
		for _, low := range edges {
			check(high, low)
			check(low, high)
		}
	}
	for _, s := range []string{`\ud83d`, `\ud83dabcdef`, `\ud83d\n12345`, `\ud83d\udc0`} {
		if r, n := escapedRune([]byte(s)); r != -1 || n != 6 {
			t.Errorf("%s: %U of %d bytes", s, r, n)
		}
	}
}

// Any name that may be an event's comes through its escaped form, and half a pair is refused.
func TestEscapedEventNames(t *testing.T) {
	for _, name := range []string{"🐀", "🐁", "\U00010000", "\U0010ffff", "a🐀b", "\ud7ff\ue000"} {
		var text []byte
		text = append(text, `{"event":"`...)
		for _, u := range utf16.Encode([]rune(name)) {
			text = fmt.Appendf(text, `\u%04x`, u)
		}
		text = append(text, `","data":1}`...)
		m, err := ParseJSON(text)
		if err != nil || !bytes.Equal(m.Event, []byte(name)) {
			t.Errorf("%s: %q, %v", text, m.Event, err)
		}
	}
	for _, half := range []string{`\ud83d`, `\udc00`, `\ud83d\u0041`, `\ud83d\ue000`,
		`\ud83d\ud83d`} {
		if m, err := ParseJSON([]byte(`{"event":"` + half + `","data":1}`)); err == nil {
			t.Errorf("%s is the event %q", half, m.Event)
		}
	}
}
