package message

import "unicode/utf8"

// unescape decodes the valid escape sequences of s in place; the result is a prefix of s. UTF-8
// cannot represent a surrogate without its partner: if strict is set unescape fails, otherwise it
// becomes U+FFFD.
func unescape(s []byte, strict bool) ([]byte, bool) {
	w := 0
	for r := 0; r < len(s); {
		if s[r] != '\\' {
			s[w] = s[r]
			w++
			r++
			continue
		}
		c, n := escapedRune(s[r:])
		if c < 0 {
			if strict {
				return nil, false
			}
			c = utf8.RuneError
		}
		r += n
		w += utf8.EncodeRune(s[w:r], c) // never longer than its escape
	}
	return s[:w], true
}

// escapedRune decodes the valid escape sequence at the start of s and returns its length. A
// surrogate pair is one rune. -1 stands for an unpaired surrogate.
func escapedRune(s []byte) (r rune, n int) {
	switch s[1] {
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
	default:
		return rune(s[1]), 2
	}
	v, _ := hex4(s, 2)
	switch {
	case v < 0xd800 || v > 0xdfff:
		return rune(v), 6
	case v < 0xdc00 && len(s) >= 12 && s[6] == '\\' && s[7] == 'u':
		if low, _ := hex4(s, 8); 0xdc00 <= low && low <= 0xdfff {
			return rune(v-0xd800)<<10 + rune(low-0xdc00) + 0x10000, 12
		}
	}
	return -1, 6
}
