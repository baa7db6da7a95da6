package message

import "unicode/utf8"

// AppendErrorJSON appends e as {"code":…,"message":…[,"event":…][,"retryAfter":…][,"details":…]},
// the payload of an ERROR message. The cause is left out because it may contain what no peer should
// know, and Details if they are not what every peer can read.
func AppendErrorJSON(dst []byte, e *Error) []byte {
	dst = append(dst, `{"code":`...)
	dst = appendString(dst, string(e.Code))
	dst = append(dst, `,"message":`...)
	dst = appendString(dst, e.Message)
	if e.Event != "" {
		dst = append(dst, `,"event":`...)
		dst = appendString(dst, e.Event)
	}
	if e.RetryAfter > 0 {
		dst = append(dst, `,"retryAfter":`...)
		dst = appendDecimal(dst, uint64(e.RetryAfter))
	}
	if validDetails(e.Details) {
		dst = append(dst, `,"details":`...)
		dst = append(dst, e.Details...)
	}
	return append(dst, '}')
}

// detailsDepth is how deep Details may nest. A text message is two levels above them.
const detailsDepth = MaxJSONDepth - 2

// validDetails reports whether text is one JSON value in UTF-8, and not nested too deep.
func validDetails(text string) bool {
	if text == "" || !utf8.ValidString(text) {
		return false
	}
	b := []byte(text)
	end := skipValue(b, skipSpace(b, 0), detailsDepth)
	return end >= 0 && skipSpace(b, end) == len(b)
}

// ParseErrorJSON reads the payload of an ERROR message without encoding/json: an object with a
// string "code". The other known keys are checked; unknown keys are ignored. It copies from b and
// does not change it. Anything else is an *Error with CodeInvalidFormat.
func ParseErrorJSON(b []byte) (Error, error) {
	var e Error
	if !ValidJSON(b) {
		return Error{}, errErrorPayload
	}
	// The text is valid, so none of the skips below can fail.
	i := skipSpace(b, 0)
	if b[i] != '{' {
		return Error{}, errErrorPayload
	}
	seen := 0
	for i = skipSpace(b, i+1); b[i] != '}'; {
		var key string
		key, i = readString(b, i)
		i = skipSpace(b, skipSpace(b, i)+1) // past the colon
		bit, ok := 0, true
		switch key {
		case "code":
			bit = 1
			var s string
			s, i, ok = stringField(b, i)
			e.Code = Code(s)
		case "message":
			bit = 2
			e.Message, i, ok = stringField(b, i)
		case "event":
			bit = 4
			e.Event, i, ok = stringField(b, i)
		case "retryAfter":
			bit = 8
			var ms uint64
			ms, i = readAck(b, i)
			e.RetryAfter, ok = int64(ms), i >= 0
		case "details":
			bit = 16
			start := i
			if i = skipValue(b, i, detailsDepth); i >= 0 {
				e.Details = string(b[start:i])
			}
			ok = i >= 0
		default:
			i = skipValue(b, i, MaxJSONDepth)
		}
		if !ok || seen&bit != 0 {
			return Error{}, errErrorPayload
		}
		seen |= bit
		if i = skipSpace(b, i); b[i] == ',' {
			i = skipSpace(b, i+1)
		}
	}
	if e.Code == "" {
		return Error{}, errErrorPayload
	}
	return e, nil
}

// stringField reads the value at i if it is a string.
func stringField(b []byte, i int) (s string, next int, ok bool) {
	if b[i] != '"' {
		return "", i, false
	}
	s, next = readString(b, i)
	return s, next, true
}

// readString returns a copy of the valid string at i, unescaped.
func readString(b []byte, i int) (s string, next int) {
	next, escaped := skipString(b, i+1)
	raw := b[i+1 : next-1]
	if escaped {
		raw, _ = unescape(append([]byte(nil), raw...), false)
	}
	return string(raw), next
}
