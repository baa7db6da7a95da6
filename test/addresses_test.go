package test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
)

// startOn starts a server that listens where its options say.
func startOn(t *testing.T, o Options) *Server {
	t.Helper()
	o.Logger = testLogger(t)
	v, err := smartsocket.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

// statusWith upgrades over nc with more header lines and returns the status. The connection stays.
func statusWith(t *testing.T, nc net.Conn, header string) int {
	t.Helper()
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(patience))
	nc.Write(frame.AppendRequest(nil, "localhost", "/", frame.NewKey(), "", "", "", header))
	return statusOf(nc)
}

// A proxy on a Unix socket is believed when it is trusted, whether the server listens itself or
// net/http does.
func TestProxyOnAUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ws")
	o := Options{MaxConnectionsPerAddress: 2, TrustedProxies: []string{"unix"}}
	o.Host = "unix:" + path
	own := startOn(t, o)
	if got := own.Addr().String(); got != path {
		t.Errorf("address %s", got)
	}
	mounted := startServer(t, Options{
		MaxConnectionsPerAddress: 2, TrustedProxies: []string{"unix"},
	}, nil)
	other := filepath.Join(t.TempDir(), "http")
	l, err := net.Listen("unix", other)
	if err != nil {
		t.Fatal(err)
	}
	front := &http.Server{Handler: mounted}
	go front.Serve(l)
	t.Cleanup(func() { front.Close() })
	for _, at := range []string{path, other} {
		for i, want := range []int{101, 101, 101, 101, 101, 503} {
			nc, err := net.Dial("unix", at)
			if err != nil {
				t.Fatal(err)
			}
			from := []string{"203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.4",
				"203.0.113.1:99", "203.0.113.1"}[i]
			if got := statusWith(t, nc, "X-Forwarded-For: "+from+"\r\n"); got != want {
				t.Errorf("%s for %s: HTTP %d, want %d", at, from, got, want)
			}
		}
	}
}

// What a proxy wrote and cannot be read is told, and is nobody's fault but that client's: wrong
// keys of one stranger throttle neither the proxy nor its other clients.
func TestUnreadableForwardedFor(t *testing.T) {
	var log logBuffer
	v := startServer(t, Options{
		TrustedProxies: []string{"127.0.0.0/8"}, Logger: log.warnings(),
		MaxConnectionsPerAddress: 2,
	}, nil)
	ask := func(forwarded string) int {
		header := ""
		if forwarded != "" {
			header = "X-Forwarded-For: " + forwarded + "\r\n"
		}
		nc, err := net.Dial("tcp", v.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return statusWith(t, nc, header)
	}
	for _, step := range []struct {
		forwarded string
		want      int
	}{
		{"who?", 101}, {"203.0.113.7:http", 101}, {"_hidden", 503}, // one limit for all of them
		{"203.0.113.7", 101}, {"", 101}, {"", 101},
	} {
		if got := ask(step.forwarded); got != step.want {
			t.Errorf("%q: HTTP %d, want %d", step.forwarded, got, step.want)
		}
	}
	v.Close()
	for _, part := range []string{
		"unreadableAddress", `forwarded="X-Forwarded-For: who?"`, "peer=127.0.0.1", "fix=",
	} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("the log lacks %s: %s", part, log.String())
		}
	}
}

// The PROXY protocol's address is the client's everywhere: for the limits and for the application.
func TestProxyProtocolAddress(t *testing.T) {
	got := make(chan string, 8)
	v := startServer(t, Options{
		TrustedProxies: []string{"127.0.0.1"}, ProxyProtocol: true, MaxConnectionsPerAddress: 1,
	}, func(v *Server) {
		v.OnConnected(func(s *Socket) { got <- s.RemoteAddr().String() })
	})
	ask := func(from, address string) int {
		nc := dialFrom(t, v, from, "")
		if address != "" {
			fmt.Fprintf(nc, "PROXY TCP4 %s 10.0.0.1 4711 443\r\n", address)
		}
		return statusWith(t, nc, "")
	}
	if code := ask("127.0.0.1", "203.0.113.7"); code != 101 {
		t.Fatalf("HTTP %d", code)
	}
	if a := <-got; a != "203.0.113.7:4711" {
		t.Errorf("the handler was told %s", a)
	}
	for _, c := range []struct {
		from, address string
		want          int
	}{
		{"127.0.0.1", "203.0.113.7", 503}, {"127.0.0.1", "203.0.113.8", 101},
		{"127.0.0.1", "", 400}, // the proxy must send it
		{"127.0.0.2", "203.0.113.9", 400}, {"127.0.0.3", "", 101},
	} {
		if code := ask(c.from, c.address); code != c.want {
			t.Errorf("%+v: HTTP %d", c, code)
		}
	}
	if n := v.ConnectionStats().Refusals["proxyProtocol"]; n != 2 {
		t.Errorf("%d refusals were counted", n)
	}
}

// counted wraps a listener's connections, as those that limit or trace them do.
type counted struct {
	net.Listener
	closed chan struct{}
}

type countedConn struct {
	net.Conn
	done func()
}

func (c *counted) Accept() (net.Conn, error) {
	nc, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &countedConn{nc, func() { c.closed <- struct{}{} }}, nil
}

func (c *countedConn) Close() error {
	err := c.Conn.Close()
	if err == nil {
		c.done()
	}
	return err
}

// Serve takes any listener, and says when it ends.
func TestServeOfAListener(t *testing.T) {
	for _, wrapped := range []bool{false, true} {
		var log logBuffer
		logger := slog.New(smartsocket.NewLogHandler(&log, slog.LevelInfo))
		v, err := smartsocket.New(Options{Logger: logger})
		if err != nil {
			t.Fatal(err)
		}
		v.On("echo", echo)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr, served := l.Addr().String(), make(chan error, 1)
		closed := make(chan struct{}, 1)
		if wrapped {
			go func() { served <- v.Serve(&counted{l, closed}) }()
		} else if err := v.Serve(l); err != nil {
			t.Fatal(err)
		}
		w := dialWireAt(t, addr, "/", "")
		w.send(frame.Text, []byte(`{"event":"echo","data":1,"ack":7}`))
		if _, p := w.next(); !strings.Contains(string(p), `"echo"`) {
			t.Errorf("%q", p)
		}
		if !strings.Contains(log.String(), "listening on "+addr) {
			t.Errorf("the log does not say where it listens: %q", log.String())
		}
		w.nc.Close()
		if wrapped {
			<-closed
		}
		v.Close()
		if wrapped {
			if err := <-served; !errors.Is(err, smartsocket.ErrClosed) {
				t.Errorf("Serve returned %v", err)
			}
		}
		if err := v.Serve(l); !errors.Is(err, smartsocket.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
}

// What the check of the options lets pass can be listened on, and what cannot is named by it.
func TestHostOptions(t *testing.T) {
	for host, ok := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "::": true, "[::]": true, "::1": true, "[::1]": true,
		"0.0.0.0": true, "unix:" + filepath.Join(t.TempDir(), "s"): true,
		"[::": false, "[localhost]": false, "[127.0.0.1]": false, "localhost:3000": false,
		"a/b": false, "unix:": false, "http://localhost": false,
		"unix:" + strings.Repeat("x", 200): false,
	} {
		v, err := smartsocket.New(Options{Host: host, Port: -1, Logger: testLogger(t)})
		var e *smartsocket.OptionError
		if !ok {
			if !errors.As(err, &e) || e.Field != "Host" {
				t.Errorf("%s: %v", host, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", host, err)
			continue
		}
		if err := v.Start(); err != nil && !strings.Contains(err.Error(), "address family") &&
			!strings.Contains(err.Error(), "cannot assign") {
			t.Errorf("%s: Start: %v", host, err)
		}
		v.Close()
	}
}

// Origins and hosts that match nothing are an error at the start.
func TestOriginOptions(t *testing.T) {
	for _, c := range []struct {
		o     Options
		field string
	}{
		{Options{AllowedOrigins: []string{"https://*.shop.example", "null", "*"}}, ""},
		{Options{AllowedHosts: []string{"*.shop.example", "a:80"}}, ""},
		{Options{AllowedOrigins: []string{"https://shop.*"}}, "AllowedOrigins"},
		{Options{AllowedOrigins: []string{"https://a.*.example"}}, "AllowedOrigins"},
		{Options{AllowedHosts: []string{"https://a"}}, "AllowedHosts"},
		{Options{ProxyProtocol: true}, "ProxyProtocol"},
		{Options{FailureLimit: -2}, "FailureLimit"},
		{Options{HealthPath: "/up", ReadyPath: "/up"}, "ReadyPath"},
		{Options{HealthPath: "off", ReadyPath: "off"}, ""},
		{Options{ReadyPath: "/up?x"}, "ReadyPath"},
		{Options{MaxHeaderLines: -1}, "MaxHeaderLines"},
		{Options{MaxHeaderLineBytes: -1}, "MaxHeaderLineBytes"},
		{Options{MaxUnauthenticatedPerAddress: -2}, "MaxUnauthenticatedPerAddress"},
	} {
		_, err := smartsocket.New(c.o)
		var e *smartsocket.OptionError
		if errors.As(err, &e) != (c.field != "") || e != nil && e.Field != c.field {
			t.Errorf("%+v: %v", c.field, err)
		}
	}
	v := startServer(t, Options{AllowedOrigins: []string{"https://*.shop.example", "null"}}, nil)
	for origin, want := range map[string]int{
		"https://a.shop.example": 101, "null": 101, "https://shop.example": 403,
	} {
		nc := dialRaw(t, v, "")
		if got := statusWith(t, nc, "Origin: "+origin+"\r\n"); got != want {
			t.Errorf("%s: HTTP %d", origin, got)
		}
	}
}

// The limits of the request head are options.
func TestHeaderOptions(t *testing.T) {
	v := startServer(t, Options{
		MaxHeaderBytes: 2000, MaxHeaderLineBytes: 900, MaxHeaderLines: 10,
	}, nil)
	wide := startServer(t, Options{}, nil)
	for _, c := range []struct {
		header string
		named  string
	}{
		{"X: " + strings.Repeat("y", 800) + "\r\n", ""},
		{"X: " + strings.Repeat("y", 900) + "\r\n", "maxHeaderLineBytes"},
		{strings.Repeat("X: y\r\n", 20), "maxHeaderLines"},
		{strings.Repeat("X: "+strings.Repeat("y", 850)+"\r\n", 3), "maxHeaderBytes"},
	} {
		for _, v := range []*Server{v, wide} {
			nc := dialRaw(t, v, string(frame.AppendRequest(nil, "h", "/", frame.NewKey(), "", "",
				"", c.header)))
			r, err := http.ReadResponse(bufio.NewReader(nc), nil)
			if err != nil {
				t.Fatal(err)
			}
			if v == wide || c.named == "" {
				if r.StatusCode != 101 {
					t.Errorf("%.20s: %s", c.header, r.Status)
				}
				continue
			}
			body, _ := io.ReadAll(r.Body)
			if r.StatusCode != 431 || !strings.Contains(string(body), c.named) {
				t.Errorf("%.20s: %s %q, want %s", c.header, r.Status, body, c.named)
			}
		}
	}
}
