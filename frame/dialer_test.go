package frame

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/gobwas/ws"
)

// answering is a NetDial whose server reads a request and answers with text, in which KEY stands
// for the right Sec-WebSocket-Accept.
func answering(text string, request *string) func(context.Context) (net.Conn, error) {
	return func(context.Context) (net.Conn, error) {
		here, there := net.Pipe()
		go func() {
			defer there.Close()
			there.SetDeadline(time.Now().Add(20 * time.Second))
			head, _, err := ReadHead(there)
			if err != nil {
				return
			}
			if request != nil {
				*request = string(head)
			}
			_, key, _ := strings.Cut(string(head), "Sec-WebSocket-Key: ")
			key, _, _ = strings.Cut(key, "\r\n")
			accept := acceptKey(key)
			io.WriteString(there, strings.ReplaceAll(text, "KEY", string(accept[:])))
		}()
		return here, nil
	}
}

const rightAnswer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n" +
	"Connection: Upgrade\r\nSec-WebSocket-Accept: KEY\r\n"

func TestDialer(t *testing.T) {
	var request string
	d := Dialer{
		NetDial: answering(rightAnswer+"Sec-WebSocket-Protocol: b\r\n\r\nrest", &request),
		Host:    "example.org:8080", Target: "/game?x=%20y", Protocols: "a, b",
		Header: "Origin: https://example.org\r\nX-Mine: 1\r\n",
	}
	c, err := d.Dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Conn.Close()
	if string(c.Response.Protocol) != "b" || string(c.Rest) != "rest" || c.Conn != c.Transport {
		t.Errorf("%+v", c)
	}
	r, err := ParseRequest([]byte(request))
	if err != nil {
		t.Fatalf("%v: %q", err, request)
	}
	if string(r.Host) != d.Host || string(r.Path)+"?"+string(r.RawQuery) != d.Target ||
		string(r.Origin) != "https://example.org" || !strings.Contains(request, "X-Mine: 1\r\n") {
		t.Errorf("%q", request)
	}
}

// The Dialer of gobwas/ws alone takes the first answers, and refuses the last one. Ours keeps the
// checks of ParseResponse.
func TestDialerIsAsStrictAsParseResponse(t *testing.T) {
	long := strings.Repeat("X-Long: "+strings.Repeat("x", 1000)+"\r\n", 40)
	for _, c := range []struct {
		name, answer string
		theirs, ours bool
	}{
		{"right", rightAnswer + "\r\n", true, true},
		{"two accepts", rightAnswer + "Sec-WebSocket-Accept: KEY\r\n\r\n", true, false},
		{"a head without end", rightAnswer + long + "\r\n", true, false},
		{"not 101", "HTTP/1.1 200 OK\r\n\r\n", false, false},
		{"wrong key", strings.Replace(rightAnswer, "KEY", "AAAA", 1) + "\r\n", false, false},
		{"unasked protocol", rightAnswer + "Sec-WebSocket-Protocol: c\r\n\r\n", false, false},
		{"cut", rightAnswer, false, false},
		{"nothing", "", false, false},
		{"two tokens", strings.Replace(rightAnswer, "Connection: Upgrade",
			"Connection: keep-alive, Upgrade", 1) + "\r\n", false, true},
	} {
		d := Dialer{NetDial: answering(c.answer, nil), Host: "h", Target: "/", Protocols: "a"}
		got, err := d.Dial(context.Background())
		if (err == nil) != c.ours {
			t.Errorf("%s: %v", c.name, err)
		}
		if err == nil {
			got.Conn.Close()
		} else if h, e := new(HandshakeError), new(DialError); !errors.As(err, &h) &&
			!errors.As(err, &e) {
			t.Errorf("%s: an error of another kind: %v", c.name, err)
		}
		nc, _ := answering(c.answer, nil)(context.Background())
		with := ws.Dialer{Protocols: []string{"a"}}
		if _, _, err := with.Upgrade(nc, &url.URL{Host: "h", Path: "/"}); (err == nil) != c.theirs {
			t.Errorf("%s: gobwas/ws says %v", c.name, err)
		}
		nc.Close()
	}
}

func TestDialerErrors(t *testing.T) {
	refused := errors.New("refused")
	d := Dialer{Host: "h", Target: "/", NetDial: func(context.Context) (net.Conn, error) {
		return nil, refused
	}}
	if _, err := d.Dial(context.Background()); err != refused {
		t.Errorf("%v instead of NetDial's own error", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	here, there := net.Pipe()
	defer there.Close()
	go func() {
		ReadHead(there) // and never answer
		cancel()
	}()
	d.NetDial = func(context.Context) (net.Conn, error) { return here, nil }
	if _, err := d.Dial(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v after the context's end", err)
	}
	if _, err := here.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the transport is still open: %v", err)
	}
}

// A head may come in any parts, and what is behind it is not lost.
func TestReadHead(t *testing.T) {
	const line, end = "HTTP/1.1 101 Switching Protocols\r\nX: ", "\r\n\r\n"
	for _, n := range []int{len(line+end) + 1, 1023, 1024, 1025, 5000, MaxHeadBytes} {
		text := line + strings.Repeat("x", n-len(line+end)) + end
		for _, one := range []bool{false, true} {
			var r io.Reader = strings.NewReader(text + "rest")
			if one {
				r = iotest.OneByteReader(r)
			}
			head, rest, err := ReadHead(r)
			if err != nil || string(head) != text {
				t.Fatalf("%d bytes: %v, %d bytes", n, err, len(head))
			}
			if all, _ := io.ReadAll(r); string(rest)+string(all) != "rest" {
				t.Errorf("%d bytes: behind the head %q and %q", n, rest, all)
			}
		}
	}
	long := line + strings.Repeat("x", 4*MaxHeadBytes)
	if _, _, err := ReadHead(strings.NewReader(long)); err == nil {
		t.Error("a head without an end was read")
	}
	if _, _, err := ReadHead(strings.NewReader(line)); err != io.EOF {
		t.Errorf("the end of the stream: %v", err)
	}
}
