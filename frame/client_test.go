package frame

import (
	"errors"
	"strings"
	"testing"
)

func TestNewKey(t *testing.T) {
	a, b := NewKey(), NewKey()
	if !validKey([]byte(a)) || !validKey([]byte(b)) || a == b {
		t.Fatalf("%q, %q", a, b)
	}
}

// Our server accepts what our client sends, and the other way round.
func TestHandshakeRoundTrip(t *testing.T) {
	key := NewKey()
	head := AppendRequest(nil, "h:8080", "/chat?x=1", key, "http://h:8080", "a, smartsocket.v1",
		DeflateOffer, "Authorization: Bearer t\r\n")
	n, _, err := ScanHead(head, 0)
	if n != len(head) || err != nil {
		t.Fatal(n, err)
	}
	r, err := ParseRequest(head)
	if err != nil {
		t.Fatal(err)
	}
	if err := (*OriginPolicy)(nil).Check(&r); err != nil {
		t.Fatal(err)
	}
	if string(r.Authorization) != "Bearer t" || string(r.Path) != "/chat" ||
		string(r.Host) != "h:8080" {
		t.Fatalf("%q", r)
	}
	extensions, ok := NegotiateDeflate(r.Extensions)
	if !ok {
		t.Fatal("our own offer was declined")
	}
	answer := AppendResponse(nil, &r, "smartsocket.v1", extensions)
	resp, err := ParseResponse(answer, key, "a, smartsocket.v1")
	if err != nil || string(resp.Protocol) != "smartsocket.v1" {
		t.Fatalf("%q %v", resp, err)
	}
	if on, err := DeflateAnswer(resp.Extensions, true); !on || err != nil {
		t.Fatal(on, err)
	}
	want := "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + "\r\n\r\n"
	if head := string(AppendRequest(nil, "h", "/", key, "", "", "", "")); head != want {
		t.Fatalf("%q", head)
	}
}

func TestParseResponseChecks(t *testing.T) {
	good := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: keep-alive, " +
		"upgrade\r\nSec-WebSocket-Accept: " + rfcAccept + "\r\n\r\n"
	with := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	for _, c := range []struct {
		name, head, offered string
		ok                  bool
		status, retry       int
	}{
		{"good", good, "", true, 0, 0},
		{"no reason phrase", with(" Switching Protocols", ""), "", true, 0, 0},
		{"protocol", with("Upgrade:", "Sec-WebSocket-Protocol: b\r\nUpgrade:"), "a, b", true, 0, 0},
		{"protocol not offered", with("Upgrade:", "Sec-WebSocket-Protocol: c\r\nUpgrade:"), "a, b",
			false, 101, 0},
		{"protocol when none was", with("Upgrade:", "Sec-WebSocket-Protocol: c\r\nUpgrade:"), "",
			false, 101, 0},
		{"empty protocol", with("Upgrade:", "Sec-WebSocket-Protocol:\r\nUpgrade:"), "a", false, 101,
			0},
		{"two protocols",
			with("Upgrade:", "Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: b\r\nUpgrade:"),
			"a, b", false, 101, 0},
		{"no Upgrade", with("Upgrade: WebSocket\r\n", ""), "", false, 101, 0},
		{"another Upgrade", with("WebSocket\r\n", "h2c\r\n"), "", false, 101, 0},
		{"no Connection", with("Connection: keep-alive, upgrade\r\n", ""), "", false, 101, 0},
		{"wrong accept", with(rfcAccept, strings.ToLower(rfcAccept)), "", false, 101, 0},
		{"no accept", with("Sec-WebSocket-Accept", "X"), "", false, 101, 0},
		{"two accepts", with("Upgrade:", "Sec-WebSocket-Accept: x\r\nUpgrade:"), "", false, 101, 0},
		{"200", with("101", "200"), "", false, 200, 0},
		{"503 with Retry-After", "HTTP/1.1 503 Busy\r\nRetry-After: 12\r\n\r\n", "", false, 503,
			12},
		{"503 with a date",
			"HTTP/1.1 503 Busy\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n\r\n", "", false,
			503, 0},
		{"HTTP/1.0 403", "HTTP/1.0 403 Forbidden\r\n\r\n", "", false, 403, 0},
		{"not HTTP", "SSH-2.0-x\r\n\r\n", "", false, 0, 0},
		{"HTTP/2", with("HTTP/1.1", "HTTP/2.0"), "", false, 0, 0},
		{"status of letters", with("101", "1x1"), "", false, 0, 0},
		{"malformed header", with("Upgrade:", "Up grade:"), "", false, 101, 0},
		{"nothing", "", "", false, 0, 0},
	} {
		_, err := ParseResponse([]byte(c.head), rfcKey, c.offered)
		e, _ := err.(*HandshakeError)
		if (err == nil) != c.ok || !c.ok && (e == nil || e.Status != c.status ||
			e.RetryAfter != c.retry) {
			t.Errorf("%s: %#v", c.name, err)
		}
	}
}

// No answer that is cut, shortened or changed in one byte makes the client panic, and none of them
// is taken for an answer of HTTP/1.1 unless it is one.
func TestParseResponseOfDamagedAnswers(t *testing.T) {
	good := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: " + rfcAccept + "\r\n\r\n"
	line := strings.Index(good, "\r\n")
	for i := range line {
		for _, head := range []string{good[:i], good[:i] + good[line:], good[:i] + good[i+1:]} {
			_, err := ParseResponse([]byte(head), rfcKey, "")
			if err == nil && !strings.HasPrefix(head, "HTTP/1.1 101 ") &&
				!strings.HasPrefix(head, "HTTP/1.1 101\r") {
				t.Errorf("%q is accepted", head)
			}
		}
		for c := range 256 {
			head := []byte(good)
			head[i] = byte(c)
			ParseResponse(head, rfcKey, "")
		}
	}
	for _, status := range []string{"", " ", "A", "A 101", "A 101 x", "H 101 x", "HTTP 101 x",
		"HTTP/1 101 x", "HTTP/1. 101 x", "HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1 10 x",
		"HTTP/1.1 1010 x",
		"HTTP/1.1 abc x", "HTTP/1.1 001 x", "HTTP/2.0 101 x", "HTTP/2 101 x", "http/1.1 101 x",
		"HTTP/1.1  101 x", "ICY 101 x", "12345678 101 x"} {
		_, err := ParseResponse([]byte(status+good[line:]), rfcKey, "")
		var he *HandshakeError
		if !errors.As(err, &he) {
			t.Errorf("%q: %v", status, err)
		}
	}
}
