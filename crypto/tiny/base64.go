package tiny

// DecodeBase64 strictly reads standard base64 with padding (RFC 4648 section 4): no line breaks,
// and no bits after the end. ok is false for anything else.
func DecodeBase64(s string) (b []byte, ok bool) {
	if len(s)%4 != 0 {
		return nil, false
	}
	pad := 0
	for pad < 2 && pad < len(s) && s[len(s)-1-pad] == '=' {
		pad++
	}
	b = make([]byte, 0, len(s)/4*3)
	var word uint32
	for i := range len(s) - pad {
		v := digit(s[i])
		if v > 63 {
			return nil, false
		}
		word = word<<6 | uint32(v)
		if i%4 == 3 {
			b = append(b, byte(word>>16), byte(word>>8), byte(word))
		}
	}
	switch pad {
	case 1:
		b = append(b, byte(word>>10), byte(word>>2))
		return b, word&3 == 0
	case 2:
		b = append(b, byte(word>>4))
		return b, word&15 == 0
	}
	return b, true
}

// digit returns the value of a character, or 64 for any that is not base64.
func digit(c byte) byte {
	switch {
	case c >= 'A' && c <= 'Z':
		return c - 'A'
	case c >= 'a' && c <= 'z':
		return c - 'a' + 26
	case c >= '0' && c <= '9':
		return c - '0' + 52
	case c == '+':
		return 62
	case c == '/':
		return 63
	}
	return 64
}
