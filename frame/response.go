package frame

import (
	"crypto/sha1"
	"encoding/base64"
	"strconv"
	"time"
)

// acceptGUID is appended to the key before hashing (RFC 6455 section 1.3).
const acceptGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

const acceptLength = 28 // the base64 of a SHA-1 sum

// acceptKey computes the Sec-WebSocket-Accept that answers a key of 24 characters.
func acceptKey[T []byte | string](key T) (accept [acceptLength]byte) {
	var in [24 + len(acceptGUID)]byte
	copy(in[copy(in[:24], key):], acceptGUID)
	sum := sha1.Sum(in[:])
	base64.StdEncoding.Encode(accept[:], sum[:])
	return accept
}

// AppendResponse appends the 101 answer to a request that ParseRequest accepted. protocol and
// extensions may be empty. They must not contain line breaks.
func AppendResponse(dst []byte, r *Request, protocol, extensions string) []byte {
	accept := acceptKey(r.Key)
	dst = append(dst, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "+
		"Upgrade\r\nSec-WebSocket-Accept: "...)
	dst = append(dst, accept[:]...)
	dst = appendLine(dst, "\r\nSec-WebSocket-Protocol: ", protocol)
	dst = appendLine(dst, "\r\nSec-WebSocket-Extensions: ", extensions)
	return append(dst, "\r\n\r\n"...)
}

// appendLine appends a header line unless value is empty.
func appendLine(dst []byte, name, value string) []byte {
	if value == "" {
		return dst
	}
	return append(append(dst, name...), value...)
}

// Answer is an HTTP answer other than the 101. The connection is closed after it.
type Answer struct {
	Status     int
	Type       string // of the body; "" means text/plain; charset=utf-8
	Body       []byte
	RetryAfter int // seconds; 0 means not given
}

// AppendRefusal appends the Answer to a request that was refused with e: its reason is the body. A
// 405 names GET, a 426 the protocol and version that the server speaks (RFC 6455 section 4.4).
// head and now are those of AppendAnswer.
func AppendRefusal(dst []byte, e *HandshakeError, head bool, now time.Time) []byte {
	a := Answer{Status: e.Status, RetryAfter: e.RetryAfter, Body: []byte(e.Reason + "\n")}
	return AppendAnswer(dst, &a, head, now)
}

// AppendSpoken appends a refusal that a WebSocket tells, see HandshakeError.Spoken: the 101, one
// binary message and the close frame. r is the request.
func AppendSpoken(dst []byte, e *HandshakeError, r *Request) []byte {
	dst = AppendResponse(dst, r, e.Protocol, "")
	dst = AppendFrame(dst, Binary, e.Spoken)
	return AppendFrame(dst, Close, AppendCloseBody(nil, e.CloseCode, ""))
}

// AppendAnswer appends a complete HTTP response with Connection: close. It has no body, and no
// Content-Length (RFC 9110 section 8.6), if head says that the request was a HEAD. now is for the
// Date (RFC 9110 section 6.6.1).
func AppendAnswer(dst []byte, a *Answer, head bool, now time.Time) []byte {
	dst = append(dst, "HTTP/1.1 "...)
	dst = strconv.AppendInt(dst, int64(a.Status), 10)
	dst = append(dst, ' ')
	dst = append(dst, statusText(a.Status)...)
	dst = append(dst, "\r\nDate: "...)
	dst = now.UTC().AppendFormat(dst, "Mon, 02 Jan 2006 15:04:05 GMT")
	switch a.Status {
	case 405:
		dst = append(dst, "\r\nAllow: GET\r\nConnection: close"...)
	case 426:
		dst = append(dst,
			"\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nConnection: close, Upgrade"...)
	default:
		dst = append(dst, "\r\nConnection: close"...)
	}
	if a.RetryAfter > 0 {
		dst = append(dst, "\r\nRetry-After: "...)
		dst = strconv.AppendInt(dst, int64(a.RetryAfter), 10)
	}
	kind := a.Type
	if kind == "" {
		kind = "text/plain; charset=utf-8"
	}
	dst = appendLine(dst, "\r\nContent-Type: ", kind)
	dst = append(dst, "\r\nX-Content-Type-Options: nosniff\r\n"...)
	if head {
		return append(dst, "\r\n"...)
	}
	dst = append(dst, "Content-Length: "...)
	dst = strconv.AppendInt(dst, int64(len(a.Body)), 10)
	dst = append(dst, "\r\n\r\n"...)
	return append(dst, a.Body...)
}

// statusText names the statuses that refusals use. net/http would be a large import for it.
func statusText(status int) string {
	switch status {
	case 200:
		return "OK"
	case 400:
		return "Bad Request"
	case 401:
		return "Unauthorized"
	case 403:
		return "Forbidden"
	case 404:
		return "Not Found"
	case 405:
		return "Method Not Allowed"
	case 408:
		return "Request Timeout"
	case 426:
		return "Upgrade Required"
	case 429:
		return "Too Many Requests"
	case 431:
		return "Request Header Fields Too Large"
	case 500:
		return "Internal Server Error"
	case 503:
		return "Service Unavailable"
	case 505:
		return "HTTP Version Not Supported"
	}
	return "Refused"
}
