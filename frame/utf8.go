package frame

import "unicode/utf8"

// validPrefix reports whether p can be the beginning of a UTF-8 text, and how many bytes at its end
// (0 to 3) belong to a code point that is not yet complete. It returns false as soon as no
// continuation could make p valid. Overlong forms, surrogates and values over U+10FFFF are found at
// their second byte.
func validPrefix(p []byte) (pending int, ok bool) {
	for i := len(p) - 1; i >= 0 && i >= len(p)-3; i-- {
		if !utf8.RuneStart(p[i]) {
			continue
		}
		// FullRune calls a sequence full when it is complete or already wrong.
		if !utf8.FullRune(p[i:]) {
			return len(p) - i, utf8.Valid(p[:i])
		}
		break
	}
	return 0, utf8.Valid(p)
}

// validText reports whether p is a complete UTF-8 text.
func validText(p []byte) bool { return utf8.Valid(p) }
