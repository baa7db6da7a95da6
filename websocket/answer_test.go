package websocket

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/frame"
)

// health is an Options.Answer.
func health(path string) (a frame.Answer, ok bool) {
	switch path {
	case "/healthz":
		return frame.Answer{Status: 200, Body: []byte("ok\n")}, true
	case "/readyz":
		return frame.Answer{Status: 503, Type: "application/json", Body: []byte(`{"ready":false}`),
			RetryAfter: 7}, true
	}
	return frame.Answer{}, false
}

// Plain requests are answered on the service port, whole or byte by byte, and over net/http.
func TestAnswer(t *testing.T) {
	r := newReactor(t)
	s := NewServer(r, Options{Answer: health}, Echo)
	if err := s.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	hs := httptest.NewServer(s)
	defer hs.Close()
	for _, addr := range []string{s.Addr().String(), hs.Listener.Addr().String()} {
		for _, c := range []struct {
			method, target, version string
			status                  int
			body                    string
		}{
			{"GET", "/healthz", "1.1", 200, "ok\n"},
			{"HEAD", "/healthz", "1.1", 200, ""},
			{"GET", "/healthz", "1.0", 200, "ok\n"},
			{"HEAD", "/healthz", "1.0", 200, ""},
			{"GET", "/healthz?x=1", "1.1", 200, "ok\n"},
			{"GET", "http://h/healthz", "1.1", 200, "ok\n"},
			{"GET", "/readyz", "1.1", 503, `{"ready":false}`},
			{"POST", "/healthz", "1.1", 426, "-"},
			{"HEAD", "/other", "1.1", 426, ""},
			{"GET", "/other", "1.1", 426, "-"},
			{"GET", "/", "1.0", 505, "-"},
		} {
			nc := tcp(t, addr)
			request := c.method + " " + c.target + " HTTP/" + c.version + "\r\n\r\n"
			if c.version != "1.0" { // which need not name the host
				request = strings.TrimSuffix(request, "\r\n") + "Host: h\r\n\r\n"
			}
			go io.WriteString(dribble{nc}, request)
			resp, err := http.ReadResponse(bufio.NewReader(nc), &http.Request{Method: c.method})
			if err != nil {
				t.Fatalf("%s: %v", request, err)
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != c.status || resp.Header.Get("Date") == "" ||
				c.body != "-" && string(body) != c.body ||
				(resp.Header.Get("Retry-After") == "7") != (c.target == "/readyz") {
				t.Errorf("%q: %s %q %v %v", request, resp.Status, body, resp.Header, err)
			}
			nc.Close()
		}
	}
	p := connect(t, s.Addr().String(), "") // the upgrade is not touched
	p.Close()
	n := s.Refusals()
	if n[frame.CauseMethod] != 0 || n[frame.CauseUpgrade] != 6 || n[frame.CauseVersion] != 2 {
		t.Errorf("refusals: %v", n)
	}
}

// Each refusal is counted by its cause, and told with what is known of the request.
func TestRefusalsAreCounted(t *testing.T) {
	r := newReactor(t)
	told := make(chan Refusal, 16)
	s := NewServer(r, Options{Refused: func(r Refusal) { told <- r }},
		func(req *frame.Request, c *Conn) (Handler, string, error) {
			if string(req.Path) == "/full" {
				return nil, "", &frame.HandshakeError{Status: 503, Cause: frame.CauseConnections,
					Reason: "full", RetryAfter: 42}
			}
			if string(req.Path) == "/busy" {
				return nil, "", &frame.HandshakeError{Status: 503, Cause: frame.CauseNewcomers}
			}
			return nil, "", errors.New("boom")
		})
	if err := s.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	addr := s.Addr().String()
	upgrade := string(upgradeRequest(addr, ""))
	foreign := string(upgradeRequest(addr, "Origin: http://evil.example\r\n"+
		"X-Forwarded-For: 1.2.3.4\r\n"))
	rebound := string(upgradeRequest("evil.example", "Origin: http://evil.example\r\n"))
	rebound = strings.Replace(rebound, "GET / ", "GET /x ", 1)
	for _, c := range []struct {
		request string
		cause   frame.Cause
		retry   string
	}{
		{strings.Replace(upgrade, "GET / ", "GET /full ", 1), frame.CauseConnections, "42"},
		{strings.Replace(upgrade, "GET / ", "GET /busy ", 1), frame.CauseNewcomers, "2"},
		{upgrade, frame.CauseOther, ""},
		{foreign, frame.CauseOrigin, ""},
		{rebound, frame.CauseHost, ""},
		{"GET / HTTP/1.1\r\nHost: h\r\n\r\n", frame.CauseUpgrade, ""},
		{"nonsense\r\n\r\n", frame.CauseRequest, ""},
		{"GET / HTTP/1.1\r\nX: " + strings.Repeat("y", 17000), frame.CauseHeaders, ""},
	} {
		nc := tcp(t, addr)
		go io.WriteString(nc, c.request)
		resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
		if err != nil {
			t.Fatalf("%v: %v", c.cause, err)
		}
		got := wait(t, told)
		if got.Cause != c.cause || got.Status != resp.StatusCode || got.Peer == nil ||
			resp.Header.Get("Retry-After") != c.retry {
			t.Errorf("%+v %v, want %v and Retry-After %q", got, resp.Header, c.cause, c.retry)
		}
		switch c.cause {
		case frame.CauseOrigin:
			if got.Origin != "http://evil.example" || got.Host != addr || got.Path != "/" ||
				got.Forwarded != "1.2.3.4" {
				t.Errorf("%+v", got)
			}
		case frame.CauseHost:
			if got.Host != "evil.example" || got.Path != "/x" {
				t.Errorf("%+v", got)
			}
		}
		if s.Refusals()[c.cause] != 1 {
			t.Errorf("%v: counted %v", c.cause, s.Refusals())
		}
		nc.Close()
	}
}

// Arrive is asked before the request and before TLS, and each leave is called once: when the
// connection is upgraded, refused and gone, or gone before.
func TestArrive(t *testing.T) {
	for name, o := range map[string]Options{"plain": {}, "TLS": {TLSConfig: serverTLS(t)}} {
		t.Run(name, func(t *testing.T) {
			r := newReactor(t)
			var places, most atomic.Int32
			left := make(chan struct{}, 16)
			o.Arrive = func(peer net.Addr) (func(), *frame.HandshakeError) {
				if peer.(*net.TCPAddr).Port == 0 {
					t.Error("the peer is not known")
				}
				n := places.Add(1)
				most.Store(max(most.Load(), n))
				leave := func() { places.Add(-1); left <- struct{}{} }
				switch {
				case n > 3:
					places.Add(-1)
					return nil, &frame.HandshakeError{Status: 503, Cause: frame.CausePending}
				case n > 2:
					return leave, &frame.HandshakeError{Status: 503, Cause: frame.CausePending,
						Reason: "too many"}
				}
				return leave, nil
			}
			addr := serve(t, r, o, Echo)
			silent := tcp(t, addr)
			var good *peer
			if o.TLSConfig != nil {
				var status int
				if good, status = upgradeOver(t, secure(tcp(t, addr), 0), addr, ""); status != 101 {
					t.Fatal(status)
				}
			} else {
				good = connect(t, addr, "")
			}
			wait(t, left) // upgraded
			second := tcp(t, addr)
			settle(t, &places, 2)
			third := tcp(t, addr)
			answer, _ := io.ReadAll(third)
			if told := strings.Contains(string(answer), "503 Service Unavailable"); told !=
				(o.TLSConfig == nil) {
				t.Errorf("one too many was answered %q", answer)
			}
			third.Close()
			wait(t, left)
			silent.Close()
			wait(t, left)
			second.Close()
			wait(t, left)
			if n := places.Load(); n != 0 || most.Load() != 3 {
				t.Errorf("%d places are taken, %d at most", n, most.Load())
			}
			good.send(frame.Text, "still here")
			if _, b := good.read(t); string(b) != "still here" {
				t.Errorf("%q", b)
			}
		})
	}
}

// settle waits until n has the value want.
func settle(t *testing.T, n *atomic.Int32, want int32) {
	t.Helper()
	for end := time.Now().Add(hang); n.Load() != want; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d instead of %d", n.Load(), want)
		}
	}
}

// limited is a listener's connection that is more than a descriptor: its bytes are turned.
type limited struct {
	net.Conn
	closed chan struct{}
	once   atomic.Bool
}

func (l *limited) Close() error {
	if l.once.CompareAndSwap(false, true) {
		close(l.closed)
	}
	return l.Conn.Close()
}

func (l *limited) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.IP{203, 0, 113, 7}, Port: 4711}
}

type limitedListener struct {
	net.Listener
	closed chan struct{}
}

func (l *limitedListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &limited{Conn: nc, closed: l.closed}, nil
}

// A connection of somebody's own listener is served, with its address, what was pipelined and its
// Close.
func TestServeHTTPOfWrappedConnections(t *testing.T) {
	r := newReactor(t)
	peers := make(chan string, 1)
	s := NewServer(r, Options{}, func(req *frame.Request, c *Conn) (Handler, string, error) {
		peers <- c.RemoteAddr().String()
		return Echo(req, c)
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	hs := &http.Server{Handler: s}
	go hs.Serve(&limitedListener{ln, closed})
	defer hs.Close()
	addr := ln.Addr().String()
	p := &peer{Conn: tcp(t, addr)}
	p.Write(append(upgradeRequest(addr, ""), masked(frame.Text, "pipelined")...))
	p.br = bufio.NewReader(p)
	if resp, err := http.ReadResponse(p.br, nil); err != nil || resp.StatusCode != 101 {
		t.Fatal(resp, err)
	}
	for _, s := range []string{"pipelined", "behind"} {
		if _, b := p.read(t); string(b) != s {
			t.Errorf("%q, want %q", b, s)
		}
		p.send(frame.Text, "behind")
	}
	if got := wait(t, peers); got != "203.0.113.7:4711" {
		t.Errorf("the peer is %s", got)
	}
	p.Close()
	wait(t, closed)
}
