package frame

import (
	"crypto/sha1"
	"encoding/base64"
	"strconv"
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

// AppendRefusal appends a complete HTTP error response with Connection: close and the reason as its
// text body. retryAfter is in seconds; 0 means e.RetryAfter. A 405 names GET, a 426 the protocol
// and version that the server speaks (RFC 6455 section 4.4).
func AppendRefusal(dst []byte, e *HandshakeError, retryAfter int) []byte {
	dst = append(dst, "HTTP/1.1 "...)
	dst = strconv.AppendInt(dst, int64(e.Status), 10)
	dst = append(dst, ' ')
	dst = append(dst, statusText(e.Status)...)
	switch e.Status {
	case 405:
		dst = append(dst, "\r\nAllow: GET\r\nConnection: close"...)
	case 426:
		dst = append(dst,
			"\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nConnection: close, Upgrade"...)
	default:
		dst = append(dst, "\r\nConnection: close"...)
	}
	if retryAfter == 0 {
		retryAfter = e.RetryAfter
	}
	if retryAfter > 0 {
		dst = append(dst, "\r\nRetry-After: "...)
		dst = strconv.AppendInt(dst, int64(retryAfter), 10)
	}
	dst = append(dst, "\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: "+
		"nosniff\r\nContent-Length: "...)
	dst = strconv.AppendInt(dst, int64(len(e.Reason)+1), 10)
	dst = append(dst, "\r\n\r\n"...)
	dst = append(dst, e.Reason...)
	return append(dst, '\n')
}

// statusText names the statuses that refusals use. net/http would be a large import for it.
func statusText(status int) string {
	switch status {
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
