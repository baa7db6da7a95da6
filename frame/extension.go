package frame

// DeflateOffer is what our clients offer in Sec-WebSocket-Extensions: permessage-deflate without
// context takeover in either direction. DeflateAnswer checks the server's answer to it.
const DeflateOffer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

const (
	deflateAnswer     = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
	deflateAnswerBits = deflateAnswer + "; server_max_window_bits=15"
)

// deflateParams holds the parameters of one permessage-deflate element (RFC 7692 section 7.1). A
// number of window bits is 0 if absent.
type deflateParams struct {
	serverNoContext, clientNoContext bool
	serverBits, clientBits           int
	clientBitsSeen                   bool
	bad                              bool // a parameter is unknown, repeated or has a bad value
}

// NegotiateDeflate answers an extension offer. It returns the response value and true, or "" and
// false if nothing acceptable was offered. Elements are tried in the client's order. An element is
// declined if it has a parameter that is unknown, repeated or has a bad value, or if it wants the
// server to compress with a window under 32 KiB. A value that is not an extension list (RFC 6455
// section 9.1) declines everything. The response always asks for no context takeover in both
// directions. NegotiateDeflate borrows offered, takes time linear in its length and does not
// allocate.
func NegotiateDeflate(offered []byte) (response string, ok bool) {
	s := listScanner{p: offered}
	for s.next() {
		var d deflateParams
		name := s.element(&d)
		if s.bad {
			return "", false
		}
		if ok || d.bad || string(name) != "permessage-deflate" {
			continue
		}
		switch d.serverBits {
		case 0:
			response, ok = deflateAnswer, true
		case 15:
			// RFC 7692 section 7.1.2.1: a server that accepts the parameter must answer it.
			response, ok = deflateAnswerBits, true
		}
	}
	if s.bad {
		return "", false
	}
	return response, ok
}

// validExtensions reports whether list is an extension list (RFC 6455 section 9.1), or empty.
func validExtensions(list []byte) bool {
	s := listScanner{p: list}
	for s.next() {
		var d deflateParams
		s.element(&d)
	}
	return !s.bad
}

// DeflateAnswer checks a server's Sec-WebSocket-Extensions against DeflateOffer and reports whether
// compression is on. offered says whether the client sent the offer. An answer that the offer does
// not allow is a *HandshakeError, and the client must then fail the connection (RFC 7692 section
// 5.1).
func DeflateAnswer(answer []byte, offered bool) (on bool, err error) {
	s := listScanner{p: answer}
	for s.next() {
		var d deflateParams
		name := s.element(&d)
		switch {
		case s.bad:
		case !offered || string(name) != "permessage-deflate":
			return false, &HandshakeError{Status: 101,
				Reason: "server answered an extension that was not offered"}
		case on:
			return false, &HandshakeError{Status: 101,
				Reason: "server answered permessage-deflate twice"}
		case d.bad || d.clientBitsSeen || !d.serverNoContext:
			return false, &HandshakeError{Status: 101,
				Reason: "server answered permessage-deflate parameters that were not offered"}
		default:
			on = true
		}
	}
	if s.bad {
		return false, &HandshakeError{Status: 101,
			Reason: "server's Sec-WebSocket-Extensions is malformed"}
	}
	return on, nil
}

// add processes one parameter. value is nil if there was none.
func (d *deflateParams) add(name, value []byte) {
	switch string(name) {
	case "server_no_context_takeover":
		d.bad = d.bad || d.serverNoContext || value != nil
		d.serverNoContext = true
	case "client_no_context_takeover":
		d.bad = d.bad || d.clientNoContext || value != nil
		d.clientNoContext = true
	case "server_max_window_bits":
		bits, valid := windowBits(value)
		d.bad = d.bad || d.serverBits != 0 || !valid
		d.serverBits = bits
	case "client_max_window_bits":
		bits, valid := windowBits(value)
		d.bad = d.bad || d.clientBitsSeen || value != nil && !valid
		d.clientBits, d.clientBitsSeen = bits, true
	default:
		d.bad = true
	}
}

// windowBits parses a number from 8 to 15 without leading zeros (RFC 7692 section 7.1.2).
func windowBits(v []byte) (bits int, ok bool) {
	switch {
	case len(v) == 1 && (v[0] == '8' || v[0] == '9'):
		return int(v[0] - '0'), true
	case len(v) == 2 && v[0] == '1' && v[1] >= '0' && v[1] <= '5':
		return 10 + int(v[1]-'0'), true
	}
	return 0, false
}

// listScanner reads the extension list of RFC 6455 section 9.1 in one pass.
type listScanner struct {
	p    []byte
	some bool // an element has been read
	bad  bool // the value is not an extension list
}

// next skips to the next element and reports whether there is one. It skips empty elements, as RFC
// 9110 section 5.6.1 requires of a recipient.
func (s *listScanner) next() bool {
	if s.bad {
		return false
	}
	s.space()
	if s.some && len(s.p) > 0 && s.p[0] != ',' {
		s.bad = true
		return false
	}
	for len(s.p) > 0 && s.p[0] == ',' {
		s.p = s.p[1:]
		s.space()
	}
	s.some = true
	return len(s.p) > 0
}

// element reads the name of an extension, and its parameters into d.
func (s *listScanner) element(d *deflateParams) (name []byte) {
	name = s.token()
	for s.space(); len(s.p) > 0 && s.p[0] == ';' && !s.bad; s.space() {
		s.p = s.p[1:]
		s.space()
		param := s.token()
		s.space()
		var value []byte
		if len(s.p) > 0 && s.p[0] == '=' {
			s.p = s.p[1:]
			s.space()
			value = s.value()
		}
		d.add(param, value)
	}
	return name
}

func (s *listScanner) space() {
	for len(s.p) > 0 && (s.p[0] == ' ' || s.p[0] == '\t') {
		s.p = s.p[1:]
	}
}

// token reads at least one token character.
func (s *listScanner) token() []byte {
	n := 0
	for n < len(s.p) && isToken[s.p[n]] {
		n++
	}
	if n == 0 {
		s.bad = true
	}
	t := s.p[:n]
	s.p = s.p[n:]
	return t
}

// value reads a token, or a quoted token. RFC 6455 section 9.1 requires that the content of the
// quotes is a token too.
func (s *listScanner) value() []byte {
	if len(s.p) == 0 || s.p[0] != '"' {
		return s.token()
	}
	s.p = s.p[1:]
	t := s.token()
	if len(s.p) == 0 || s.p[0] != '"' {
		s.bad = true
		return t
	}
	s.p = s.p[1:]
	return t
}
