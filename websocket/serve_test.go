package websocket

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket/frame"
)

// tellsPeer accepts everyone and sends the peer's address first.
func tellsPeer(*frame.Request, *Conn) (Handler, string, error) {
	return &funcs{open: func(c *Conn) { c.Send(frame.Text, []byte(c.RemoteAddr().String())) }}, "",
		nil
}

// Serve takes listeners of package net to the loops, and accepts from any other itself, with TLS
// and without.
func TestServe(t *testing.T) {
	for _, secured := range []bool{false, true} {
		for _, wrapped := range []bool{false, true} {
			r := newReactor(t)
			var o Options
			if secured {
				o.TLSConfig = serverTLS(t)
			}
			s := NewServer(r, o, tellsPeer)
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			addr, served := ln.Addr().String(), make(chan error, 1)
			if wrapped {
				closed := make(chan struct{})
				go func() { served <- s.Serve(&limitedListener{ln, closed}) }()
				defer wait(t, closed)
			} else if err := s.Serve(ln); err != nil {
				t.Fatal(err)
			}
			nc := tcp(t, addr)
			want := nc.LocalAddr().String()
			if wrapped {
				want = "203.0.113.7:4711"
			}
			if secured {
				nc = secure(nc, 0)
			}
			p, status := upgradeOver(t, nc, addr, "")
			if status != 101 {
				t.Fatal(status)
			}
			if _, b := p.read(t); string(b) != want {
				t.Errorf("TLS %v, wrapped %v: the peer is %q, want %q", secured, wrapped, b, want)
			}
			if err := s.Serve(ln); !errors.Is(err, ErrListening) {
				t.Errorf("a second Serve: %v", err)
			}
			if s.Addr().String() != addr {
				t.Errorf("address %v", s.Addr())
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if wrapped {
				if err := wait(t, served); !errors.Is(err, net.ErrClosed) {
					t.Errorf("Serve returned %v", err)
				}
			}
			p.Close()
		}
	}
}

// A Unix socket is listened on, also where an old file lies, but not where somebody listens.
func TestListenUnix(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "ws")
	old, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	r := newReactor(t)
	if err := NewServer(r, Options{}, Echo).Listen("unix", path); err == nil {
		t.Error("a socket was taken from who listens on it")
	}
	old.SetUnlinkOnClose(false)
	old.Close()
	s := NewServer(r, Options{}, Echo)
	if err := s.Listen("unix", path); err != nil {
		t.Fatal(err)
	}
	nc, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	p, status := upgradeOver(t, nc, "localhost", "Origin: http://localhost\r\n")
	if status != 101 {
		t.Fatal(status)
	}
	p.send(frame.Text, "over a file")
	if _, b := p.read(t); string(b) != "over a file" {
		t.Errorf("%q", b)
	}
	s.Close()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Close: %v", err)
	}
	file := filepath.Join(dir, "file")
	os.WriteFile(file, []byte("precious"), 0o600)
	if err := NewServer(r, Options{}, Echo).Listen("unix", file); err == nil {
		t.Error("a file was replaced")
	}
	if b, _ := os.ReadFile(file); string(b) != "precious" {
		t.Error("a file was removed")
	}
}

// wrapping hands out connections that the loops cannot take over.
type wrapping struct{ net.Listener }

func (w wrapping) Accept() (net.Conn, error) {
	nc, err := w.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return struct{ net.Conn }{nc}, nil
}

// A load balancer's preamble gives the address, in one piece or byte by byte, with TLS behind it
// and without, on a listener of our own and on somebody else's. Nobody else's is believed.
func TestProxyProtocol(t *testing.T) {
	const v1 = "PROXY TCP4 203.0.113.7 10.0.0.1 51234 443\r\n"
	const v2 = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xcb\x00\x71\x08" +
		"\x0a\x00\x00\x01\xc8\x22\x01\xbb"
	const local = "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
	for i := range 4 {
		secured, wrapped := i&1 != 0, i&2 != 0
		r := newReactor(t)
		o := Options{Proxied: func(net.Addr) bool { return true }}
		if secured {
			o.TLSConfig = serverTLS(t)
		}
		s := NewServer(r, o, tellsPeer)
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if wrapped {
			go s.Serve(wrapping{ln})
			defer s.Close()
		} else if err := s.Serve(ln); err != nil {
			t.Fatal(err)
		}
		addr := ln.Addr().String()
		over := func(nc net.Conn) net.Conn {
			if secured {
				return secure(nc, 0)
			}
			return nc
		}
		for _, slow := range []bool{false, true} {
			for preamble, want := range map[string]string{
				v1: "203.0.113.7:51234", v2: "203.0.113.8:51234", local: "127.0.0.1:",
			} {
				nc := tcp(t, addr)
				if slow {
					nc = dribble{nc}
				}
				if _, err := io.WriteString(nc, preamble); err != nil {
					t.Fatal(err)
				}
				p, status := upgradeOver(t, over(nc), addr, "")
				if status != 101 {
					t.Fatal(status)
				}
				if _, b := p.read(t); !strings.HasPrefix(string(b), want) {
					t.Errorf("TLS %v, wrapped %v: %q gives %q", secured, wrapped, preamble, b)
				}
				p.Close()
			}
		}
		nc := tcp(t, addr)
		if secured {
			if err := secure(nc, 0).Handshake(); err == nil {
				t.Error("a connection without a preamble was taken")
			}
		} else if _, status := upgradeOver(t, nc, addr, ""); status != 400 {
			t.Errorf("without a preamble: HTTP %d", status)
		}
		if n := s.Refusals()[frame.CausePreamble]; n != 1 {
			t.Errorf("%d refusals were counted", n)
		}
	}
	r := newReactor(t)
	for name, o := range map[string]Options{
		"off": {}, "another": {Proxied: func(net.Addr) bool { return false }},
	} {
		s := NewServer(r, o, Echo)
		if err := s.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		for _, preamble := range []string{v1, v2} {
			nc := tcp(t, s.Addr().String())
			io.WriteString(nc, preamble+string(upgradeRequest("h", "")))
			resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != 400 || !strings.Contains(string(body), "trustedProxies") {
				t.Errorf("%s: %s %q", name, resp.Status, body)
			}
		}
		if n := s.Refusals()[frame.CausePreamble]; n != 2 {
			t.Errorf("%s: %d refusals were counted", name, n)
		}
	}
}

// A server of net/http on a loopback address holds to loopback names as one that listens itself.
func TestServeHTTPOnLoopback(t *testing.T) {
	r := newReactor(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	hs := &http.Server{Addr: "localhost:3000", Handler: NewServer(r, Options{}, Echo)}
	go hs.Serve(ln)
	defer hs.Close()
	for host, want := range map[string]int{"evil.example": 403, "localhost:3000": 101} {
		nc := tcp(t, ln.Addr().String())
		if _, status := upgradeOver(t, nc, host, "Origin: http://"+host+"\r\n"); status != want {
			t.Errorf("%s: HTTP %d", host, status)
		}
		nc.Close()
	}
}
