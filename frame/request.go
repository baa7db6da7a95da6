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
	Extensions            []byte
	Authorization, Cookie []byte // lines of Cookie joined by "; "
	// raw values of X-Forwarded-For and of Forwarded (RFC 7239), joined by ", "
	ForwardedFor, Forwarded []byte
}

// requestParser is a Request plus what is only checked.
type requestParser struct {
	Request
	version    []byte
	method     []byte
	minor      byte   // of the HTTP version, as a digit
	authority  []byte // of a target in absolute form; nil for any other
	upgrade    bool   // Upgrade names websocket
	connection bool   // Connection names upgrade
}

// ParseRequest is HeadLimits.ParseRequest with the default limits.
func ParseRequest(head []byte) (Request, error) { return HeadLimits{}.ParseRequest(head) }

// ParseRequest parses and strictly checks one head that Scan found (RFC 6455 section 4.2.1). It
// must be a GET over HTTP/1.1, with exactly one Host, a Sec-WebSocket-Key of 16 bytes,
// Sec-WebSocket-Version 13, Upgrade and Connection, and a Sec-WebSocket-Extensions that is a list
// of extensions if there is one. The target is in origin form, or in absolute form, whose host
// then replaces the value of Host (RFC 9112 section 3.2.2). The head must not have a body, control
// bytes, bare line feeds or folded lines. The result borrows head; only headers that came in
// several lines are copied. Errors are *HandshakeError with status 400, 405, 426, 431 or 505. With
// an error the Request holds what was read until then, for the log.
func (l HeadLimits) ParseRequest(head []byte) (Request, error) {
	var r requestParser
	err := r.parse(l, head)
	if err == nil && r.minor != '1' {
		err = &HandshakeError{Status: 505, Cause: CauseVersion, Reason: "HTTP/1.1 is needed"}
	}
	if err == nil && string(r.method) != "GET" && r.upgrade {
		err = &HandshakeError{Status: 405, Cause: CauseMethod, Reason: "the handshake is a GET"}
	}
	if err == nil {
		err = r.check()
	}
	return r.Request, err
}

// Get is a request for a resource by plain HTTP. Its slices borrow the head that was parsed.
type Get struct {
	Path, RawQuery, Host []byte
	Head                 bool // only the head of the answer is wanted
}

// ParseGet parses a head that ParseRequest has refused, as a GET or HEAD over HTTP/1.1 or 1.0 that
// does not ask for an upgrade to WebSocket. ok is false for any other head.
func (l HeadLimits) ParseGet(head []byte) (g Get, ok bool) {
	var r requestParser
	if err := r.parse(l, head); err != nil || r.upgrade {
		return Get{}, false
	}
	g = Get{Path: r.Path, RawQuery: r.RawQuery, Host: r.Host, Head: string(r.method) == "HEAD"}
	return g, (g.Head || string(r.method) == "GET") && (r.Host != nil || r.minor == '0')
}

// IsHead reports whether the request that begins with p is a HEAD, whose answer has no body.
func IsHead(p []byte) bool { return bytes.HasPrefix(p, []byte("HEAD ")) }

// parse reads a head. Its errors are of form alone: what a handshake needs is for check.
func (r *requestParser) parse(limits HeadLimits, head []byte) error {
	l := lines{limits: limits}
	line, err := l.first(head)
	if err != nil {
		return err
	}
	r.Head = head
	if err := r.requestLine(line); err != nil {
		return err
	}
	for {
		name, value, err := l.header()
		if err != nil {
			return err
		}
		if name == nil {
			break
		}
		if reason := r.header(name, value); reason != "" {
			return &HandshakeError{Status: 400, Reason: reason}
		}
	}
	if r.authority != nil && r.Host != nil {
		r.Host = r.authority
	}
	return nil
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
	if version[5] != '1' || version[7] > '1' {
		return &HandshakeError{Status: 505, Cause: CauseVersion, Reason: "HTTP/1.1 is needed"}
	}
	for _, c := range method {
		if !isToken[c] {
			return &HandshakeError{Status: 400, Reason: "invalid method"}
		}
	}
	r.method, r.minor = method, version[7]
	if target[0] != '/' && !r.absolute(&target) {
		if string(method) != "GET" && string(method) != "HEAD" {
			// OPTIONS * and CONNECT host:port have targets of their own.
			return &HandshakeError{Status: 405, Cause: CauseMethod,
				Reason: "the handshake is a GET"}
		}
		return &HandshakeError{Status: 400, Reason: "the target must begin with a slash"}
	}
	r.Path, r.RawQuery, _ = bytes.Cut(target, []byte("?"))
	if len(r.Path) == 0 {
		r.Path = []byte("/")
	}
	return nil
}

// absolute takes scheme and authority off a target in absolute form (RFC 9112 section 3.2.2). It
// returns false if target is none that leads to a server like this.
func (r *requestParser) absolute(target *[]byte) bool {
	scheme, rest, ok := bytes.Cut(*target, []byte("://"))
	if !ok || !(equalFold(scheme, "http") || equalFold(scheme, "https") ||
		equalFold(scheme, "ws") || equalFold(scheme, "wss")) {
		return false
	}
	end := bytes.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	if !validHost(rest[:end]) {
		return false
	}
	r.authority, *target = rest[:end:end], rest[end:]
	return true
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
	case 9:
		if equalFold(name, "forwarded") {
			r.Forwarded = join(r.Forwarded, value, ", ")
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
	default:
		return r.longHeader(name, value)
	}
	return ""
}

// longHeader is header for names of more than 17 bytes.
func (r *requestParser) longHeader(name, value []byte) (reason string) {
	switch {
	case equalFold(name, "transfer-encoding"):
		return "a handshake has no body"
	case equalFold(name, "sec-websocket-key"):
		if r.Key != nil || !validKey(value) {
			return "exactly one Sec-WebSocket-Key of 16 base64 bytes is needed"
		}
		r.Key = value
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
		return &HandshakeError{Status: 426, Cause: CauseUpgrade,
			Reason: "this is a WebSocket endpoint: Upgrade: websocket is needed"}
	case !r.connection:
		return &HandshakeError{Status: 400, Reason: "Connection: Upgrade is needed"}
	case string(r.version) != "13":
		return &HandshakeError{Status: 426, Cause: CauseVersion,
			Reason: "Sec-WebSocket-Version 13 is needed"}
	case r.Key == nil:
		return &HandshakeError{Status: 400,
			Reason: "exactly one Sec-WebSocket-Key of 16 base64 bytes is needed"}
	case !validExtensions(r.Extensions):
		return &HandshakeError{Status: 400,
			Reason: "Sec-WebSocket-Extensions is not a list of extensions (RFC 6455 section 9.1)"}
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
