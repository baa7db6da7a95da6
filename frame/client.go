package frame

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
)

// AppendRequest appends a client's upgrade request to dst (RFC 6455 section 4.1). key is 24 base64
// characters, see NewKey. origin, protocols and extensions may be empty. header holds extra "Name:
// value\r\n" lines. Nothing is escaped, so the caller must have checked that no value contains a
// line break.
func AppendRequest(
	dst []byte, host, target, key, origin, protocols, extensions, header string,
) []byte {
	dst = append(dst, "GET "...)
	dst = append(dst, target...)
	dst = append(dst, " HTTP/1.1\r\nHost: "...)
	dst = append(dst, host...)
	dst = append(dst, "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: "+
		"13\r\nSec-WebSocket-Key: "...)
	dst = append(dst, key...)
	dst = appendLine(dst, "\r\nOrigin: ", origin)
	dst = appendLine(dst, "\r\nSec-WebSocket-Protocol: ", protocols)
	dst = appendLine(dst, "\r\nSec-WebSocket-Extensions: ", extensions)
	dst = append(dst, "\r\n"...)
	dst = append(dst, header...)
	return append(dst, "\r\n"...)
}

// NewKey returns a fresh Sec-WebSocket-Key: 16 random bytes in base64.
func NewKey() string {
	var nonce [16]byte
	rand.Read(nonce[:]) // never fails (Go 1.24)
	return base64.StdEncoding.EncodeToString(nonce[:])
}

// Response is the server's 101 after it has been checked. Its byte slices borrow the head.
type Response struct{ Protocol, Extensions []byte }

// responseParser is a Response plus what is only checked.
type responseParser struct {
	Response
	status     int
	minor      byte // of the HTTP version, as a digit
	upgrade    bool
	connection bool
	accept     []byte
	protocols  int // number of lines
	accepts    int
	retryAfter int
}

// ParseResponse checks a server's answer to a request that carried key and offered protocols (RFC
// 6455 section 4.1). The result borrows head. Extensions are not examined here, see DeflateAnswer.
// Errors are *HandshakeError. Their Status is the server's, with its RetryAfter, if that was not
// 101. It is 101 for an answer that is wrong in another way, and 0 if the answer is not HTTP.
func ParseResponse(head []byte, key, offeredProtocols string) (Response, error) {
	var l lines
	var r responseParser
	line, err := l.first(head)
	if err != nil || !r.statusLine(line) {
		return Response{}, &HandshakeError{Reason: "the answer is not HTTP/1.1"}
	}
	for {
		name, value, err := l.header()
		if err != nil {
			return Response{}, &HandshakeError{Status: r.status, Reason: "malformed answer: " +
				err.(*HandshakeError).Reason}
		}
		if name == nil {
			break
		}
		r.header(name, value)
	}
	if reason := r.check(key, offeredProtocols); reason != "" {
		return Response{}, &HandshakeError{Status: r.status, Reason: reason,
			RetryAfter: r.retryAfter}
	}
	return r.Response, nil
}

// statusLine parses "HTTP/1.1 101 reason".
func (r *responseParser) statusLine(line []byte) bool {
	version, rest, ok := bytes.Cut(line, []byte(" "))
	status, _, _ := bytes.Cut(rest, []byte(" "))
	if !ok || !validVersion(version) || len(status) != 3 || version[5] != '1' {
		return false
	}
	r.status = number(status)
	r.minor = version[7]
	return r.status >= 100
}

// number parses a decimal of at most six digits. It returns 0 for anything else.
func number(p []byte) (n int) {
	if len(p) > 6 {
		return 0
	}
	for _, c := range p {
		if !isDigit(c) {
			return 0
		}
		n = 10*n + int(c-'0')
	}
	return n
}

// header processes one header line of the answer.
func (r *responseParser) header(name, value []byte) {
	switch {
	case equalFold(name, "upgrade"):
		r.upgrade = equalFold(value, "websocket")
	case equalFold(name, "connection"):
		r.connection = r.connection || hasToken(value, "upgrade")
	case equalFold(name, "sec-websocket-accept"):
		r.accept = value
		r.accepts++
	case equalFold(name, "sec-websocket-protocol"):
		r.Protocol = value
		r.protocols++
	case equalFold(name, "sec-websocket-extensions"):
		r.Extensions = join(r.Extensions, value, ", ")
	case equalFold(name, "retry-after"):
		r.retryAfter = number(value)
	}
}

// check returns why the client must fail the connection, or "" if it need not.
func (r *responseParser) check(key, offered string) string {
	want := acceptKey(key)
	switch {
	case r.status != 101:
		return "the server did not upgrade"
	case r.minor < '1':
		return "a server of HTTP/1.0 cannot upgrade (RFC 6455 section 4.2.2)"
	case !r.upgrade:
		return "the answer lacks Upgrade: websocket"
	case !r.connection:
		return "the answer lacks Connection: Upgrade"
	case r.accepts != 1 || string(r.accept) != string(want[:]):
		return "the answer's Sec-WebSocket-Accept does not fit the key"
	case r.protocols > 1 || r.protocols == 1 && !HasProtocol([]byte(offered), string(r.Protocol)):
		return "the answer names a subprotocol that was not offered"
	}
	return ""
}
