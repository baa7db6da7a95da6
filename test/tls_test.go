package test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/internal/selfsigned"
)

// writeCertificate puts a new self-signed certificate with a serial number into two files.
func writeCertificate(t testing.TB, certFile, keyFile string, serial int64) {
	t.Helper()
	if err := selfsigned.Write(certFile, keyFile, serial); err != nil {
		t.Fatal(err)
	}
}

func certificateFiles(t testing.TB) (certFile, keyFile string) {
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeCertificate(t, certFile, keyFile, 1)
	return certFile, keyFile
}

// serial is the number of the certificate that a new connection is shown.
func serial(t testing.TB, addr string) int64 {
	t.Helper()
	tc, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer tc.Close()
	return tc.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

// awaitSerial makes connections until they are shown the certificate. The server looks at the files
// once a second.
func awaitSerial(t testing.TB, addr string, want int64) {
	t.Helper()
	what := fmt.Sprintf("certificate %d", want)
	eventually(t, what, func() bool { return serial(t, addr) == want })
}

func TestTLSClientAndServer(t *testing.T) {
	certFile, keyFile := certificateFiles(t)
	o := Options{TLSCertFile: certFile, TLSKeyFile: keyFile, MaxOutboxBytes: 16 << 20}
	v := startServer(t, o, func(v *Server) {
		v.On("echo", reply)
		smartsocket.Handle(v, "join", func(s *Socket, room string) (bool, error) {
			return true, s.Join(room)
		})
	})
	certificate, err := os.ReadFile(certFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certificate)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			c, err := client.New("wss://"+v.Addr().String()+"/", client.Options{
				TLSConfig: &client.TLSConfig{
					RootCAs: roots, MinVersion: version, MaxVersion: version,
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Disconnect()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if err := c.Connect(ctx); err != nil {
				t.Fatal(err)
			}
			for _, n := range []int{0, 1, 1000, 100_000, 4 << 20} {
				text := strings.Repeat("x", n)
				got, err := client.Request[string](ctx, c, "echo", text)
				if err != nil || got != text {
					t.Fatalf("%d of %d bytes came back: %v", len(got), n, err)
				}
			}
			told := make(chan string, 1)
			c.On("said", func(d client.Data, _ client.Ack) { told <- string(d.Bytes()) })
			if _, err := client.Request[bool](ctx, c, "join", "room"); err != nil {
				t.Fatal(err)
			}
			if _, err := v.To("room").Emit("said", "to all"); err != nil {
				t.Fatal(err)
			}
			select {
			case got := <-told:
				if got != `"to all"` {
					t.Errorf("the room was told %s", got)
				}
			case <-ctx.Done():
				t.Error("the room was told nothing")
			}
		})
	}
}

func TestTLSCertificateReload(t *testing.T) {
	certFile, keyFile := certificateFiles(t)
	o := Options{TLSCertFile: certFile, TLSKeyFile: keyFile, HandshakeTimeout: 2 * patience}
	v := startServer(t, o, nil)
	addr := v.Addr().String()
	awaitSerial(t, addr, 1)

	old, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	writeCertificate(t, certFile, keyFile, 2)
	awaitSerial(t, addr, 2)

	// Half of a replacement, garbage and nothing at all keep the certificate.
	mustKeep := func(what string) {
		t.Helper()
		end := time.Now().Add(1100 * time.Millisecond)
		for ; time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			if got := serial(t, addr); got != 2 {
				t.Fatalf("%s: certificate %d is used", what, got)
			}
		}
	}
	writeCertificate(t, certFile, filepath.Join(t.TempDir(), "other.pem"), 3)
	mustKeep("a certificate without its key")
	if err := os.Remove(certFile); err != nil {
		t.Fatal(err)
	}
	mustKeep("no certificate")
	writeCertificate(t, certFile, keyFile, 4)
	awaitSerial(t, addr, 4)

	// Connections from before are untouched.
	if _, err := old.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	old.SetReadDeadline(time.Now().Add(patience))
	answer := make([]byte, 12)
	if _, err := old.Read(answer); err != nil || string(answer) != "HTTP/1.1 426" {
		t.Errorf("an older connection read %q, %v", answer, err)
	}
}

func TestTLSOptions(t *testing.T) {
	certFile, keyFile := certificateFiles(t)
	for _, tc := range []struct {
		name, cert, key, field string
	}{
		{"both", certFile, keyFile, ""},
		{"no key", certFile, "", "TLSCertFile"},
		{"no certificate", "", keyFile, "TLSKeyFile"},
		{"missing file", certFile + "x", keyFile, "TLSCertFile"},
		{"key twice", keyFile, keyFile, "TLSCertFile"},
	} {
		o := Options{TLSCertFile: tc.cert, TLSKeyFile: tc.key, Logger: testLogger(t)}
		_, err := smartsocket.New(o)
		var bad *smartsocket.OptionError
		if errors.As(err, &bad) != (tc.field != "") || bad != nil && bad.Field != tc.field {
			t.Errorf("%s: %v, want an error about %q", tc.name, err, tc.field)
		}
	}
	// The files give the certificate, and the config gives the rest.
	only13 := &tls.Config{MinVersion: tls.VersionTLS13}
	o := Options{TLSCertFile: certFile, TLSKeyFile: keyFile, TLSConfig: only13}
	v := startServer(t, o, nil)
	if got := serial(t, v.Addr().String()); got != 1 {
		t.Errorf("certificate %d", got)
	}
	only12 := &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}
	if _, err := tls.Dial("tcp", v.Addr().String(), only12); err == nil {
		t.Error("TLS 1.2 was accepted although the config asks for 1.3")
	}
}
