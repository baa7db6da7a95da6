package conformance

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/websocket"
)

// answer sends head and returns the status of the answer. 0 means that the server closed without
// one.
func answer(t *testing.T, head string, p pieces) (status int, resp *http.Response) {
	t.Helper()
	nc := dialTCP(t)
	defer nc.Close()
	c := &client{nc: nc}
	c.write([]byte(head), p, nil)
	resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		if !ended(err) {
			t.Fatalf("neither an answer nor a close: %v", err)
		}
		return 0, nil
	}
	if resp.StatusCode == 101 {
		return 101, resp
	}
	if !resp.Close {
		t.Error("refusal without Connection: close")
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error("refusal's body:", err)
	}
	if resp.Header.Get("Date") == "" {
		t.Error("refusal without a Date")
	}
	if strings.HasPrefix(head, "HEAD ") && len(body) > 0 {
		t.Errorf("a HEAD was answered with the body %q", body)
	}
	resp.Body = io.NopCloser(strings.NewReader(string(body)))
	return resp.StatusCode, resp
}

func lines(l ...string) string { return strings.Join(l, "\r\n") + "\r\n\r\n" }

// The opening handshake (RFC 6455 section 4.2.1, RFC 9112). Each deviation is refused with a 4xx or
// 5xx, whether it is sent whole or byte by byte.
func TestHandshakeMatrix(t *testing.T) {
	check := unharmed(t)
	key := "Sec-WebSocket-Key: " + "dGhlIHNhbXBsZSBub25jZQ=="
	good := []string{"GET / HTTP/1.1", "Host: localhost", "Upgrade: websocket",
		"Connection: Upgrade", key, "Sec-WebSocket-Version: 13"}
	with := func(i int, line string) string {
		l := append([]string(nil), good...)
		l[i] = line
		return lines(l...)
	}
	without := func(i int) string {
		return lines(append(append([]string(nil), good[:i]...), good[i+1:]...)...)
	}
	plus := func(l ...string) string {
		return lines(append(append([]string(nil), good...), l...)...)
	}
	for _, x := range []struct {
		name string
		head string
		want int // 0 means any refusal
	}{
		{"good", lines(good...), 101},
		{"lower case names", strings.NewReplacer("Host", "host", "Upgrade:", "upgrade:",
			"Connection", "connection", "Sec-WebSocket", "sec-websocket").Replace(lines(good...)),
			101},
		{"token lists", with(3, "Connection: keep-alive, Upgrade"), 101},
		{"upper case tokens", with(2, "Upgrade: WebSocket"), 101},
		{"no spaces", with(2, "Upgrade:websocket"), 101},
		{"trailing spaces", with(2, "Upgrade: websocket  \t"), 101},
		{"target", with(0, "GET /chat?room=1&x=%20 HTTP/1.1"), 101},
		{"unknown fields", plus("X-One: 1", "X-One: 2"), 101},
		{"no upgrade", without(2), 426},
		{"plain GET", lines("GET / HTTP/1.1", "Host: localhost"), 426},
		{"no host", without(1), 400},
		{"no connection", without(3), 0},
		{"no key", without(4), 400},
		{"no version", without(5), 0},
		{"version 8", with(5, "Sec-WebSocket-Version: 8"), 426},
		{"version 14", with(5, "Sec-WebSocket-Version: 14"), 426},
		{"version twice", plus("Sec-WebSocket-Version: 13"), 400},
		{"short key", with(4, "Sec-WebSocket-Key: dGhlIHNhbXBsZQ=="), 400},
		{"long key", with(4, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZWRkZA=="), 400},
		{"key not base64", with(4, "Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!=="), 400},
		{"two keys", plus(key), 400},
		{"two hosts", plus("Host: localhost"), 400},
		{"upgrade to h2c", with(2, "Upgrade: h2c"), 426},
		{"POST", with(0, "POST / HTTP/1.1"), 0},
		{"HEAD", with(0, "HEAD / HTTP/1.1"), 0},
		{"HTTP/1.0", with(0, "GET / HTTP/1.0"), 0},
		{"HTTP/2.0", with(0, "GET / HTTP/2.0"), 0},
		{"no protocol", with(0, "GET /"), 400},
		{"two spaces", with(0, "GET  / HTTP/1.1"), 400},
		{"no slash", with(0, "GET chat HTTP/1.1"), 400},
		{"NUL in the target", with(0, "GET /\x00 HTTP/1.1"), 400},
		{"control in the target", with(0, "GET /\x7f HTTP/1.1"), 400},
		{"body", plus("Content-Length: 5"), 400},
		{"chunked", plus("Transfer-Encoding: chunked"), 400},
		{"folded line", plus("X-A: 1", " folded"), 400},
		{"space before colon", plus("X-A : 1"), 400},
		{"no colon", plus("XA"), 400},
		{"empty name", plus(": x"), 400},
		{"NUL in a value", plus("X-A: \x00"), 400},
		{"CR in a value", plus("X-A: a\rb"), 400},
		{"name with a bracket", plus("X(A: 1"), 400},
		{"two origins", plus("Origin: http://localhost", "Origin: http://evil.example"), 0},
		{"foreign origin", plus("Origin: http://evil.example"), 403},
		{"null origin", plus("Origin: null"), 403},
		{"same origin", plus("Origin: http://localhost"), 101},
		{"origin with a prefix", plus("Origin: http://localhost.evil.example"), 403},
		{"101 lines",
			plus(strings.Split(strings.TrimSuffix(strings.Repeat("X-A: 1\n", 96), "\n"), "\n")...),
			431},
		{"long line", plus("X-A: " + strings.Repeat("a", 5<<10)), 101},
		{"head over 16 KiB", plus("X-A: "+strings.Repeat("a", 6<<10),
			"X-B: "+strings.Repeat("b", 6<<10), "X-C: "+strings.Repeat("c", 6<<10)), 431},
		{"absolute form", with(0, "GET http://localhost/ HTTP/1.1"), 101},
		{"absolute form, a foreign page", strings.Replace(plus("Origin: http://evil.example"),
			"GET /", "GET http://localhost/", 1), 403},
		{"malformed extensions", plus("Sec-WebSocket-Extensions: permessage-deflate; =1"), 400},
		{"spaces in lists", plus("Sec-WebSocket-Extensions: "+strings.Repeat(" ,", 1500),
			"Sec-WebSocket-Protocol: a"+strings.Repeat(" ", 3000)+"b"), -1},
	} {
		for _, p := range []pieces{whole, bytewise} {
			t.Run(x.name+"/"+p.String(), func(t *testing.T) {
				status, _ := answer(t, x.head, p)
				switch {
				case x.want < 0: // any answer, but there must be one
				case x.want == 0 && status >= 400 && status < 600:
				case status != x.want:
					t.Errorf("status %d, want %d", status, x.want)
				}
			})
		}
		check()
	}
	t.Run("bare LF", func(t *testing.T) {
		nc := dialTCP(t)
		defer nc.Close()
		io.WriteString(nc, strings.ReplaceAll(lines(good...), "\r\n", "\n")+"\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
		if err == nil && resp.StatusCode == 101 {
			t.Error("a head with bare LF was accepted")
		}
	})
}

// A browser or curl that asks for a page learns what is here.
func TestHelpfulRefusal(t *testing.T) {
	status, resp := answer(t, lines("GET / HTTP/1.1", "Host: localhost"), whole)
	if status != 426 {
		t.Fatal(status)
	}
	body, _ := io.ReadAll(resp.Body)
	if !strings.EqualFold(resp.Header.Get("Upgrade"), "websocket") ||
		!strings.Contains(strings.ToLower(string(body)), "websocket") {
		t.Errorf("Upgrade: %q, body %q", resp.Header.Get("Upgrade"), body)
	}
	_, resp = answer(t, strings.Replace(request(newKey(), ""), "Version: 13", "Version: 12", 1),
		whole)
	if resp == nil || resp.Header.Get("Sec-WebSocket-Version") != "13" {
		t.Error("a wrong version is not answered with the right one (RFC 6455 section 4.4)")
	}
}

// Frames after the request in the same write are not lost, wherever it is cut.
func TestPipelinedFrames(t *testing.T) {
	key := newKey()
	wire := append([]byte(request(key, "")), join(ping("p"), fr(opText, []byte("pipe")),
		fr(finBit|opCont, []byte("lined")), text("second"), closeFrame(1000))...)
	for cut := 0; cut < len(wire); cut += 1 + cut%3 {
		nc := dialTCP(t)
		nc.Write(wire[:cut])
		if cut > 0 && cut%2 == 0 {
			// The pause lets the first part arrive alone. The result is the same without it.
			time.Sleep(time.Millisecond)
		}
		nc.Write(wire[cut:])
		c, err := readUpgrade(nc, key)
		if err != nil {
			t.Fatal(cut, err)
		}
		for _, want := range []string{"p", "pipelined", "second"} {
			if g, err := c.message(); err != nil || string(g.payload) != want {
				t.Fatal(cut, g, err)
			}
		}
		if err := c.expectClose(1000); err != nil {
			t.Fatal(cut, err)
		}
		c.close()
	}
}

// Heads that come too slowly, or stop, are cut off. Nobody else waits for them.
func TestSlowHeads(t *testing.T) {
	inside(t)
	e, err := start(websocket.Options{HandshakeTimeout: 500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer e.r.Close()
	good := upgradeAddr(t, e.addr, "")
	defer good.close()
	head := request(newKey(), "")
	done := make(chan error)
	const n = 100
	for i := range n {
		nc := dialAddr(t, e.addr)
		go func() {
			defer nc.Close()
			stop := make(chan struct{})
			go func() { // sends a byte now and then, without end
				io.WriteString(nc, head[:i%len(head)])
				for j := i % len(head); j < len(head)-1; j++ {
					select {
					case <-stop:
						return
					case <-time.After(20 * time.Millisecond):
						if _, err := io.WriteString(nc, head[j:j+1]); err != nil {
							return
						}
					}
				}
			}()
			resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
			close(stop)
			switch {
			case err == nil && resp.StatusCode != 408:
				done <- fmt.Errorf("status %d", resp.StatusCode)
			case err != nil && !ended(err):
				done <- err
			default:
				done <- nil
			}
		}()
	}
	for i := range n {
		if err := good.echo(fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if !settles(func() bool { return e.r.Stats().Open == 1 }) {
		t.Errorf("%d connections are open, want the good one", e.r.Stats().Open)
	}
}
