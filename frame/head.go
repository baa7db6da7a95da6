package frame

import (
	"bytes"
	"strconv"
)

// The limits of an HTTP head where HeadLimits has zero. Cookies and tokens of real sites pass.
const (
	MaxHeadBytes   = 16 << 10 // including the blank line
	MaxHeaderLines = 100
)

// HeadLimits bound an HTTP head. The zero value means the defaults.
type HeadLimits struct {
	Bytes int // of all of it, including the blank line; 0 means MaxHeadBytes
	Line  int // bytes of one line, the request line included; 0 means no limit of its own
	Lines int // number of header lines; 0 means MaxHeaderLines
}

// bytes returns the limit of the whole head.
func (l HeadLimits) bytes() int {
	if l.Bytes <= 0 {
		return MaxHeadBytes
	}
	return l.Bytes
}

// tooLong is the refusal of a head that is over a limit, whose option it names.
func tooLong(what string, limit int, option string) *HandshakeError {
	reason := "the request head has more than " + strconv.Itoa(limit) + " " + what +
		", the server's " + option
	return &HandshakeError{Status: 431, Cause: CauseHeaders, Reason: reason}
}

// HandshakeError is a refused upgrade: the HTTP status and the reason, which the client sees. On
// the client's side Status is the server's, or 0 if its answer was not HTTP.
type HandshakeError struct {
	Status     int
	Reason     string
	RetryAfter int // seconds the client should wait before it tries again; 0 means not given
	// Cause is what the refusal is counted under, on the server's side.
	Cause Cause
	// Spoken, if it is not nil, is what a server sends in place of the status: the message of a
	// WebSocket that opens under the subprotocol Protocol and closes with CloseCode at once. It is
	// for pages, whose scripts are not told the status.
	Spoken    []byte
	Protocol  string
	CloseCode CloseCode
}

// Error returns the status and the reason.
func (e *HandshakeError) Error() string {
	return "frame: handshake refused: " + strconv.Itoa(e.Status) + " " + e.Reason
}

// ScanHead is HeadLimits.Scan with the default limits.
func ScanHead(buf []byte, from int) (n, next int, err error) {
	return HeadLimits{}.Scan(buf, from)
}

// Scan looks for the end of an HTTP head in buf. It resumes at from, which is 0 at first and
// later the next that it returned before. It returns the length of the head including the blank
// line, or 0 if more bytes are needed. Bytes after the head are not examined. Errors are
// *HandshakeError: 431 for a head over l.Bytes, 400 for a line that does not end in CR LF.
// Repeated calls with a growing buf take linear time in total.
func (l HeadLimits) Scan(buf []byte, from int) (n, next int, err error) {
	limit := l.bytes()
	head := buf[:min(len(buf), limit)]
	for next = from; next < len(head); next++ {
		i := bytes.IndexByte(head[next:], '\n')
		if i < 0 {
			break
		}
		next += i
		switch {
		case next == 0 || head[next-1] != '\r':
			return 0, next, &HandshakeError{Status: 400, Reason: "line not ended by CR LF"}
		case next == 1:
			return 0, next, &HandshakeError{Status: 400, Reason: "empty request line"}
		case next >= 3 && head[next-2] == '\n':
			return next + 1, next + 1, nil
		}
	}
	if len(buf) >= limit {
		return 0, len(head), tooLong("bytes", limit, "maxHeaderBytes")
	}
	return 0, len(head), nil
}

// lines iterates over the lines of a head.
type lines struct {
	limits HeadLimits
	rest   []byte
	count  int // number of header lines seen
}

// first cuts off the request line or status line.
func (l *lines) first(head []byte) (line []byte, err error) {
	if limit := l.limits.bytes(); len(head) > limit {
		return nil, tooLong("bytes", limit, "maxHeaderBytes")
	}
	l.rest = head
	return l.cut()
}

// cut cuts off one line and returns it without its CR LF.
func (l *lines) cut() ([]byte, error) {
	i := bytes.IndexByte(l.rest, '\n')
	if i < 1 || l.rest[i-1] != '\r' {
		return nil, &HandshakeError{Status: 400, Reason: "line not ended by CR LF"}
	}
	line := l.rest[:i-1]
	l.rest = l.rest[i+1:]
	if limit := l.limits.Line; limit > 0 && len(line) > limit {
		return nil, tooLong("bytes in one line", limit, "maxHeaderLineBytes")
	}
	return line, nil
}

// header cuts one header line into its name and its trimmed value. name is empty at the blank line,
// which must be the end (RFC 9112 section 5).
func (l *lines) header() (name, value []byte, err error) {
	line, err := l.cut()
	if err != nil {
		return nil, nil, err
	}
	if len(line) == 0 {
		if len(l.rest) > 0 {
			return nil, nil, &HandshakeError{Status: 400, Reason: "bytes behind the head"}
		}
		return nil, nil, nil
	}
	limit := l.limits.Lines
	if limit <= 0 {
		limit = MaxHeaderLines
	}
	if l.count++; l.count > limit {
		return nil, nil, tooLong("header lines", limit, "maxHeaderLines")
	}
	n := 0
	for n < len(line) && isToken[line[n]] {
		n++
	}
	if n == 0 || n == len(line) || line[n] != ':' {
		// Folded lines, which begin with a space, are refused here too.
		return nil, nil, &HandshakeError{Status: 400, Reason: "invalid header name"}
	}
	value = trimSpace(line[n+1:])
	if !validValue(value) {
		return nil, nil, &HandshakeError{Status: 400, Reason: "control byte in a header value"}
	}
	return line[:n], value, nil
}

// validValue refuses control bytes other than the tab (RFC 9110 section 5.5).
func validValue(v []byte) bool {
	for _, c := range v {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// trimSpace cuts spaces and tabs from both ends.
func trimSpace(p []byte) []byte {
	for len(p) > 0 && (p[0] == ' ' || p[0] == '\t') {
		p = p[1:]
	}
	for len(p) > 0 && (p[len(p)-1] == ' ' || p[len(p)-1] == '\t') {
		p = p[:len(p)-1]
	}
	return p
}

// isToken marks the characters of a token (RFC 9110 section 5.6.2).
var isToken = func() (t [256]bool) {
	for c := '0'; c <= '9'; c++ {
		t[c] = true
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c], t[c-'a'+'A'] = true, true
	}
	for _, c := range "!#$%&'*+-.^_`|~" {
		t[c] = true
	}
	return t
}()

// equalFold reports whether p equals lower, ignoring case. lower must be lower-case ASCII.
func equalFold(p []byte, lower string) bool {
	if len(p) != len(lower) {
		return false
	}
	for i, c := range p {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// cutElement cuts off the first element of a comma-separated list and trims it.
func cutElement(list []byte) (element, rest []byte) {
	if i := bytes.IndexByte(list, ','); i >= 0 {
		return trimSpace(list[:i]), list[i+1:]
	}
	return trimSpace(list), nil
}

// hasToken reports whether a comma-separated list contains the lower-case token, ignoring case.
func hasToken(list []byte, token string) bool {
	for len(list) > 0 {
		var e []byte
		if e, list = cutElement(list); equalFold(e, token) {
			return true
		}
	}
	return false
}

// HasProtocol reports whether the comma-separated list offered contains name exactly. Subprotocol
// names are case-sensitive (RFC 6455 section 11.3.4).
func HasProtocol(offered []byte, name string) bool {
	for len(offered) > 0 {
		var e []byte
		if e, offered = cutElement(offered); len(name) > 0 && string(e) == name {
			return true
		}
	}
	return false
}
