package message

import "math/bits"

// The scanners below validate RFC 8259 text from index i and return the index after what they read,
// or bad. They keep no state and do not recurse, so deeply nested hostile input costs nothing
// extra.

const bad = -1

const (
	lows  = 0x0101010101010101
	highs = 0x8080808080808080
)

// skipSpace never fails.
func skipSpace(b []byte, i int) int {
	for i < len(b) && b[i] <= ' ' && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// skipString reads a string whose opening quote is just before i. escaped reports whether it
// contains an escape sequence.
func skipString(b []byte, i int) (next int, escaped bool) {
	for {
		// Take eight bytes at a time up to the first quote, backslash or control character. A
		// borrow may mark bytes above a real hit, but never below it.
		for p := b[i:]; len(p) >= 8; p = p[8:] {
			x := uint64(p[0]) | uint64(p[1])<<8 | uint64(p[2])<<16 | uint64(p[3])<<24 |
				uint64(p[4])<<32 | uint64(p[5])<<40 | uint64(p[6])<<48 | uint64(p[7])<<56
			hit := ((x ^ lows*'"' - lows) | (x ^ lows*'\\' - lows) | (x - lows*0x20)) &^ x & highs
			if hit != 0 {
				i += bits.TrailingZeros64(hit) >> 3
				break
			}
			i += 8
		}
		for i < len(b) && b[i] != '"' && b[i] != '\\' && b[i] >= 0x20 {
			i++
		}
		if i >= len(b) || b[i] < 0x20 {
			return bad, escaped
		}
		if b[i] == '"' {
			return i + 1, escaped
		}
		escaped = true
		if i = skipEscape(b, i+1); i < 0 {
			return bad, escaped
		}
	}
}

// skipEscape reads what follows a backslash. A surrogate without its partner is valid here because
// the grammar allows it (RFC 8259 section 8.2).
func skipEscape(b []byte, i int) int {
	if i >= len(b) {
		return bad
	}
	switch b[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		if _, ok := hex4(b, i+1); ok {
			return i + 5
		}
	}
	return bad
}

// hex4 reads four hexadecimal digits.
func hex4(b []byte, i int) (v uint32, ok bool) {
	if i+4 > len(b) {
		return 0, false
	}
	for _, c := range b[i : i+4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		v = v<<4 | uint32(c)
	}
	return v, true
}

func isDigit(b []byte, i int) bool { return i < len(b) && b[i]-'0' <= 9 }

func skipDigits(b []byte, i int) int {
	for isDigit(b, i) {
		i++
	}
	return i
}

// skipNumber reads a number at i (RFC 8259 section 6).
func skipNumber(b []byte, i int) int {
	if i < len(b) && b[i] == '-' {
		i++
	}
	if !isDigit(b, i) {
		return bad
	}
	if b[i] == '0' {
		i++
	} else {
		i = skipDigits(b, i+1)
	}
	if i < len(b) && b[i] == '.' {
		if !isDigit(b, i+1) {
			return bad
		}
		i = skipDigits(b, i+2)
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if !isDigit(b, i) {
			return bad
		}
		i = skipDigits(b, i+1)
	}
	return i
}

// skipLiteral reads true, false or null.
func skipLiteral(b []byte, i int) int {
	for _, word := range [...]string{"true", "false", "null"} {
		if len(b)-i >= len(word) && string(b[i:i+len(word)]) == word {
			return i + len(word)
		}
	}
	return bad
}

// skipScalar reads a value that is neither an array nor an object.
func skipScalar(b []byte, i int) int {
	switch c := b[i]; {
	case c == '"':
		i, _ = skipString(b, i+1)
		return i
	case c == '-' || c-'0' <= 9:
		return skipNumber(b, i)
	default:
		return skipLiteral(b, i)
	}
}

// skipKey reads the name of an object's member and its colon.
func skipKey(b []byte, i int) int {
	if i = skipSpace(b, i); i >= len(b) || b[i] != '"' {
		return bad
	}
	if i, _ = skipString(b, i+1); i < 0 {
		return bad
	}
	if i = skipSpace(b, i); i >= len(b) || b[i] != ':' {
		return bad
	}
	return i + 1
}

// skipValue reads one value, including white space before it. The value may open at most depth
// levels of arrays and objects, and depth is at most 64.
func skipValue(b []byte, i, depth int) int {
	var objects uint64 // one bit per open level, the innermost lowest; 1 means object
	for open := 0; ; {
		if i = skipSpace(b, i); i >= len(b) {
			return bad
		}
		if c := b[i] | 0x20; c == '{' { // '{' or '[', which differ only in that bit
			if open == depth {
				return bad
			}
			object := b[i] == '{'
			open++
			objects <<= 1
			if i = skipSpace(b, i+1); i >= len(b) {
				return bad
			}
			switch {
			case object && b[i] != '}':
				objects |= 1
				if i = skipKey(b, i); i < 0 {
					return bad
				}
				continue
			case !object && b[i] != ']':
				continue
			}
			i++
			open--
			objects >>= 1
		} else if i = skipScalar(b, i); i < 0 {
			return bad
		}
		if i, open, objects = closeLevels(b, i, open, objects); i < 0 || open == 0 {
			return i
		}
		if objects&1 != 0 {
			if i = skipKey(b, i); i < 0 {
				return bad
			}
		}
	}
}

// closeLevels reads what follows a value: closing brackets, up to and including a comma or up to
// the end of the outermost value.
func closeLevels(b []byte, i, open int, objects uint64) (int, int, uint64) {
	for open > 0 {
		if i = skipSpace(b, i); i >= len(b) {
			return bad, open, objects
		}
		switch {
		case b[i] == ',':
			return i + 1, open, objects
		case b[i] == '}' && objects&1 == 1, b[i] == ']' && objects&1 == 0:
			i++
			open--
			objects >>= 1
		default:
			return bad, open, objects
		}
	}
	return i, open, objects
}

// ValidJSON reports whether b is one JSON text that nests at most MaxJSONDepth deep. It takes O(n)
// and neither recurses nor allocates. It does not check UTF-8. It is safe for concurrent use.
func ValidJSON(b []byte) bool {
	i := skipValue(b, 0, MaxJSONDepth)
	return i >= 0 && skipSpace(b, i) == len(b)
}
