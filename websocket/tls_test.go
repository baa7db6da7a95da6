package websocket

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/selfsigned"
	"github.com/smartsocket/smartsocket/pool"
	"github.com/smartsocket/smartsocket/reactor"
)

func serverTLS(t testing.TB) *tls.Config {
	t.Helper()
	cert, err := selfsigned.New(1)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}}
}

// secure wraps nc in TLS without verifying the server.
func secure(nc net.Conn, version uint16) *tls.Conn {
	return tls.Client(nc, &tls.Config{InsecureSkipVerify: true, MinVersion: version,
		MaxVersion: version, NextProtos: []string{"h2", "http/1.1"}})
}

// upgradeOver sends a request over nc and returns the status.
func upgradeOver(t testing.TB, nc net.Conn, addr, header string) (*peer, int) {
	t.Helper()
	p := &peer{Conn: nc, br: bufio.NewReader(nc)}
	p.Write(upgradeRequest(addr, header))
	resp, err := http.ReadResponse(p.br, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p, resp.StatusCode
}

// dribble writes one byte at a time.
type dribble struct{ net.Conn }

func (d dribble) Write(p []byte) (int, error) {
	for i := range p {
		if _, err := d.Conn.Write(p[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(p), nil
}

func TestTLSEcho(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			r := newReactorWith(t, reactor.Options{MaxOutboxBytes: 16 << 20})
			addr := serve(t, r, Options{TLSConfig: serverTLS(t)}, Echo)
			for _, slow := range []bool{false, true} {
				nc, sizes := tcp(t, addr), []int{0, 1, 125, 126, 1000, 16 << 10, 65535, 65536,
					4 << 20}
				if slow {
					nc, sizes = dribble{nc}, []int{0, 1, 126, 2000}
				}
				p, status := upgradeOver(t, secure(nc, version), addr, "")
				if status != 101 {
					t.Fatal(status)
				}
				for _, n := range sizes {
					msg := bytes.Repeat([]byte{byte(n), 1, 2, 3, 5}, n/5+1)[:n]
					go p.send(frame.Binary, string(msg))
					if got := readMessage(t, p); !bytes.Equal(got, msg) {
						t.Fatalf("%d of %d bytes came back, or others", len(got), n)
					}
				}
				p.send(frame.Ping, "p")
				if b0, body := p.read(t); b0 != 0x8a || string(body) != "p" {
					t.Errorf("ping was answered by %#x %q", b0, body)
				}
				p.send(frame.Close, "\x03\xe8")
				if b0, body := p.read(t); b0 != 0x88 || string(body) != "\x03\xe8" {
					t.Errorf("close was answered by %#x %q", b0, body)
				}
				if _, err := p.br.ReadByte(); err != io.EOF {
					t.Errorf("behind the close frame: %v", err)
				}
			}
		})
	}
}

// readMessage reads one frame of any length, while peer.read knows only short ones and part of the
// 16-bit lengths.
func readMessage(t testing.TB, p *peer) []byte {
	t.Helper()
	var ps frame.Parser
	defer ps.Reset()
	cfg := &frame.Config{Client: true, MaxMessage: 32 << 20, MaxFragments: 10}
	for {
		if _, err := p.br.Peek(1); err != nil {
			t.Fatal(err)
		}
		in, _ := p.br.Peek(p.br.Buffered())
		m, rest, ok, err := ps.Feed(cfg, in)
		if err != nil {
			t.Fatal(err)
		}
		got := bytes.Clone(m.Payload)
		p.br.Discard(len(in) - len(rest))
		if ok {
			return got
		}
	}
}

func TestTLSOrigin(t *testing.T) {
	r := newReactor(t)
	own := serve(t, r, Options{TLSConfig: serverTLS(t)}, Echo)
	listed := serve(t, r,
		Options{TLSConfig: serverTLS(t),
			Origin: &frame.OriginPolicy{Allowed: []string{"http://a.example"}}}, Echo)
	for _, tc := range []struct {
		addr, origin string
		want         int
	}{
		{own, "https://" + own, 101},
		{own, "http://" + own, 403},
		{own, "https://a.example", 403},
		{listed, "http://a.example", 101},
		{listed, "https://" + listed, 403},
	} {
		p, status := upgradeOver(t, secure(tcp(t, tc.addr), 0), tc.addr,
			"Origin: "+tc.origin+"\r\n")
		if status != tc.want {
			t.Errorf("origin %s got %d, want %d", tc.origin, status, tc.want)
		}
		p.Close()
	}
}

func TestTLSOnly(t *testing.T) {
	r := newReactor(t)
	addr := serve(t, r, Options{TLSConfig: serverTLS(t)}, Echo)
	h2 := tls.Client(tcp(t, addr), &tls.Config{InsecureSkipVerify: true,
		NextProtos: []string{"h2"}})
	if err := h2.Handshake(); err == nil ||
		!strings.Contains(err.Error(), "no application protocol") {
		t.Errorf("a client of h2 alone: %v", err)
	}
	tc := secure(tcp(t, addr), 0)
	if err := tc.Handshake(); err != nil || tc.ConnectionState().NegotiatedProtocol != "http/1.1" {
		t.Errorf("h2 or http/1.1: %v, %q", err, tc.ConnectionState().NegotiatedProtocol)
	}
	s := NewServer(r, Options{TLSConfig: serverTLS(t)}, Echo)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(wrapping{ln})
	defer s.Close()
	for _, addr := range []string{addr, ln.Addr().String()} {
		nc := tcp(t, addr)
		nc.Write(upgradeRequest(addr, "Cookie: "+strings.Repeat("c", 3000)+"\r\n"))
		resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != 400 || !strings.Contains(string(body), "this port speaks TLS") {
			t.Errorf("a plain request was answered %s %q", resp.Status, body)
		}
		nc = tcp(t, addr)
		nc.Write([]byte("\x00binary"))
		if got, _ := io.ReadAll(nc); len(got) != 0 {
			t.Errorf("what is not HTTP was answered %q", got)
		}
	}
	if n := s.Refusals()[frame.CauseNotTLS]; n != 2 {
		t.Errorf("%d refusals were counted", n)
	}
	if err := Dial(t.Context(), r, addr, DialOptions{Options: Options{TLSConfig: serverTLS(t)}},
		&funcs{}); !errors.Is(err, ErrDialTLS) {
		t.Errorf("Dial: %v", err)
	}
}

// The caller's protocols stay, as those of an ACME client, apart from HTTP/2 that is not spoken.
func TestTLSKeepsProtocols(t *testing.T) {
	r := newReactor(t)
	cfg := serverTLS(t)
	cfg.NextProtos = []string{"h2", "http/1.1", "acme-tls/1"}
	addr := serve(t, r, Options{TLSConfig: cfg}, Echo)
	for _, c := range []struct{ offered, want string }{
		{"acme-tls/1", "acme-tls/1"}, {"http/1.1", "http/1.1"}, {"h2", ""}, {"", ""},
	} {
		tc := tls.Client(tcp(t, addr), &tls.Config{InsecureSkipVerify: true})
		if c.offered != "" {
			tc = tls.Client(tcp(t, addr), &tls.Config{InsecureSkipVerify: true,
				NextProtos: []string{c.offered}})
		}
		err := tc.Handshake()
		got := tc.ConnectionState().NegotiatedProtocol
		if (err == nil) != (c.want != "" || c.offered == "") || got != c.want {
			t.Errorf("%q: %q %v, want %q", c.offered, got, err, c.want)
		}
	}
	if len(cfg.NextProtos) != 3 {
		t.Errorf("the caller's config was changed: %q", cfg.NextProtos)
	}
}

// One prepared broadcast goes to plain and TLS connections alike.
func TestTLSSendShared(t *testing.T) {
	r := newReactor(t)
	conns := make(chan *Conn, 2)
	h := &funcs{open: func(c *Conn) { conns <- c }}
	plain, secured := serve(t, r, Options{}, accepting(h)),
		serve(t, r, Options{TLSConfig: serverTLS(t)}, accepting(h))
	a := connect(t, plain, "")
	b, _ := upgradeOver(t, secure(tcp(t, secured), 0), secured, "")
	buf := pool.Get(1 << 10)
	buf.B = frame.AppendFrame(buf.B, frame.Text, bytes.Repeat([]byte("x"), 300))
	s := pool.NewShared(buf)
	for range 2 {
		wait(t, conns).SendShared(s)
	}
	s.Release()
	for _, p := range []*peer{a, b} {
		if got := readMessage(t, p); string(got) != strings.Repeat("x", 300) {
			t.Errorf("%q came", got)
		}
	}
}

func TestTLSHandshakeTimeout(t *testing.T) {
	r := newReactor(t)
	addr := serve(t, r, Options{TLSConfig: serverTLS(t), HandshakeTimeout: 100 * time.Millisecond},
		Echo)
	silent := tcp(t, addr)
	if _, err := silent.Read(make([]byte, 1)); err == nil || isTimeout(err) {
		t.Errorf("a silent client: %v", err)
	}
	tc := secure(tcp(t, addr), 0) // no request follows the handshake
	if err := tc.Handshake(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(tc); isTimeout(err) {
		t.Errorf("a client without a request: %v", err)
	}
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}
