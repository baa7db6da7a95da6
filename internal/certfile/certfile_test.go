package certfile

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/internal/selfsigned"
)

// fixture is a certificate's files with a clock that the test moves.
type fixture struct {
	*testing.T
	*Files
	certFile, keyFile string
	at                time.Duration
	logged            bytes.Buffer
}

func follow(t *testing.T) *fixture {
	dir := t.TempDir()
	x := &fixture{T: t}
	x.certFile, x.keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	x.write(1)
	f, err := Follow(x.certFile, x.keyFile, slog.New(slog.NewTextHandler(&x.logged, nil)))
	if err != nil {
		t.Fatal(err)
	}
	f.now = func() time.Duration { return x.at }
	x.Files = f
	return x
}

func (x *fixture) write(serial int64) {
	x.Helper()
	if err := selfsigned.Write(x.certFile, x.keyFile, serial); err != nil {
		x.Fatal(err)
	}
	// Apart by the file's time too, since two writes may fall into one tick of its clock.
	when := time.Unix(1_000_000+serial, 0)
	for _, name := range []string{x.certFile, x.keyFile} {
		if err := os.Chtimes(name, when, when); err != nil {
			x.Fatal(err)
		}
	}
}

// shows checks the certificate of the next handshake, and how many lines were
// logged since the last look.
func (x *fixture) shows(serial int64, lines int) {
	x.Helper()
	c, err := x.Certificate(nil)
	if err != nil {
		x.Fatal(err)
	}
	if got := c.Leaf.SerialNumber.Int64(); got != serial {
		x.Errorf("certificate %d is shown, want %d", got, serial)
	}
	if got := strings.Count(x.logged.String(), "\n"); got != lines {
		x.Errorf("%d lines were logged, want %d:\n%s", got, lines, &x.logged)
	}
	x.logged.Reset()
}

func TestFilesAreFollowed(t *testing.T) {
	x := follow(t)
	x.shows(1, 0)
	x.write(2)
	x.shows(1, 0)
	x.at += recheck - 1
	x.shows(1, 0)
	x.at++
	x.shows(2, 1)
	x.write(3)
	x.shows(2, 0)
	x.at += recheck
	x.shows(3, 1)
	x.at += recheck
	x.shows(3, 0)
}

// A failure is logged once, and the last good certificate stays.
func TestUnusableFilesChangeNothing(t *testing.T) {
	x := follow(t)
	otherKey := filepath.Join(t.TempDir(), "key.pem")
	for _, spoil := range []func() error{
		func() error { return selfsigned.Write(x.certFile, otherKey, 9) }, // half of a replacement
		func() error { return os.WriteFile(x.certFile, []byte("garbage"), 0o600) },
		func() error { return os.WriteFile(x.keyFile, nil, 0o600) },
		func() error { return os.Remove(x.certFile) },
		func() error { return os.Remove(x.keyFile) },
	} {
		x.write(1)
		x.at += recheck
		x.Certificate(nil)
		x.logged.Reset()
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		x.at += recheck
		x.shows(1, 1)
		for range 3 {
			x.at += recheck
			x.shows(1, 0)
		}
	}
	x.write(4)
	x.at += recheck
	x.shows(4, 1)
}

func TestFollowNeedsUsableFiles(t *testing.T) {
	x := follow(t)
	for name, pair := range map[string][2]string{
		"no certificate": {x.certFile + "x", x.keyFile},
		"no key":         {x.certFile, x.keyFile + "x"},
		"the key twice":  {x.keyFile, x.keyFile},
	} {
		f, err := Follow(pair[0], pair[1], slog.New(slog.DiscardHandler))
		if err == nil || f != nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Of many handshakes at once, one loads and none waits for it.
func TestHandshakesAtOnce(t *testing.T) {
	x := follow(t)
	x.write(2)
	x.at += recheck
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if c, err := x.Certificate(nil); c == nil || err != nil {
				t.Errorf("a handshake got %v, %v", c, err)
			}
		})
	}
	wg.Wait()
	x.shows(2, 1)
}

func TestCertificateDoesNotAllocate(t *testing.T) {
	x := follow(t)
	if n := testing.AllocsPerRun(100, func() { x.Certificate(nil) }); n != 0 {
		t.Errorf("%v allocations a handshake", n)
	}
}

func TestConfig(t *testing.T) {
	x := follow(t)
	fresh, err := Config(nil, x.certFile, x.keyFile, nil)
	if err != nil || fresh.MinVersion != tls.VersionTLS12 || fresh.GetCertificate == nil {
		t.Fatalf("without a base: %+v, %v", fresh, err)
	}
	base := &tls.Config{MinVersion: tls.VersionTLS13, Certificates: make([]tls.Certificate, 1)}
	c, err := Config(base, x.certFile, x.keyFile, nil)
	if err != nil || c.MinVersion != tls.VersionTLS13 || c.Certificates != nil {
		t.Fatalf("with a base: %+v, %v", c, err)
	}
	if got, err := c.GetCertificate(nil); err != nil || got.Leaf == nil {
		t.Errorf("the certificate is %v, %v", got, err)
	}
	if len(base.Certificates) != 1 || base.GetCertificate != nil {
		t.Error("the base was changed")
	}
	if _, err := Config(base, x.certFile, x.certFile, nil); err == nil ||
		!strings.HasPrefix(err.Error(), "the TLS certificate cannot be used: ") {
		t.Errorf("without a key: %v", err)
	}
}

// The end of a certificate is known if it is in files or in the config, and that of the files is
// that of the newest ones.
func TestExpires(t *testing.T) {
	x := follow(t)
	first := Expires(&tls.Config{GetCertificate: x.Certificate}, true)
	if left := time.Until(first); left < 50*time.Minute || left > time.Hour {
		t.Errorf("it expires at %v", first)
	}
	x.write(2)
	x.current.Load().Leaf.NotAfter = time.Unix(1, 0) // so that the second one differs
	x.at += 2 * recheck
	if got := Expires(&tls.Config{GetCertificate: x.Certificate}, true); got.Before(first) {
		t.Errorf("the new one expires at %v", got)
	}
	given, err := selfsigned.New(3)
	if err != nil {
		t.Fatal(err)
	}
	if got := Expires(&tls.Config{Certificates: []tls.Certificate{given}}, false); got.IsZero() {
		t.Error("of a certificate that was given nothing is known")
	}
	theirs := &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		t.Error("the application's function was called")
		return nil, nil
	}}
	for _, c := range []*tls.Config{nil, theirs, {Certificates: make([]tls.Certificate, 1)}} {
		if got := Expires(c, false); !got.IsZero() {
			t.Errorf("%v expires at %v", c, got)
		}
	}
}
