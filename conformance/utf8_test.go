package conformance

import (
	"fmt"
	"testing"
	"unicode/utf8"
)

var validUTF8 = []string{
	"", "ASCII", "Hello-\u00b5@\u00df\u00f6\u00e4\u00fc\u00e0\u00e1-UTF-8!!",
	"\u03ba\u1f79\u03c3\u03bc\u03b5",
	"\x00", "\u0080", "\u0800", "\U00010000", "\x7f", "\u07ff", "\uffff", "\U0010ffff", "\ud7ff",
	"\ue000", "\ufffd",
	"\ufeffbom", "\U0001f600\U0001f468\u200d\U0001f469", "\ufffe\U0001fffe\U0002ffff", "a\u0300",
}

var invalidUTF8 = []string{
	"\x80", "\xbf", "\x80\xbf\x80", "a\xc0\x80", "\xc0\xaf", "\xc1\xbf", "\xe0\x80\xaf",
	"\xe0\x9f\xbf", "\xf0\x80\x80\xaf", "\xf0\x8f\xbf\xbf",
	"\xed\xa0\x80", "\xed\xad\xbf", "\xed\xbf\xbf", "\xed\xa0\x80\xed\xb0\x80", "\xf4\x90\x80\x80",
	"\xf5\x80\x80\x80",
	"\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80", "\xfe", "\xff", "\xfe\xfe\xff\xff",
	"\xc2", "\xc2a", "\xe1\x80", "\xe1\x80a", "\xf1\x80\x80", "\xf1\x80\x80a",
	"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
	"Hello-\xb5@\xdf", "0123456789abcdef0123456789abcdef\xff0123456789abcdef",
}

// Class 6: a text message is valid UTF-8, or 1007 answers it, however it is cut.
func TestUTF8(t *testing.T) {
	bad := []int{1007}
	var cases []exchange
	for i, s := range validUTF8 {
		cases = append(cases,
			exchange{name: fmt.Sprint("valid ", i), send: text(s), want: []got{wantText(s)}},
			exchange{name: fmt.Sprint("valid in bytes ", i),
				send: fragments(opText, 0, []byte(s), 1), want: []got{wantText(s)}},
			exchange{name: fmt.Sprint("valid with pings ", i), send: withPings(s),
				want: append(pongsFor(s), wantText(s))})
	}
	for i, s := range invalidUTF8 {
		if utf8.ValidString(s) {
			t.Fatalf("%q is valid", s)
		}
		cases = append(cases,
			exchange{name: fmt.Sprint("invalid ", i), send: text(s), codes: bad},
			exchange{name: fmt.Sprint("invalid in bytes ", i),
				send: fragments(opText, 0, []byte(s), 1), codes: bad},
			exchange{name: fmt.Sprint("invalid in threes ", i),
				send: fragments(opText, 0, []byte("ab"+s), 3), codes: bad},
			// As binary it is none of the server's business.
			exchange{name: fmt.Sprint("as binary ", i), send: binaryFrame([]byte(s)),
				want: []got{wantBinary([]byte(s))}})
	}
	// Fail fast: the message is not complete, and never will be.
	for i, s := range []string{"a\xff", "\xed\xa0", "\xf4\x90",
		"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90\x80\x80", "\xc0"} {
		cases = append(cases, exchange{name: fmt.Sprint("fail fast by fragment ", i),
			send: fr(opText, []byte(s)), codes: bad})
		frame := header(finBit|opText, true, -1, 120, []byte(s))
		cases = append(cases, exchange{name: fmt.Sprint("fail fast in a frame ", i), send: frame,
			codes: bad})
	}
	run(t, "6", cases)
}

// withPings cuts s into at most 12 fragments, with a ping before each except the first. There are
// few because of more pings in one read a server may answer only the newest.
func withPings(s string) []byte {
	if len(s) < 2 {
		return text(s)
	}
	step := pingStep(s)
	b := fr(opText, []byte(s[:step]))
	for i := step; i < len(s); i += step {
		b = append(b, ping(fmt.Sprint(i))...)
		b0 := byte(opCont)
		if i+step >= len(s) {
			b0 |= finBit
		}
		b = append(b, fr(b0, []byte(s[i:min(i+step, len(s))]))...)
	}
	return b
}

func pingStep(s string) int { return 1 + (len(s)-2)/12 }

func pongsFor(s string) (pongs []got) {
	for i := pingStep(s); len(s) > 1 && i < len(s); i += pingStep(s) {
		pongs = append(pongs, wantPong(fmt.Sprint(i)))
	}
	return pongs
}
