package websocket

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/reactor"
)

// A refusal of the acceptor reaches the client unchanged, and its OnClose reports it.
func TestRefusals(t *testing.T) {
	for name, x := range map[string]struct {
		accept Acceptor
		status int
	}{
		"as it is": {func(*frame.Request, *Conn) (Handler, string, error) {
			return nil, "", &frame.HandshakeError{Status: 503, Reason: "full"}
		}, 503},
		"wrapped": {func(*frame.Request, *Conn) (Handler, string, error) {
			return nil, "", fmt.Errorf("because: %w",
				&frame.HandshakeError{Status: 401, Reason: "who are you"})
		}, 401},
		"any other": {func(*frame.Request, *Conn) (Handler, string, error) {
			return nil, "", io.ErrShortWrite
		}, 500},
		"panic": {func(*frame.Request, *Conn) (Handler, string, error) { panic("boom") }, 500},
		"protocol not offered": {func(*frame.Request, *Conn) (Handler, string, error) {
			return new(funcs), "other", nil
		}, 500},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReactor(t)
			addr := serve(t, r, Options{}, x.accept)
			h := &funcs{open: func(*Conn) { t.Error("OnOpen ran") }}
			told := h.record()
			dial(t, r, addr, DialOptions{Protocols: "one"}, h)
			c := wait(t, told)
			var he *frame.HandshakeError
			if c.code != frame.CloseAbnormal || !errors.As(c.err, &he) || he.Status != x.status {
				t.Errorf("told %+v", c)
			}
		})
	}
}

func TestRequestReachesAcceptor(t *testing.T) {
	r := newReactor(t)
	got := make(chan string, 1)
	addr := serve(t, r, Options{}, func(req *frame.Request, c *Conn) (Handler, string, error) {
		if s := c.Send(frame.Text, []byte("early")); s != Dropped {
			t.Error("Send before the 101:", s)
		}
		got <- fmt.Sprintf("%s?%s %s %s", req.Path, req.RawQuery, req.Protocols, req.Authorization)
		return new(funcs), "b", nil
	})
	opened := make(chan struct{})
	dial(t, r, addr, DialOptions{Target: "/chat?x=1", Protocols: "a, b",
		Header: "Authorization: Bearer t\r\n"},
		&funcs{open: func(*Conn) { close(opened) }})
	if s := wait(t, got); s != "/chat?x=1 a, b Bearer t" {
		t.Errorf("%q", s)
	}
	wait(t, opened)
}

func TestDialFails(t *testing.T) {
	r := newReactor(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	h := &funcs{open: func(*Conn) { t.Error("OnOpen ran") }}
	told := h.record()
	if err := Dial(context.Background(), r, addr, DialOptions{}, h); err != nil {
		return // refused at once, so no method of h is called
	}
	if c := wait(t, told); c.err == nil || c.code != frame.CloseAbnormal {
		t.Errorf("told %+v", c)
	}
}

// Dial gives up on a server that does not answer or answers nonsense.
func TestBadServers(t *testing.T) {
	for name, answer := range map[string]string{
		"silent":  "",
		"no HTTP": "SSH-2.0-OpenSSH_9.2\r\n\r\n",
		"200":     "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"wrong key": "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: " +
			"Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
		"endless": "HTTP/1.1 101 Switching Protocols\r\n" + strings.Repeat("X-A: b\r\n", 5000),
	} {
		t.Run(name, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			go func() {
				nc, err := ln.Accept()
				if err == nil {
					io.WriteString(nc, answer)
					io.Copy(io.Discard, nc)
					nc.Close()
				}
			}()
			r := newReactor(t)
			h := &funcs{open: func(*Conn) { t.Error("OnOpen ran") }}
			told := h.record()
			dial(t, r, ln.Addr().String(),
				DialOptions{Options: Options{HandshakeTimeout: 200 * time.Millisecond}}, h)
			c := wait(t, told)
			if c.err == nil || (name == "silent") != errors.Is(c.err, ErrHandshakeTimeout) {
				t.Errorf("told %+v", c)
			}
		})
	}
}

// Dial refuses answers that the offer does not allow, and those of HTTP/1.0.
func TestDialIsStrict(t *testing.T) {
	const deflate = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover"
	for _, c := range []struct {
		version, extension string
		ok                 bool
	}{
		{"1.1", "", true},
		{"1.1", deflate, true},
		{"1.1", deflate + " ; client_no_context_takeover", true},
		{"1.1", deflate + "; server_max_window_bits=10", true},
		{"1.0", "", false},
		{"1.1", deflate + "; server_max_window_bits=99", false},
		{"1.1", deflate + "; server_no_context_takeover", false},
		{"1.1", deflate + "=7", false},
		{"1.1", deflate + "; client_max_window_bits=10", false},
		{"1.1", deflate + ", permessage-deflate; unknown", false},
		{"1.1", deflate + "; =", false},
		{"1.1", "Sec-WebSocket-Extensions: permessage-deflate", false},
		{"1.1", "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover", false},
		{"1.1", "Sec-WebSocket-Extensions: permessage-bzip2; server_no_context_takeover", false},
	} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			defer nc.Close()
			buf := make([]byte, 4096)
			n := 0
			for end := 0; end == 0; end, _, _ = frame.ScanHead(buf[:n], 0) {
				m, err := nc.Read(buf[n:])
				if n += m; err != nil {
					return
				}
			}
			req, _ := frame.ParseRequest(buf[:n])
			answer := string(frame.AppendResponse(nil, &req, "", ""))
			answer = strings.Replace(answer, "HTTP/1.1", "HTTP/"+c.version, 1)
			if c.extension != "" {
				answer = strings.TrimSuffix(answer, "\r\n") + c.extension + "\r\n\r\n"
			}
			io.WriteString(nc, answer)
			io.Copy(io.Discard, nc)
		}()
		r := newReactor(t)
		opened := make(chan bool, 1)
		h := &funcs{open: func(c *Conn) { opened <- true; c.Abort(nil) }}
		h.closed = func(*Conn, frame.CloseCode, string, error) {
			select {
			case opened <- false:
			default:
			}
		}
		dial(t, r, ln.Addr().String(), DialOptions{Options: Options{Deflate: true}}, h)
		if got := wait(t, opened); got != c.ok {
			t.Errorf("HTTP/%s %s: opened %v", c.version, c.extension, got)
		}
		ln.Close()
		<-done
	}
}

// A server may have any number of addresses, with TLS and without, until it closes.
func TestAddListener(t *testing.T) {
	r := newReactor(t)
	s := NewServer(r, Options{TLSConfig: serverTLS(t)}, Echo)
	var bound []net.Addr
	for _, at := range []struct {
		network string
		secure  bool
	}{{"tcp", false}, {"tcp", true}, {"unix", false}, {"unix", true}} {
		nl := listenOn(t, at.network)
		bound = append(bound, nl.Addr())
		if err := s.AddListener(nl, at.secure); err != nil {
			t.Fatal(at, err)
		}
		nc, err := net.Dial(at.network, nl.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		origin := "Origin: http://localhost\r\n"
		if at.secure {
			nc, origin = secure(nc, tls.VersionTLS13), "Origin: https://localhost\r\n"
		}
		p, status := upgradeOver(t, nc, "localhost", origin)
		if status != 101 {
			t.Fatalf("%v: status %d", at, status)
		}
		p.send(frame.Text, at.network)
		if _, b := p.read(t); string(b) != at.network {
			t.Errorf("%v: %q", at, b)
		}
		p.Close()
	}
	if s.Addr() != bound[0] {
		t.Errorf("the first address is %v, not %v", s.Addr(), bound[0])
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	for _, addr := range bound {
		if nc, err := net.Dial(addr.Network(), addr.String()); err == nil {
			nc.Close()
			t.Errorf("%v is still listened on", addr)
		}
	}
	nl := listenOn(t, "tcp")
	defer nl.Close()
	if err := s.AddListener(nl, false); !errors.Is(err, net.ErrClosed) {
		t.Error("after Close:", err)
	}
	plain := NewServer(r, Options{}, Echo)
	if err := plain.AddListener(nl, true); !errors.Is(err, ErrNoTLS) {
		t.Error("without a certificate:", err)
	}
	if err := plain.AddListener(wrapping{nl}, false); !errors.Is(err, reactor.ErrNotSupported) {
		t.Error("a wrapped listener:", err)
	}
}

// listenOn listens on a free address.
func listenOn(t *testing.T, network string) net.Listener {
	t.Helper()
	addr := "127.0.0.1:0"
	if network == "unix" {
		addr = filepath.Join(t.TempDir(), "ws")
	}
	nl, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	return nl
}

func TestListenOnce(t *testing.T) {
	r := newReactor(t)
	s := NewServer(r, Options{}, Echo)
	if s.Addr() != nil {
		t.Error("address before Listen")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	if err := s.Listen("tcp", "127.0.0.1:0"); !errors.Is(err, ErrListening) {
		t.Error(err)
	}
	p := connect(t, s.Addr().String(), "")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	p.send(frame.Text, "connections stay")
	if _, b := p.read(t); string(b) != "connections stay" {
		t.Errorf("%q", b)
	}
}

// On the way over net/http, frames after the request are kept, the rules are the same, and refusals
// leave the connection to net/http.
func TestServeHTTP(t *testing.T) {
	r := newReactor(t)
	paths := make(chan string, 1)
	ws := NewServer(r, Options{}, func(req *frame.Request, c *Conn) (Handler, string, error) {
		paths <- string(req.Path)
		return Echo(req, c)
	})
	mux := http.NewServeMux()
	mux.Handle("/ws/", http.StripPrefix("/ws", ws))
	hs := httptest.NewServer(mux)
	defer hs.Close()
	addr := hs.Listener.Addr().String()

	p := &peer{Conn: tcp(t, addr)}
	head := frame.AppendRequest(nil, addr, "/ws/room", frame.NewKey(), "http://"+addr, "", "", "")
	p.Write(append(head, masked(frame.Text, "pipelined")...))
	p.br = bufio.NewReader(p)
	resp, err := http.ReadResponse(p.br, nil)
	if err != nil || resp.StatusCode != 101 {
		t.Fatal(resp, err)
	}
	if s := wait(t, paths); s != "/room" {
		t.Errorf("path %q", s)
	}
	for _, s := range []string{"pipelined", "behind"} {
		if _, b := p.read(t); string(b) != s {
			t.Errorf("%q, want %q", b, s)
		}
		p.send(frame.Text, "behind")
	}
	// A prefix that ends in a slash takes that of the path with it.
	mux.Handle("/slash/", http.StripPrefix("/slash/", ws))
	for target, want := range map[string]string{
		"/slash/": "/", "/slash/room": "/room", "/slash/r%6fom?a=/": "/r%6fom",
	} {
		nc := tcp(t, addr)
		nc.Write(frame.AppendRequest(nil, addr, target, frame.NewKey(), "", "", "", ""))
		resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
		if err != nil || resp.StatusCode != 101 {
			t.Fatal(target, resp, err)
		}
		if s := wait(t, paths); s != want {
			t.Errorf("%s is path %q, want %q", target, s, want)
		}
	}

	resp, err = http.Get(hs.URL + "/ws/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 426 || resp.Header.Get("Upgrade") != "websocket" {
		t.Error(resp.Status, resp.Header)
	}

	nc := tcp(t, addr)
	nc.Write(frame.AppendRequest(nil, addr, "/ws/", frame.NewKey(), "http://evil.example", "", "",
		""))
	resp, err = http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil || resp.StatusCode != 403 {
		t.Error(resp, err)
	}
}

// TestServeHTTPOverTLS checks that a server to which net/http gives TLS serves, knows the peer and
// closes.
func TestServeHTTPOverTLS(t *testing.T) {
	r := newReactor(t)
	hs := httptest.NewUnstartedServer(NewServer(r, Options{}, Echo))
	hs.EnableHTTP2 = true
	hs.StartTLS()
	defer hs.Close()
	resp, err := hs.Client().Get(hs.URL) // over HTTP/2
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusHTTPVersionNotSupported {
		t.Error(resp.Status)
	}
	addr := hs.Listener.Addr().String()
	nc, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(10 * time.Second))
	text := strings.Repeat("over TLS ", 10_000)
	out := frame.AppendRequest(nil, addr, "/", frame.NewKey(), "https://"+addr, "", "", "")
	out = frame.AppendMaskedFrame(out, frame.Text, false, []byte(text), [4]byte{1, 2, 3, 4})
	out = frame.AppendMaskedFrame(out, frame.Close, false, frame.AppendCloseBody(nil, 1000, ""),
		[4]byte{1, 2, 3, 4})
	go nc.Write(out)
	all, err := io.ReadAll(nc) // up to the close_notify
	if err != nil || !strings.Contains(string(all), " 101 ") ||
		!strings.Contains(string(all), text) {
		t.Errorf("%v, %d bytes", err, len(all))
	}
}
