package reactor

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/internal/leaktest"
)

// Clients that never finish take no goroutine, or a limited number, and are closed in time.
func TestTLSHandshakesThatEndNowhere(t *testing.T) {
	const slots, clients = 4, 60
	hello := clientHello(t)
	for _, tc := range []struct {
		name       string
		send       []byte
		goroutines int
	}{
		{"silent", nil, 0},
		{"half a hello", hello[:len(hello)/2], 0},
		{"garbage", []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), 0},
		{"a huge record", []byte{22, 3, 1, 255, 255}, 0},
		{"garbage in a record", append([]byte{22, 3, 1, 0, 30}, noise(30)...), slots},
		{"half a handshake", hello, slots},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := start(t, Options{Loops: 2, Tick: 10 * time.Millisecond})
			ln := listenTLS(t, r, TLSOptions{HandshakeTimeout: 300 * time.Millisecond,
				MaxHandshakes: slots}, &hooks{
				open: func(*Conn) { t.Error("OnOpen ran") }, close: func(*Conn, error) {
					t.Error("OnClose ran without OnOpen")
				},
			})
			var conns []net.Conn
			most := 0
			for range clients {
				nc := dialNet(t, ln)
				nc.Write(tc.send)
				conns = append(conns, nc)
				most = max(most, handshaking())
			}
			for _, nc := range conns {
				io.Copy(io.Discard, nc) // until it is closed or reset
				most = max(most, handshaking())
			}
			if most > tc.goroutines {
				t.Errorf("%d goroutines, want at most %d", most, tc.goroutines)
			}
			for _, nc := range conns {
				nc.Close()
			}
			eventually(t, "the goroutines end", func() bool { return handshaking() == 0 })
			eventually(t, "the connections end", func() bool { return r.Stats().Open == 0 })
		})
	}
}

// handshaking counts the goroutines that do handshakes.
func handshaking() int { return strings.Count(leaktest.Stacks(), "(*tlsServer).run(") }

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// clientHello is the first flight of a client.
func clientHello(t *testing.T) []byte {
	t.Helper()
	a, b := net.Pipe()
	go tls.Client(a, insecure(0)).Handshake()
	defer a.Close()
	head := make([]byte, recordHeader)
	if _, err := io.ReadFull(b, head); err != nil {
		t.Fatal(err)
	}
	body := make([]byte, int(head[3])<<8|int(head[4]))
	if _, err := io.ReadFull(b, body); err != nil {
		t.Fatal(err)
	}
	return append(head, body...)
}

// Stalled handshakes in every slot must not keep an honest client out for longer than their time.
func TestTLSStalledHandshakesGiveWay(t *testing.T) {
	const slots = 3
	r := start(t, Options{Loops: 1})
	ln := listenTLS(t, r, TLSOptions{HandshakeTimeout: time.Hour, MaxHandshakes: slots}, echo)
	hello := clientHello(t)
	for range slots {
		nc := dialNet(t, ln)
		nc.Write(hello)
		// the server's flight shows that it has a slot
		if _, err := nc.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	for {
		tc := tls.Client(dialNet(t, ln), insecure(0))
		_ = tc.SetDeadline(time.Now().Add(handshakeMinimum))
		if tc.Handshake() == nil {
			return
		}
		tc.NetConn().Close()
	}
}

func TestTLSVersionsAndProtocols(t *testing.T) {
	r := start(t, Options{Loops: 1})
	cfg := serverConfig(t)
	cfg.MinVersion = tls.VersionTLS10
	cfg.NextProtos = []string{"http/1.1"}
	ln := listenTLS(t, r, TLSOptions{Config: cfg}, echo)
	for _, tc := range []struct {
		name    string
		min     uint16
		max     uint16
		protos  []string
		refused string
	}{
		{"1.1", tls.VersionTLS10, tls.VersionTLS11, nil, "protocol version"},
		{"1.2", tls.VersionTLS12, tls.VersionTLS12, nil, ""},
		{"h2 and http/1.1", 0, 0, []string{"h2", "http/1.1"}, ""},
		{"h2 alone", 0, 0, []string{"h2"}, "no application protocol"},
	} {
		c := tls.Client(dialNet(t, ln), &tls.Config{InsecureSkipVerify: true, MinVersion: tc.min,
			MaxVersion: tc.max, NextProtos: tc.protos})
		err := c.Handshake()
		if tc.refused == "" {
			if err != nil {
				t.Errorf("%s: %v", tc.name, err)
				continue
			}
			mustEcho(t, c, []byte("x"))
		} else if err == nil || !strings.Contains(err.Error(), tc.refused) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.refused)
		}
	}
	if _, err := r.ListenTLS("tcp", "127.0.0.1:0", TLSOptions{}, func(*Conn) Handler {
		return echo
	}); err != ErrNoTLSConfig {
		t.Errorf("without a config: %v", err)
	}
	if _, err := r.ListenTLS("tcp", "127.0.0.1:0", TLSOptions{Config: cfg},
		nil); err != ErrNoHandler {
		t.Errorf("without a handler: %v", err)
	}
}

func TestTLSResumption(t *testing.T) {
	versions(t, func(t *testing.T, version uint16) {
		r := start(t, Options{Loops: 2})
		ln := listenTLS(t, r, TLSOptions{}, echo)
		cfg := insecure(version)
		cfg.ClientSessionCache = tls.NewLRUClientSessionCache(4)
		cfg.ServerName = "localhost"
		for i := range 3 {
			tc := dialTLS(t, ln, cfg)
			mustEcho(t, tc, []byte("reads the ticket too"))
			if got := tc.ConnectionState().DidResume; got != (i > 0) {
				t.Errorf("connection %d: resumed %v", i, got)
			}
			tc.Close()
		}
	})
}

// A panic in a callback of the config must not end the process.
func TestTLSPanicInGetCertificate(t *testing.T) {
	r := start(t, Options{Loops: 1})
	cfg := serverConfig(t)
	ln := listenTLS(t, r,
		TLSOptions{MaxHandshakes: 1,
			Config: &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate,
				error) {
				if h.ServerName == "panic" {
					panic("on purpose")
				}
				return &cfg.Certificates[0], nil
			}}}, echo)
	bad := insecure(0)
	bad.ServerName = "panic"
	if err := tls.Client(dialNet(t, ln), bad).Handshake(); err == nil {
		t.Error("a handshake that panicked succeeded")
	}
	mustEcho(t, dialTLS(t, ln, insecure(0)), []byte("x"))
}

// However input is cut and whatever room there is, no piece has bytes of two records.
func FuzzTLSRecords(f *testing.F) {
	f.Add([]byte{22, 3, 1, 0, 2, 9, 9, 23, 3, 3, 0, 0, 23, 3, 3, 1, 0}, byte(3), byte(2))
	f.Add([]byte{22, 3, 1, 0, 2, 9, 9, 23, 3, 3}, byte(1), byte(200))
	f.Fuzz(func(t *testing.T, in []byte, cut, room byte) {
		ends := map[int]bool{0: true} // offsets at which a record ends
		at := 0
		for at+recordHeader <= len(in) {
			at += recordHeader + int(in[at+3])<<8 + int(in[at+4])
			ends[at] = true
		}
		var r records
		for given := 0; given < len(in); {
			piece := in[given:min(len(in), given+int(cut)+1)]
			for len(piece) > 0 {
				n := r.take(piece, int(room)+1)
				if n <= 0 || n > len(piece) || n > int(room)+1 {
					t.Fatalf("%d bytes of %d for a room of %d", n, len(piece), int(room)+1)
				}
				for i := given + 1; i < given+n; i++ {
					if ends[i] {
						t.Fatalf("bytes %d to %d are of two records", given, given+n)
					}
				}
				given, piece = given+n, piece[n:]
				if r.whole() != ends[given] {
					t.Fatalf("at %d: whole %v, want %v", given, r.whole(), ends[given])
				}
			}
		}
	})
}

// Reactor.Close does not wait for clients that stall, and leaves none of their goroutines.
func TestTLSCloseDuringHandshakes(t *testing.T) {
	r := start(t, Options{Loops: 2})
	ln := listenTLS(t, r, TLSOptions{HandshakeTimeout: time.Hour, MaxHandshakes: 4}, echo)
	hello := clientHello(t)
	for i := range 8 { // half of them wait for a slot
		nc := dialNet(t, ln)
		nc.Write(hello)
		if i < 4 {
			if _, err := nc.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
		}
	}
	r.Close()
	eventually(t, "the goroutines end", func() bool { return handshaking() == 0 })
}

// A newHandler that wants no connection closes it, quietly, whether it is asked early or late.
func TestTLSNilHandlerCloses(t *testing.T) {
	for _, early := range []bool{false, true} {
		log := new(countingLog)
		r := start(t, Options{Loops: 1, Logger: log.logger()})
		ln, err := r.ListenTLS("tcp", "127.0.0.1:0",
			TLSOptions{Config: serverConfig(t), Early: early}, func(*Conn) Handler { return nil })
		if err != nil {
			t.Fatal(err)
		}
		nc := dialNet(t, ln)
		tc := tls.Client(nc, insecure(0))
		if _, err := tc.Read(make([]byte, 1)); err == nil || isTimeout(err) {
			t.Errorf("early %v: the client read %v", early, err)
		}
		nc.Close()
		r.Close()
		if n := log.lines.Load(); n != 0 {
			t.Errorf("early %v: %d lines in the log", early, n)
		}
	}
}

// The largest record that a client may send is taken, and a longer one is no TLS.
func TestTLSLargestFirstRecord(t *testing.T) {
	for length, want := range map[int]error{0: nil, 1<<14 + 2048: nil, 1<<14 + 2049: ErrNotTLS,
		1<<16 - 1: ErrNotTLS} {
		hs := new(handshake)
		hs.arrived.L = &hs.mu
		if err := hs.feed([]byte{22, 3, 1, byte(length >> 8), byte(length)}); err != want {
			t.Errorf("a record of %d bytes: %v", length, err)
		}
	}
}
