package reactor

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"
)

// newCertificate makes a self-signed certificate for 127.0.0.1 and localhost.
func newCertificate(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func serverConfig(t testing.TB) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{newCertificate(t)}}
}

func listenTLS(t testing.TB, r *Reactor, o TLSOptions, h Handler) *Listener {
	t.Helper()
	if o.Config == nil {
		o.Config = serverConfig(t)
	}
	ln, err := r.ListenTLS("tcp", "127.0.0.1:0", o, func(*Conn) Handler { return h })
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// insecure trusts every server.
func insecure(version uint16) *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version}
}

func dialTLS(t testing.TB, ln *Listener, cfg *tls.Config) *tls.Conn {
	t.Helper()
	tc := tls.Client(dialNet(t, ln), cfg)
	if err := tc.Handshake(); err != nil {
		t.Fatal(err)
	}
	return tc
}

// versions runs a test with TLS 1.2 and 1.3.
func versions(t *testing.T, f func(t *testing.T, version uint16)) {
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(v), func(t *testing.T) { f(t, v) })
	}
}

func mustEcho(t testing.TB, rw io.ReadWriter, msg []byte) {
	t.Helper()
	sent := make(chan error, 1)
	go func() {
		_, err := rw.Write(msg)
		sent <- err
	}()
	got := make([]byte, len(msg))
	if n, err := io.ReadFull(rw, got); err != nil || !bytes.Equal(got, msg) {
		t.Fatalf("%d of %d bytes came back: %v, equal %v", n, len(msg), err, bytes.Equal(got, msg))
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
}

func TestTLSEcho(t *testing.T) {
	versions(t, func(t *testing.T, version uint16) {
		r := start(t, Options{Loops: 2, MaxOutboxBytes: 16 << 20})
		ln := listenTLS(t, r, TLSOptions{}, echo)
		var wg sync.WaitGroup
		for i := range 20 {
			tc := dialTLS(t, ln, insecure(version))
			wg.Go(func() {
				for _, n := range []int{1, 100, 16 << 10, 16<<10 + 1, 100_000 + i, 4 << 20} {
					if n > 1<<20 && i > 2 {
						continue
					}
					mustEcho(t, tc, noise(n))
				}
			})
		}
		wg.Wait()
	})
}

// slicer writes one byte at a time.
type slicer struct{ net.Conn }

func (s slicer) Write(p []byte) (int, error) {
	for i := range p {
		if _, err := s.Conn.Write(p[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(p), nil
}

func TestTLSInOneByteSegments(t *testing.T) {
	versions(t, func(t *testing.T, version uint16) {
		r := start(t, Options{Loops: 1})
		tc := tls.Client(slicer{dialNet(t, listenTLS(t, r, TLSOptions{}, echo))}, insecure(version))
		for n := 1; n < 2000; n *= 3 {
			mustEcho(t, tc, noise(n))
		}
	})
}
