package frame

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

var validTexts = []string{
	"", "plain", "Hello-µ@ßöäüàá-UTF-8!!", "κόσμε", "\x00", "\x7f", "\u0080", "߿", "ࠀ", "\uffff",
	"\U00010000", "\U0010ffff",
	"\ud7ff", "\ue000", "\ufffd", "\ufffe", "\U0001fffe", "\U0010fffe", "👾 in \u65e5\u672c\u8a9e",
	strings.Repeat("a", 31) + "é", strings.Repeat("a", 64) + "€" + strings.Repeat("b", 70),
	strings.Repeat("日本", 60),
}

// invalidTexts pairs invalid texts with the number of bytes after which that is certain.
var invalidTexts = []struct {
	text string
	at   int
}{
	// Autobahn 6.3, 6.4: a surrogate, and a value over U+10FFFF, in good text.
	{"κόσμε\xed\xa0\x80edited", 12}, {"κόσμε\xf4\x90\x80\x80edited", 12},
	// 6.6: single bytes and truncated sequences.
	{"\x80", 1}, {"\xbf", 1}, {"\xc0", 1}, {"\xc1", 1}, {"\xf5", 1}, {"\xfe", 1}, {"\xff", 1},
	{"\xf8\x88\x80\x80\x80", 1}, {"\xfc\x84\x80\x80\x80\x80", 1},
	// incomplete: certain only at the end
	{"\xce", 1}, {"\xce\xba\xe1", 3}, {"\xce\xba\xe1\xbd", 4}, {"\xf0\x9f\x91", 3},
	{"\xc3(", 2}, {"\xe2\x82(", 3}, {"\xf0\x9f\x91(", 4}, {"\xe2(\xa1", 2},
	// 6.7-6.12, 6.20-6.23: overlong forms, surrogates, beyond the range.
	{"\xc0\xaf", 1}, {"\xe0\x80\xaf", 2}, {"\xe0\x9f\xbf", 2}, {"\xf0\x80\x80\xaf", 2},
	{"\xf0\x8f\xbf\xbf", 2}, {"\xc1\xbf", 1}, {"\xc0\x80", 1}, {"\xe0\x80\x80", 2},
	{"\xed\xa0\x80", 2}, {"\xed\xbf\xbf", 2}, {"\xed\xa0\x80\xed\xb0\x80", 2},
	{"\xf4\x90\x80\x80", 2},
	{strings.Repeat("a", 40) + "\xff" + strings.Repeat("b", 40), 41},
	{strings.Repeat("é", 100) + "\xed\xa0\x80" + strings.Repeat("b", 40), 202},
}

// Autobahn 6.*: text, whole and in two fragments cut everywhere.
func TestText(t *testing.T) {
	for _, s := range validTexts {
		runCases(t,
			[]parserCase{{name: fmt.Sprintf("%.20q", s), build: frames(0x81, s, 0x81, "next"),
				want: []event{text(s), text("next")}}})
		for cut := 0; cut <= min(len(s), 100); cut++ {
			runCases(t,
				[]parserCase{{name: fmt.Sprintf("%.20q cut %d", s, cut),
					build: frames(0x01, s[:cut], 0x89, "p", 0x80, s[cut:]),
					want:  []event{ping("p"), text(s)}}})
		}
	}
	for _, c := range invalidTexts {
		name := fmt.Sprintf("%.20q", c.text)
		runCases(t, []parserCase{
			{name: name, build: frames(0x81, c.text), code: 1007},
			{name: name + " as binary", build: frames(0x82, c.text), want: []event{bin(c.text)}},
		})
		for cut := 0; cut <= len(c.text); cut++ {
			runCases(t,
				[]parserCase{{name: fmt.Sprint(name, " cut ", cut),
					build: frames(0x01, c.text[:cut], 0x80, c.text[cut:]), code: 1007}})
		}
		// A server fails fast, in a frame that continues after the error.
		in := side{}.sized(finText, len(c.text)+50, c.text+strings.Repeat("z", 50))
		header := len(in) - len(c.text) - 50
		_, code, at := feed(t, &Config{}, in[:header+len(c.text)],
			everyByte(in[:header+len(c.text)])...)
		if utf8.Valid([]byte(c.text)) {
			t.Fatalf("%s is valid", name)
		}
		if pending, ok := validPrefix([]byte(c.text)); ok {
			if code != 0 || pending == 0 {
				t.Fatalf("%s: an incomplete code point was refused", name)
			}
		} else if code != 1007 || at+1 != header+c.at {
			t.Fatalf("%s: code %d at byte %d, want 1007 at %d", name, code, at+1, header+c.at)
		}
	}
}

// Every code point, and every beginning of one, goes through the incremental check.
func TestEveryCodePoint(t *testing.T) {
	for r := rune(0); r <= utf8.MaxRune; r += 1 + r/512 {
		if !utf8.ValidRune(r) {
			continue
		}
		b := utf8.AppendRune(nil, r)
		for n := range len(b) + 1 {
			want := n % len(b)
			if pending, ok := validPrefix(b[:n]); !ok || pending != want {
				t.Fatalf("%U[:%d]: pending %d, %v; want %d", r, n, pending, ok, want)
			}
		}
	}
}

func TestCompressedTextIsNotChecked(t *testing.T) {
	runCases(t, []parserCase{
		{name: "whole", build: frames(0xc1, "\xff\xfe"), want: []event{{Text, "\xff\xfe", true}},
			cfg: Config{Deflate: true}},
		{name: "fragments", build: frames(0x41, "\xff", 0x89, "p", 0x80, "\xfe"),
			want: []event{ping("p"), {Text, "\xff\xfe", true}}, cfg: Config{Deflate: true}},
		{name: "off again", build: frames(0xc2, "\xff", 0x81, "\xfe"),
			want: []event{{Binary, "\xff", true}}, code: 1007, cfg: Config{Deflate: true}},
		{name: "13: RSV1 on a continuation", build: frames(0x41, "a", 0xc0, "b"), code: 1002, at: 1,
			cfg: Config{Deflate: true}},
		{name: "13: RSV1 on a ping", build: frames(0xc9, "a"), code: 1002, at: 1,
			cfg: Config{Deflate: true}},
	})
}

// Autobahn 7.*: every close code, and bodies of every shape.
func TestCloseBody(t *testing.T) {
	for code := range 1 << 16 {
		c := CloseCode(code)
		want := code >= 1000 && code <= 1003 || code >= 1007 && code <= 1014 || code >= 3000 &&
			code <= 4999
		got, reason, err := ParseCloseBody([]byte{byte(code >> 8), byte(code), 'x'})
		if want != (err == nil) || want && (got != c || string(reason) != "x") {
			t.Fatalf("code %d: %d %q %v", code, got, reason, err)
		}
		if !want && err.(*Error).Code != CloseProtocolError {
			t.Fatalf("code %d: answered with %v, want 1002", code, err)
		}
		if b := AppendCloseBody(nil, c, "x"); want != (len(b) == 3) || !want && len(b) != 0 {
			t.Fatalf("code %d: body %q", code, b)
		}
	}
	long := "\x03\xe8" + strings.Repeat("é", 61)
	for _, c := range []struct {
		body   string
		code   CloseCode
		reason string
		answer CloseCode
	}{
		{"", CloseNoStatus, "", 0},
		{"\x03", 0, "", 1002},
		{"\x03\xe8", 1000, "", 0},
		{"\x03\xe8bye", 1000, "bye", 0},
		{long + "x", 1000, long[2:] + "x", 0},
		{long + "xx", 0, "", 1002},
		{"\x03\xe8\xff", 0, "", 1007},
		{"\x03\xe8\xce\xba\xe1", 0, "", 1007},
		{"\x03\xe8\xed\xa0\x80", 0, "", 1007},
	} {
		code, reason, err := ParseCloseBody([]byte(c.body))
		answer := CloseCode(0)
		if err != nil {
			answer = err.(*Error).Code
		}
		if code != c.code || string(reason) != c.reason || answer != c.answer {
			t.Errorf("%q: %d %q, answer %d", c.body, code, reason, answer)
		}
	}
}

func TestAppendCloseBodyCutsAtRunes(t *testing.T) {
	for _, c := range []struct{ reason, want string }{
		{"going away", "going away"},
		{strings.Repeat("x", 200), strings.Repeat("x", 123)},
		{strings.Repeat("é", 100), strings.Repeat("é", 61)},
		{strings.Repeat("x", 121) + "€", strings.Repeat("x", 121)},
		{strings.Repeat("x", 119) + "👾y", strings.Repeat("x", 119) + "👾"},
		{"a\ufffdb", "a\ufffdb"},
		{"good\xffbad", "good"},
	} {
		b := AppendCloseBody([]byte("pre"), CloseGoingAway, c.reason)
		code, reason, err := ParseCloseBody(b[3:])
		if err != nil || code != CloseGoingAway || string(reason) != c.want {
			t.Errorf("%q: %d %q %v", c.reason, code, reason, err)
		}
	}
	if b := AppendCloseBody(nil, CloseNoStatus, "x"); len(b) != 0 {
		t.Errorf("CloseNoStatus: %q", b)
	}
}
