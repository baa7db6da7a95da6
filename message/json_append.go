package message

import "unicode/utf8"

// AppendJSON appends the JSON encoding of an EVENT, ACK or ERROR to dst. m.Payload is JSON text,
// never deflated, or with FlagBinary raw bytes that become a base64 string. An empty payload of an
// EVENT or ACK means no data. AppendJSON copies from m and does not check it. Seq has no JSON form,
// and the peer cannot read an AckID over MaxJSONAck.
func AppendJSON(dst []byte, m *Message) []byte {
	dst = append(dst, '{')
	if m.Kind == KindEvent {
		return appendEventJSON(dst, m.Flags, m.AckID, m.Event, m.Payload)
	}
	if m.Flags&FlagAck != 0 {
		dst = append(dst, `"ack":`...)
		dst = appendDecimal(dst, m.AckID)
	}
	if m.Kind == KindError {
		if m.Flags&FlagAck != 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `"error":`...)
		dst = append(dst, m.Payload...)
		return append(dst, '}')
	}
	return appendDataJSON(dst, m.Flags, m.Payload)
}

// AppendEventJSON is AppendJSON for an EVENT whose name is a string.
func AppendEventJSON(dst []byte, f Flags, ackID uint64, event string, payload []byte) []byte {
	return appendEventJSON(append(dst, '{'), f, ackID, event, payload)
}

func appendEventJSON[S []byte | string](
	dst []byte, f Flags, ackID uint64, event S, payload []byte,
) []byte {
	dst = append(dst, `"event":`...)
	dst = appendString(dst, event)
	if f&FlagAck != 0 {
		dst = append(dst, `,"ack":`...)
		dst = appendDecimal(dst, ackID)
	}
	return appendDataJSON(dst, f, payload)
}

// appendDataJSON appends the data, if there is any, and closes the message.
func appendDataJSON(dst []byte, f Flags, payload []byte) []byte {
	switch {
	case len(payload) == 0:
	case f&FlagBinary != 0:
		dst = append(dst, `,"data":"`...)
		dst = appendBase64(dst, payload)
		dst = append(dst, '"')
	default:
		dst = append(dst, `,"data":`...)
		dst = append(dst, payload...)
	}
	return append(dst, '}')
}

// appendDecimal appends v in base 10.
func appendDecimal(dst []byte, v uint64) []byte {
	var digits [20]byte
	i := len(digits)
	for {
		i--
		digits[i] = byte('0' + v%10)
		if v /= 10; v == 0 {
			return append(dst, digits[i:]...)
		}
	}
}

const hexDigits = "0123456789abcdef"

// appendString appends s as a JSON string. Bytes that are not UTF-8 become U+FFFD.
func appendString[S []byte | string](dst []byte, s S) []byte {
	dst = append(dst, '"')
	done := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			if n := runeLen(s[i:]); n > 0 {
				i += n
				continue
			}
		}
		dst = append(dst, s[done:i]...)
		i++
		done = i
		switch {
		case c >= utf8.RuneSelf:
			dst = append(dst, "\xef\xbf\xbd"...)
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	dst = append(dst, s[done:]...)
	return append(dst, '"')
}

// runeLen returns the length of the UTF-8 sequence at the start of s, or 0 if there is none.
func runeLen[S []byte | string](s S) int {
	var b [utf8.UTFMax]byte
	r, n := utf8.DecodeRune(b[:copy(b[:], s)])
	if r == utf8.RuneError && n == 1 {
		return 0
	}
	return n
}

const base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// appendBase64 appends the padded standard base64 of src (RFC 4648 section 4). It exists because
// encoding/base64 would bring reflect into the browser build.
func appendBase64(dst, src []byte) []byte {
	for ; len(src) >= 3; src = src[3:] {
		v := uint(src[0])<<16 | uint(src[1])<<8 | uint(src[2])
		dst = append(dst, base64Alphabet[v>>18], base64Alphabet[v>>12&63], base64Alphabet[v>>6&63],
			base64Alphabet[v&63])
	}
	switch len(src) {
	case 1:
		dst = append(dst, base64Alphabet[src[0]>>2], base64Alphabet[src[0]&3<<4], '=', '=')
	case 2:
		v := uint(src[0])<<8 | uint(src[1])
		dst = append(dst, base64Alphabet[v>>10], base64Alphabet[v>>4&63], base64Alphabet[v&15<<2],
			'=')
	}
	return dst
}
