package frame

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

const (
	rfcKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	rfcAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

	// goodRequest is a request as a browser sends it.
	goodRequest = "GET /chat?token=1 HTTP/1.1\r\n" +
		"Host: server.example.com:8080\r\nConnection: keep-alive, Upgrade\r\nPragma: no-cache\r\n" +
		"Cache-Control: no-cache\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) " +
		"AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n" +
		"Upgrade: websocket\r\nOrigin: http://server.example.com:8080\r\n" +
		"Sec-WebSocket-Version: 13\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n" +
		"Accept-Language: en-US,en;q=0.9\r\nCookie: a=b\r\nSec-WebSocket-Key: " + rfcKey + "\r\n" +
		"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" +
		"Sec-WebSocket-Protocol: chat, smartsocket.v1\r\n\r\n"
)

// lean builds the smallest request that is accepted, plus extra lines.
func lean(extra ...string) string {
	return "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: " +
		"Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + rfcKey + "\r\n" +
		strings.Join(extra, "") + "\r\n"
}

func status(err error) int {
	var e *HandshakeError
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

func TestParseRequest(t *testing.T) {
	r, err := ParseRequest([]byte(goodRequest))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ got, want string }{
		"Path": {string(r.Path), "/chat"}, "RawQuery": {string(r.RawQuery), "token=1"},
		"Host":      {string(r.Host), "server.example.com:8080"},
		"Origin":    {string(r.Origin), "http://server.example.com:8080"},
		"UserAgent": {string(r.UserAgent[:11]), "Mozilla/5.0"}, "Key": {string(r.Key), rfcKey},
		"Protocols":  {string(r.Protocols), "chat, smartsocket.v1"},
		"Extensions": {string(r.Extensions), "permessage-deflate; client_max_window_bits"},
		"Cookie":     {string(r.Cookie), "a=b"},
	} {
		if c.got != c.want {
			t.Errorf("%s = %q, want %q", name, c.got, c.want)
		}
	}
	if r.Authorization != nil || r.ForwardedFor != nil {
		t.Error("absent headers are not nil")
	}
}

func TestParseRequestJoinsLines(t *testing.T) {
	head := lean("Sec-WebSocket-Protocol: a\r\n", "sec-websocket-protocol:b , c\r\n",
		"SEC-WEBSOCKET-EXTENSIONS: x\r\n", "Sec-WebSocket-Extensions: y\r\n",
		"X-Forwarded-For: 1.1.1.1\r\n", "Cookie: a=1\r\n", "X-Forwarded-For: \t 2.2.2.2 \t\r\n",
		"Cookie: b=2\r\n", "Authorization: Bearer x\r\n", "Sec-WebSocket-Protocol: d\r\n")
	r, err := ParseRequest([]byte(head))
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%s|%s|%s|%s|%s", r.Protocols, r.Extensions, r.ForwardedFor, r.Cookie,
		r.Authorization)
	if want := "a, b , c, d|x, y|1.1.1.1, 2.2.2.2|a=1; b=2|Bearer x"; got != want {
		t.Fatalf("%s, want %s", got, want)
	}
	if n, _, err := ScanHead([]byte(head), 0); n != len(head) || err != nil {
		t.Fatal("the head was written to")
	}
}

func TestParseRequestChecks(t *testing.T) {
	with := func(old, new string) string { return strings.Replace(lean(), old, new, 1) }
	const ok = 0
	for _, c := range []struct {
		name   string
		head   string
		status int
	}{
		{"the least", lean(), ok},
		{"names and tokens in any case", strings.NewReplacer("Host", "hOST", "Upgrade: websocket",
			"UPGRADE: WebSocket", "Connection: Upgrade", "connection: UPGRADE").Replace(lean()),
			ok},
		{"lists", with("Connection: Upgrade", "Connection: a,, keep-alive ,upgrade"), ok},
		{"Connection in two lines",
			with("Connection: Upgrade", "Connection: keep-alive\r\nConnection: upgrade"), ok},
		{"Upgrade list", with("Upgrade: websocket", "Upgrade: h2c, websocket"), ok},
		{"query only", with("GET / ", "GET /?a=/b?c "), ok},
		{"Content-Length: 0", lean("Content-Length: 0\r\n"), ok},
		{"no space behind the colon", with("Host: h", "Host:h"), ok},
		{"IPv6 host", with("Host: h", "Host: [::1]:80"), ok},
		{"UTF-8 in a value", lean("X: é\r\n"), ok},
		{"empty value", lean("X:\r\n"), ok},
		{"100 lines", lean(strings.Repeat("X: y\r\n", 95)), ok},
		{"a cookie of 12 KiB", lean("Cookie: " + strings.Repeat("y", 12<<10) + "\r\n"), ok},
		{"a token of 4.5 KB", with("GET /", "GET /?token="+strings.Repeat("y", 4500)), ok},
		{"absolute form", with("GET /", "GET http://h/"), ok},
		{"absolute form without a path", with("GET /", "GET http://h"), ok},
		{"absolute form with a query alone", with("GET /", "GET wss://h:80?x=1"), ok},
		{"an empty list of extensions", lean("Sec-WebSocket-Extensions:\r\n"), ok},
		{"an unknown extension", lean(`Sec-WebSocket-Extensions: a; b="c", d` + "\r\n"), ok},
		{"values that no extension has",
			lean("Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover=7\r\n"),
			ok},

		{"POST", with("GET", "POST"), 405},
		{"get", with("GET", "get"), 405},
		{"bad method", with("GET", "G(T"), 400},
		{"no method", with("GET /", " /"), 400},
		{"HTTP/1.0", with("HTTP/1.1", "HTTP/1.0"), 505},
		{"HTTP/2.0", with("HTTP/1.1", "HTTP/2.0"), 505},
		{"http/1.1", with("HTTP/1.1", "http/1.1"), 400},
		{"HTTP/1.10", with("HTTP/1.1", "HTTP/1.10"), 400},
		{"no version", with(" HTTP/1.1", ""), 400},
		{"two spaces", with("GET /", "GET  /"), 400},
		{"space in the target", with("GET /", "GET /a b"), 400},
		{"absolute form of another protocol", with("GET /", "GET ftp://h/"), 400},
		{"absolute form with a user", with("GET /", "GET http://u@h/"), 400},
		{"absolute form without a host", with("GET /", "GET http:///"), 400},
		{"authority form", with("GET /", "GET h:80"), 400},
		{"absolute form without a Host",
			strings.Replace(with("GET /", "GET http://h/"), "Host: h\r\n", "", 1), 400},
		{"HEAD", with("GET", "HEAD"), 405},
		{"OPTIONS *", with("GET /", "OPTIONS *"), 405},
		{"extensions: no name", lean("Sec-WebSocket-Extensions: ;a\r\n"), 400},
		{"extensions: no token", lean("Sec-WebSocket-Extensions: permessage deflate\r\n"), 400},
		{"extensions: no value", lean("Sec-WebSocket-Extensions: a; b=\r\n"), 400},
		{"extensions: an open quote", lean(`Sec-WebSocket-Extensions: a; b="c` + "\r\n"), 400},
		{"extensions: the second line",
			lean("Sec-WebSocket-Extensions: a\r\n", "Sec-WebSocket-Extensions: =\r\n"), 400},
		{"asterisk", with("GET /", "GET *"), 400},
		{"fragment", with("GET /", "GET /#x"), 400},
		{"NUL in the target", with("GET /", "GET /\x00"), 400},
		{"DEL in the target", with("GET /", "GET /\x7f"), 400},
		{"byte over 127 in the target", with("GET /", "GET /\xc3\xa9"), 400},
		{"no Host", with("Host: h\r\n", ""), 400},
		{"two Hosts", lean("Host: h\r\n"), 400},
		{"empty Host", with("Host: h", "Host: "), 400},
		{"host list", with("Host: h", "Host: a, b"), 400},
		{"host with a path", with("Host: h", "Host: h/x"), 400},
		{"host with a user", with("Host: h", "Host: u@h"), 400},
		{"no Upgrade", with("Upgrade: websocket\r\n", ""), 426},
		{"HEAD without Upgrade", "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", 426},
		{"POST without Upgrade", "POST / HTTP/1.1\r\nHost: h\r\n\r\n", 426},
		{"Upgrade: websockets", with("Upgrade: websocket", "Upgrade: websockets"), 426},
		{"no Connection", with("Connection: Upgrade\r\n", ""), 400},
		{"Connection: close", with("Connection: Upgrade", "Connection: close"), 400},
		{"Connection: upgraded", with("Connection: Upgrade", "Connection: upgraded"), 400},
		{"no version header", with("Sec-WebSocket-Version: 13\r\n", ""), 426},
		{"version 8", with("Version: 13", "Version: 8"), 426},
		{"version 013", with("Version: 13", "Version: 013"), 426},
		{"version 13, 8", with("Version: 13", "Version: 13, 8"), 426},
		{"two versions", lean("Sec-WebSocket-Version: 13\r\n"), 400},
		{"no key", with("Sec-WebSocket-Key: "+rfcKey+"\r\n", ""), 400},
		{"two keys", lean("Sec-WebSocket-Key: " + rfcKey + "\r\n"), 400},
		{"key of 15 bytes", with(rfcKey, "AAAAAAAAAAAAAAAAAAAA"), 400},
		{"key of 17 bytes", with(rfcKey, "AAAAAAAAAAAAAAAAAAAAAAA="), 400},
		{"key of 18 bytes", with(rfcKey, "AAAAAAAAAAAAAAAAAAAAAAAA"), 400},
		{"key without padding", with(rfcKey, rfcKey[:22]), 400},
		{"key that is no base64", with(rfcKey, "dGhlIHNhbXBsZSBub25j!Q=="), 400},
		{"URL base64", with(rfcKey, "dGhlIHNhbXBsZSBub25j-Q=="), 400},
		{"two Origins", lean("Origin: http://h\r\n", "Origin: http://h\r\n"), 400},
		{"an empty and another Origin", lean("Origin:\r\n", "Origin: http://h\r\n"), 400},
		{"two Authorizations", lean("Authorization: a\r\n", "Authorization: b\r\n"), 400},
		{"Content-Length", lean("Content-Length: 5\r\n"), 400},
		{"Content-Length: 00", lean("Content-Length: 00\r\n"), 400},
		{"Transfer-Encoding", lean("Transfer-Encoding: chunked\r\n"), 400},
		{"NUL in a value", lean("X: a\x00b\r\n"), 400},
		{"escape in a value", lean("X: \x1b[31m\r\n"), 400},
		{"bare CR in a value", lean("X: a\rb\r\n"), 400},
		{"bare LF", lean("X: a\nY: b\r\n"), 400},
		{"folded line", lean("X: a\r\n b\r\n"), 400},
		{"folded by a tab", lean("X: a\r\n\tb\r\n"), 400},
		{"space before the colon", lean("X : a\r\n"), 400},
		{"no colon", lean("X\r\n"), 400},
		{"no name", lean(": a\r\n"), 400},
		{"name that is no token", lean("X(: a\r\n"), 400},
		{"101 lines", lean(strings.Repeat("X: y\r\n", 96)), 431},
		{"over 16 KiB", lean("X: "+strings.Repeat("y", 8000)+"\r\n", "X: "+
			strings.Repeat("y", 8300)+"\r\n"), 431},
		{"no blank line", strings.TrimSuffix(lean(), "\r\n"), 400},
		{"bytes behind it", lean() + "x", 400},
		{"nothing", "", 400},
	} {
		_, err := ParseRequest([]byte(c.head))
		if got := status(err); got != c.status || (err == nil) != (c.status == ok) {
			t.Errorf("%s: %v, want status %d", c.name, err, c.status)
		}
	}
}

func TestScanHead(t *testing.T) {
	long := "GET / HTTP/1.1\r\n" + strings.Repeat("X: y\r\n", 3000) + "\r\n"
	for _, c := range []struct {
		name   string
		in     string
		n      int
		status int
	}{
		{"whole", goodRequest, len(goodRequest), 0},
		{"with a frame behind", goodRequest + "\x81\x85\r\n\r\n\n", len(goodRequest), 0},
		{"with much behind", goodRequest + strings.Repeat("x", 20000), len(goodRequest), 0},
		{"unfinished", goodRequest[:len(goodRequest)-1], 0, 0},
		{"nothing", "", 0, 0},
		{"too long", long, 0, 431},
		{"never a line", strings.Repeat("x", 17000), 0, 431},
		{"bare LF", "GET / HTTP/1.1\nHost: h\n\n", 0, 400},
		{"LF first", "\n", 0, 400},
		{"empty first line", "\r\n\r\n", 0, 400},
		{"ends in CR LF LF", "GET / HTTP/1.1\r\n\n", 0, 400},
		{"exactly 16 KiB", "G" + strings.Repeat("x", MaxHeadBytes-5) + "\r\n\r\n", MaxHeadBytes, 0},
		{"16 KiB and one", "G" + strings.Repeat("x", MaxHeadBytes-4) + "\r\n\r\n", 0, 431},
	} {
		n, _, err := ScanHead([]byte(c.in), 0)
		if n != c.n || status(err) != c.status {
			t.Errorf("%s: %d %v, want %d and status %d", c.name, n, err, c.n, c.status)
		}
		// Byte by byte with resuming, the result is the same and no byte is looked at twice.
		from, got := 0, 0
		err = nil
		for i := 0; i <= len(c.in) && got == 0 && err == nil; i++ {
			before := from
			if got, from, err = ScanHead([]byte(c.in[:i]), from); got == 0 && err == nil &&
				from != i || from < before {
				t.Fatalf("%s: resumes at %d after %d bytes", c.name, from, i)
			}
		}
		if got != c.n || status(err) != c.status {
			t.Errorf("%s, byte by byte: %d %v", c.name, got, err)
		}
	}
}

func TestAppendResponse(t *testing.T) {
	r, err := ParseRequest([]byte(goodRequest))
	if err != nil {
		t.Fatal(err)
	}
	const start = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: " +
		"Upgrade\r\nSec-WebSocket-Accept: " + rfcAccept + "\r\n"
	if got := string(AppendResponse(nil, &r, "", "")); got != start+"\r\n" {
		t.Errorf("%q", got)
	}
	if got := string(AppendResponse([]byte("pre"), &r, "p", "e")); got != "pre"+start+
		"Sec-WebSocket-Protocol: p\r\nSec-WebSocket-Extensions: e\r\n\r\n" {
		t.Errorf("%q", got)
	}
}

// The limits are the caller's. What is over one is refused by its name.
func TestHeadLimits(t *testing.T) {
	limits := HeadLimits{Bytes: 400, Line: 100, Lines: 7}
	for _, c := range []struct{ name, head, option string }{
		{"within all", lean("X: " + strings.Repeat("y", 97) + "\r\n"), ""},
		{"a long line", lean("X: " + strings.Repeat("y", 98) + "\r\n"), "maxHeaderLineBytes"},
		{"a long request line",
			strings.Replace(lean(), "GET /", "GET /"+strings.Repeat("y", 90), 1),
			"maxHeaderLineBytes"},
		{"lines", lean("A: b\r\n", "A: b\r\n", "A: b\r\n"), "maxHeaderLines"},
		{"bytes", lean(strings.Repeat("X: "+strings.Repeat("y", 90)+"\r\n", 3)), "maxHeaderBytes"},
	} {
		n, _, err := limits.Scan([]byte(c.head), 0)
		if err == nil {
			_, err = limits.ParseRequest([]byte(c.head)[:n])
		}
		var e *HandshakeError
		if errors.As(err, &e) != (c.option != "") || e != nil &&
			(e.Status != 431 || e.Cause != CauseHeaders || !strings.HasSuffix(e.Reason, c.option)) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// The host of a target in absolute form wins over Host (RFC 9112 section 3.2.2).
func TestAbsoluteForm(t *testing.T) {
	for target, want := range map[string]string{
		"http://Game.example:8080/chat?x=1": "Game.example:8080|/chat|x=1",
		"HTTPS://g/":                        "g|/|", "wss://g?a=/b": "g|/|a=/b",
		"ws://[::1]": "[::1]|/|",
	} {
		r, err := ParseRequest([]byte(strings.Replace(lean(), "GET /", "GET "+target, 1)))
		if got := fmt.Sprintf("%s|%s|%s", r.Host, r.Path, r.RawQuery); err != nil || got != want {
			t.Errorf("%s: %s %v, want %s", target, got, err, want)
		}
	}
}

// Plain requests are read from the heads that the handshake refuses.
func TestParseGet(t *testing.T) {
	for _, c := range []struct{ head, want string }{
		{"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n", "/healthz  h false"},
		{"HEAD /readyz?full HTTP/1.1\r\nHost: h\r\n\r\n", "/readyz full h true"},
		{"GET /healthz HTTP/1.0\r\n\r\n", "/healthz   false"},
		{"HEAD /healthz HTTP/1.0\r\nHost: h\r\n\r\n", "/healthz  h true"},
		{"GET http://g/healthz HTTP/1.1\r\nHost: h\r\n\r\n", "/healthz  g false"},
		{"GET /healthz HTTP/1.1\r\n\r\n", ""}, // no Host
		{"POST /healthz HTTP/1.1\r\nHost: h\r\n\r\n", ""},
		{"GET /healthz HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n", ""},
		{"GET /healthz HTTP/1.1\r\nHost: h\r\nX: a\x00\r\n\r\n", ""},
		{"GET /healthz HTTP/2.0\r\nHost: h\r\n\r\n", ""},
		{strings.Replace(lean(), "Version: 13", "Version: 12", 1), ""}, // an upgrade
		{lean(), ""},
	} {
		g, ok := HeadLimits{}.ParseGet([]byte(c.head))
		got := ""
		if ok {
			got = fmt.Sprintf("%s %s %s %v", g.Path, g.RawQuery, g.Host, g.Head)
		}
		if got != c.want {
			t.Errorf("%q: %q, want %q", c.head, got, c.want)
		}
	}
}

// What was read of a request that is refused is there for the log.
func TestRefusedRequestIsKnown(t *testing.T) {
	head := lean("Origin: http://o\r\n", "X: \x00\r\n")
	r, err := ParseRequest([]byte(head))
	if err == nil || string(r.Host) != "h" || string(r.Origin) != "http://o" ||
		string(r.Path) != "/" {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestCauses(t *testing.T) {
	seen := make(map[string]bool)
	for c := range Causes {
		name := c.String()
		if name == "" || seen[name] {
			t.Errorf("cause %d is called %q", c, name)
		}
		seen[name] = true
	}
	if Cause(200).String() != "other" {
		t.Error("a cause that there is not has a name")
	}
	with := func(old, new string) string { return strings.Replace(lean(), old, new, 1) }
	for head, want := range map[string]Cause{
		with("GET", "POST"): CauseMethod, with("1.1", "1.0"): CauseVersion,
		with("13", "8"): CauseVersion, with("websocket", "h2c"): CauseUpgrade,
		with("Host: h", "Host: "): CauseRequest, lean(strings.Repeat("X: y\r\n", 96)): CauseHeaders,
	} {
		var e *HandshakeError
		if _, err := ParseRequest([]byte(head)); !errors.As(err, &e) || e.Cause != want {
			t.Errorf("%q: %v, want %v", head, err, want)
		}
	}
}

func TestAppendRefusal(t *testing.T) {
	now := time.Date(2026, 3, 9, 7, 5, 4, 0, time.FixedZone("", 3600))
	for _, c := range []struct {
		e     HandshakeError
		first string
		has   []string
	}{
		{HandshakeError{Status: 400, Reason: "bad"}, "HTTP/1.1 400 Bad Request",
			[]string{"Connection: close\r\n", "Content-Length: 4\r\n"}},
		{HandshakeError{Status: 405, Reason: "x"}, "HTTP/1.1 405 Method Not Allowed",
			[]string{"Allow: GET\r\n"}},
		{HandshakeError{Status: 426, Reason: "x"}, "HTTP/1.1 426 Upgrade Required",
			[]string{"Upgrade: websocket\r\n", "Sec-WebSocket-Version: 13\r\n",
				"Connection: close, Upgrade\r\n"}},
		{HandshakeError{Status: 503, Reason: "full", RetryAfter: 7},
			"HTTP/1.1 503 Service Unavailable", []string{"Retry-After: 7\r\n"}},
		{HandshakeError{Status: 429, Reason: "slow", RetryAfter: 109},
			"HTTP/1.1 429 Too Many Requests", []string{"Retry-After: 109\r\n"}},
		{HandshakeError{Status: 599, Reason: "odd\r\nX: y"}, "HTTP/1.1 599 Refused",
			[]string{"Content-Length: 10\r\n"}},
	} {
		got := string(AppendRefusal(nil, &c.e, false, now))
		head, body, _ := strings.Cut(got, "\r\n\r\n")
		if !strings.HasPrefix(head, c.first+"\r\n") || body != c.e.Reason+"\n" ||
			strings.Contains(head, "X: y") ||
			strings.Contains(head, "Retry") != (c.e.RetryAfter > 0) {
			t.Errorf("%q", got)
		}
		for _, line := range append(c.has, "Date: Mon, 09 Mar 2026 06:05:04 GMT\r\n") {
			if !strings.Contains(head+"\r\n", "\r\n"+line) {
				t.Errorf("%d lacks %q", c.e.Status, line)
			}
		}
		got = string(AppendRefusal(nil, &c.e, true, now))
		if head, body, _ := strings.Cut(got, "\r\n\r\n"); body != "" ||
			!strings.HasPrefix(head, c.first) || !strings.Contains(head, "Date: ") {
			t.Errorf("to a HEAD: %q", got)
		}
	}
}

func TestHasProtocol(t *testing.T) {
	for _, c := range []struct {
		list, name string
		want       bool
	}{
		{"chat, smartsocket.v1", "smartsocket.v1", true},
		{"smartsocket.v1", "smartsocket.v1", true}, {"a,\tb\t,c", "b", true},
		{"smartsocket.v10", "smartsocket.v1", false}, {"Chat", "chat", false}, {"", "chat", false},
		{"a, ,b", "", false}, {"a b", "a", false},
	} {
		if got := HasProtocol([]byte(c.list), c.name); got != c.want {
			t.Errorf("%q in %q: %v", c.name, c.list, got)
		}
	}
}
