package frame

import (
	"bytes"
	"encoding/base64"
)

// Request is a client's opening handshake. Its byte slices borrow the head that was parsed. An
// absent header is nil.
type Request struct {
	Head                                    []byte // all of it
	Path, RawQuery, Host, Origin, UserAgent []byte
	Key                                     []byte // 24 base64 characters
	// raw values of Sec-WebSocket-Protocol, joined by ", "
	Protocols []byte
	// raw values of Sec-WebSocket-Extensions, joined by ", "
	Extensions                          []byte
	Authorization, ForwardedFor, Cookie []byte // X-Forwarded-For joined by ", ", Cookie by "; "
}

// requestParser is a Request plus what is only checked.
type requestParser struct {
	Request
	version    []byte
	upgrade    bool // Upgrade names websocket
	connection bool // Connection names upgrade
}

// ParseRequest parses and strictly checks one head that ScanHead found (RFC 6455 section 4.2.1). It
// must be a GET of an origin-form target over HTTP/1.1, with exactly one Host, a Sec-WebSocket-Key
// of 16 bytes, Sec-WebSocket-Version 13, Upgrade and Connection. It must not have a body, control
// bytes, bare line feeds or folded lines. The result borrows head; only headers that came in
// several lines are copied. Errors are *HandshakeError with status 400, 405, 426, 431 or 505.
func ParseRequest(head []byte) (Request, error) {
	var l lines
	var r requestParser
	line, err := l.first(head)
	if err != nil {
		return Request{}, err
	}
	r.Head = head
	if err := r.requestLine(line); err != nil {
		return Request{}, err
	}
	for {
		name, value, err := l.header()
		if err != nil {
			return Request{}, err
		}
		if name == nil {
			break
		}
		if reason := r.header(name, value); reason != "" {
			return Request{}, &HandshakeError{Status: 400, Reason: reason}
		}
	}
	if err := r.check(); err != nil {
		return Request{}, err
	}
	return r.Request, nil
}

// requestLine parses "GET /path?query HTTP/1.1" (RFC 9112 section 3).
func (r *requestParser) requestLine(line []byte) error {
	method, rest, ok := bytes.Cut(line, []byte(" "))
	target, version, ok2 := bytes.Cut(rest, []byte(" "))
	if !ok || !ok2 || len(method) == 0 || !validTarget(target) {
		return &HandshakeError{Status: 400, Reason: "invalid request line"}
	}
	if !validVersion(version) {
		return &HandshakeError{Status: 400, Reason: "invalid HTTP version"}
	}
	if string(version) != "HTTP/1.1" {
		return &HandshakeError{Status: 505, Reason: "HTTP/1.1 is needed"}
	}
	if string(method) != "GET" {
		for _, c := range method {
			if !isToken[c] {
				return &HandshakeError{Status: 400, Reason: "invalid method"}
			}
		}
		return &HandshakeError{Status: 405, Reason: "the handshake is a GET"}
	}
	if target[0] != '/' {
		return &HandshakeError{Status: 400, Reason: "the target must begin with a slash"}
	}
	r.Path, r.RawQuery, _ = bytes.Cut(target, []byte("?"))
	return nil
}

// validTarget allows visible ASCII without a fragment (RFC 9112 section 3.2).
func validTarget(target []byte) bool {
	for _, c := range target {
		if c <= ' ' || c >= 0x7f || c == '#' {
			return false
		}
	}
	return len(target) > 0
}

// validVersion reports whether v is "HTTP/" digit "." digit (RFC 9112 section 2.3).
func validVersion(v []byte) bool {
	return len(v) == 8 && string(v[:5]) == "HTTP/" && isDigit(v[5]) && v[6] == '.' && isDigit(v[7])
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// header processes one header line. It returns why the request is bad, or "".
func (r *requestParser) header(name, value []byte) (reason string) {
	switch len(name) {
	case 4:
		if equalFold(name, "host") {
			if r.Host != nil || !validHost(value) {
				return "exactly one valid Host is needed"
			}
			r.Host = value
		}
	case 6:
		switch {
		case equalFold(name, "origin"):
			if r.Origin != nil {
				return "more than one Origin"
			}
			r.Origin = value[:len(value):len(value)]
		case equalFold(name, "cookie"):
			r.Cookie = join(r.Cookie, value, "; ")
		}
	case 7:
		if equalFold(name, "upgrade") {
			r.upgrade = r.upgrade || hasToken(value, "websocket")
		}
	case 10:
		switch {
		case equalFold(name, "connection"):
			r.connection = r.connection || hasToken(value, "upgrade")
		case equalFold(name, "user-agent"):
			r.UserAgent = value
		}
	case 13:
		if equalFold(name, "authorization") {
			if r.Authorization != nil {
				return "more than one Authorization"
			}
			r.Authorization = value
		}
	case 14:
		if equalFold(name, "content-length") && string(value) != "0" {
			return "a handshake has no body"
		}
	case 15:
		if equalFold(name, "x-forwarded-for") {
			r.ForwardedFor = join(r.ForwardedFor, value, ", ")
		}
	case 17:
		switch {
		case equalFold(name, "transfer-encoding"):
			return "a handshake has no body"
		case equalFold(name, "sec-websocket-key"):
			if r.Key != nil || !validKey(value) {
				return "exactly one Sec-WebSocket-Key of 16 base64 bytes is needed"
			}
			r.Key = value
		}
	default:
		return r.longHeader(name, value)
	}
	return ""
}

// longHeader is header for names of more than 17 bytes.
func (r *requestParser) longHeader(name, value []byte) (reason string) {
	switch {
	case equalFold(name, "sec-websocket-version"):
		if r.version != nil {
			return "more than one Sec-WebSocket-Version"
		}
		r.version = value[:len(value):len(value)]
	case equalFold(name, "sec-websocket-protocol"):
		r.Protocols = join(r.Protocols, value, ", ")
	case equalFold(name, "sec-websocket-extensions"):
		r.Extensions = join(r.Extensions, value, ", ")
	}
	return ""
}

// check finds what is missing after all lines were read.
func (r *requestParser) check() error {
	switch {
	case r.Host == nil:
		return &HandshakeError{Status: 400, Reason: "exactly one valid Host is needed"}
	case !r.upgrade:
		return &HandshakeError{Status: 426,
			Reason: "this is a WebSocket endpoint: Upgrade: websocket is needed"}
	case !r.connection:
		return &HandshakeError{Status: 400, Reason: "Connection: Upgrade is needed"}
	case string(r.version) != "13":
		return &HandshakeError{Status: 426, Reason: "Sec-WebSocket-Version 13 is needed"}
	case r.Key == nil:
		return &HandshakeError{Status: 400,
			Reason: "exactly one Sec-WebSocket-Key of 16 base64 bytes is needed"}
	}
	return nil
}

// join appends the value of another line. The first line stays in the head and is not copied.
func join(old, value []byte, separator string) []byte {
	if old == nil {
		return value[:len(value):len(value)]
	}
	old = append(old, separator...)
	return append(old, value...)
}

// validKey reports whether value is the base64 of 16 bytes (RFC 6455 section 4.2.1).
func validKey(value []byte) bool {
	var nonce [18]byte
	if len(value) != 24 {
		return false
	}
	n, err := base64.StdEncoding.Decode(nonce[:], value)
	return err == nil && n == 16
}

// validHost allows the characters of uri-host and port (RFC 9110 section 7.2).
func validHost(host []byte) bool {
	for _, c := range host {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', isDigit(c):
		case bytes.IndexByte([]byte("-._~!$&'()*+;=:[]%"), c) >= 0:
		default:
			return false
		}
	}
	return len(host) > 0
}
