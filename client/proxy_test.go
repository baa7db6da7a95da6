//go:build !js

package client

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// startProxy opens tunnels to the server for the user "u:p", whatever host they ask for, and
// notes what they ask for.
func startProxy(t *testing.T, server string) (proxy *url.URL, asked <-chan string) {
	ch := make(chan string, 10)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Header.Get("Proxy-Authorization") != "Basic dTpw" {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		ch <- r.Host
		far, err := net.Dial("tcp", server)
		if err != nil {
			t.Error(err)
			return
		}
		defer far.Close()
		near, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer near.Close()
		io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { io.Copy(far, near); far.Close() }()
		io.Copy(near, far)
	}))
	t.Cleanup(s.Close)
	proxy, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy.User = url.UserPassword("u", "p")
	return proxy, ch
}

func TestProxy(t *testing.T) {
	v := startServer(t, smartsocket.Options{}, echoes)
	proxy, asked := startProxy(t, v.Addr().String())
	for rawURL, want := range map[string]string{
		"ws://game.example/":        "http://game.example",
		"wss://game.example/a?b=c":  "https://game.example",
		"ws://game.example:8080/ns": "http://game.example:8080",
	} {
		var got string
		c := newClient(t, rawURL, Options{Proxy: func(u *url.URL) (*url.URL, error) {
			got = u.String()
			return nil, errors.New("none today")
		}})
		if err := c.Connect(testContext(t)); !errors.Is(err, message.ErrRefused) || got != want {
			t.Errorf("%s: asked for %s, want %s; %v", rawURL, got, want, err)
		}
	}
	through := Options{Proxy: func(*url.URL) (*url.URL, error) { return proxy, nil }}
	c := connect(t, newClient(t, "ws://game.example", through))
	if n, err := Request[int](testContext(t), c, "echo", 7); n != 7 {
		t.Errorf("through the proxy: %v", err)
	}
	if host := take(t, asked, "the tunnel"); host != "game.example:80" {
		t.Errorf("a tunnel to %s", host)
	}
	c.Disconnect()

	stranger := *proxy
	stranger.User = url.UserPassword("u", "secret")
	socks := url.URL{Scheme: "socks5", Host: proxy.Host}
	silent := url.URL{Scheme: "http", Host: "127.0.0.1:1"}
	for name, p := range map[string]*url.URL{
		"407": &stranger, "scheme": &socks, "absent": &silent,
	} {
		c := newClient(t, "ws://game.example", Options{
			Proxy: func(*url.URL) (*url.URL, error) { return p, nil },
		})
		err := c.Connect(testContext(t))
		if !errors.Is(err, message.ErrRefused) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBadProxies answer CONNECT with something that is no tunnel.
func TestBadProxies(t *testing.T) {
	for name, answer := range map[string]string{
		"no HTTP":   "SSH-2.0-x-and-some-more\r\n\r\n",
		"short":     "HTTP\r\n\r\n",
		"nothing":   "",
		"403":       "HTTP/1.1 403 Forbidden\r\n\r\n",
		"too early": "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101 Switching Protocols\r\n\r\n",
	} {
		proxy := fakeServer(t, func(_ int, nc net.Conn) {
			frame.ReadHead(nc)
			io.WriteString(nc, answer)
		})
		u, _ := url.Parse(strings.Replace(proxy, "ws:", "http:", 1))
		c := newClient(t, "ws://game.example", Options{
			Proxy: func(*url.URL) (*url.URL, error) { return u, nil },
		})
		if err := c.Connect(testContext(t)); !errors.Is(err, message.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestProxyFromEnvironment runs itself again, because net/http reads the environment once.
func TestProxyFromEnvironment(t *testing.T) {
	if host := os.Getenv("TEST_PROXIED_HOST"); host != "" {
		c := connect(t, newClient(t, "ws://"+host, Options{}))
		if n, err := Request[int](testContext(t), c, "echo", 7); n != 7 {
			t.Errorf("through the proxy: %v", err)
		}
		return
	}
	v := startServer(t, smartsocket.Options{}, echoes)
	proxy, asked := startProxy(t, v.Addr().String())
	cmd := exec.Command(os.Args[0], "-test.run=^TestProxyFromEnvironment$")
	cmd.Env = append(os.Environ(), "TEST_PROXIED_HOST=game.example", "NO_PROXY=", "no_proxy=",
		"HTTP_PROXY="+proxy.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if host := take(t, asked, "the tunnel"); host != "game.example:80" {
		t.Errorf("a tunnel to %s", host)
	}
}

// TestDial connects to a host that only the application's dialer knows, without a proxy.
func TestDial(t *testing.T) {
	v := startServer(t, smartsocket.Options{}, echoes)
	dialed := make(chan string, 1)
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		dialed <- network + " " + addr
		return new(net.Dialer).DialContext(ctx, network, v.Addr().String())
	}
	c := connect(t, newClient(t, "ws://[2001:db8::1]", Options{Dial: dial}))
	if addr := take(t, dialed, "the dial"); addr != "tcp [2001:db8::1]:80" {
		t.Errorf("dialed %s", addr)
	}
	big := strings.Repeat("x", 1_000_000)
	if s, err := Request[string](testContext(t), c, "echo", big); err != nil || s != big {
		t.Errorf("%d bytes came back, %v", len(s), err)
	}
	broken := errors.New("no route")
	c = newClient(t, "ws://game.example", Options{
		Dial: func(context.Context, string, string) (net.Conn, error) { return nil, broken },
	})
	if err := c.Connect(testContext(t)); !errors.Is(err, broken) {
		t.Errorf("Connect: %v", err)
	}
}

// TestHeader sends lines with the upgrade, as they were when New was called.
func TestHeader(t *testing.T) {
	heads := make(chan string, 1)
	url := fakeServer(t, func(_ int, nc net.Conn) {
		head, _, _ := frame.ReadHead(nc)
		heads <- string(head)
	})
	header := http.Header{"X-Shard": {"7", "8"}, "Cookie": {"a=b"}}
	c := newClient(t, url, Options{Header: header})
	header.Set("Cookie", "late")
	header["X-Shard"][0] = "late"
	c.Connect(testContext(t))
	lines := strings.Split(take(t, heads, "the request"), "\r\n")
	at := slices.Index(lines, "Cookie: a=b")
	want := []string{"Cookie: a=b", "X-Shard: 7", "X-Shard: 8"}
	if at < 0 || !slices.Equal(lines[at:at+3], want) {
		t.Errorf("the request is %q", lines)
	}
	for name, value := range map[string]string{
		"": "x", "a b": "x", "a:": "x", "é": "x", "Host": "x", "uPGRADE": "x", "Origin": "x",
		"Sec-WebSocket-Key": "x", "Transfer-Encoding": "x", "A": "x\r\nB: y",
	} {
		_, err := New(url, Options{Header: map[string][]string{name: {value}}})
		if e := (*OptionError)(nil); !errors.As(err, &e) || e.Field != "Header" {
			t.Errorf("%q: %v", name, err)
		}
	}
}
