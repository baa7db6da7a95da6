package smartsocket

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// certificateRecheck is the least time between two looks at the certificate's files.
const certificateRecheck = time.Second

// LoadTLS reads a certificate chain and its private key, PEM files both, into a
// config that follows them: at most once per second a handshake looks whether
// the files have changed and uses what is in them from then on. Files that do not
// go together, as while they are being replaced, are logged and leave the last
// good certificate in use. Connections that are open stay as they are.
//
// It is what Options.TLSCertFile and TLSKeyFile do. The config needs TLS 1.2 and is the caller's.
func LoadTLS(certFile, keyFile string, log *slog.Logger) (*tls.Config, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	f := &certificateFiles{cert: certFile, key: keyFile, log: log, started: time.Now()}
	seen, err := f.look()
	if err == nil {
		err = f.load()
	}
	if err != nil {
		return nil, fmt.Errorf("the TLS certificate cannot be used: %w", err)
	}
	f.seen = seen
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: f.get}, nil
}

// certificateFiles is a certificate that lives in two files.
type certificateFiles struct {
	cert, key string
	log       *slog.Logger
	started   time.Time
	checked   atomic.Int64 // when the files were last looked at, ns since started
	current   atomic.Pointer[tls.Certificate]

	mu   sync.Mutex     // held while looking and loading
	seen [2]os.FileInfo // the files as they were at the last attempt to load them; guarded by mu
}

// get is tls.Config.GetCertificate. It runs on the handshakes' goroutines.
func (f *certificateFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	now, last := int64(time.Since(f.started)), f.checked.Load()
	if now-last >= int64(certificateRecheck) && f.checked.CompareAndSwap(last, now) {
		f.refresh()
	}
	return f.current.Load(), nil
}

// refresh loads the files if they are not those seen last.
func (f *certificateFiles) refresh() {
	f.mu.Lock()
	defer f.mu.Unlock()
	found, err := f.look()
	if err == nil && same(found[0], f.seen[0]) && same(found[1], f.seen[1]) {
		return
	}
	if err != nil && f.seen == [2]os.FileInfo{} {
		return // said before
	}
	f.seen = found
	if err == nil {
		err = f.load()
	}
	if err != nil {
		f.log.Error("the new TLS certificate cannot be used, the old one stays: replace both files", "certificate", f.cert, "key", f.key, "err", err)
		return
	}
	f.log.Info("the TLS certificate was reloaded", "certificate", f.cert, "expires", f.current.Load().Leaf.NotAfter)
}

// look describes both files, or neither.
func (f *certificateFiles) look() (found [2]os.FileInfo, err error) {
	cert, err := os.Stat(f.cert)
	if err != nil {
		return found, err
	}
	key, err := os.Stat(f.key)
	if err != nil {
		return found, err
	}
	return [2]os.FileInfo{cert, key}, nil
}

func (f *certificateFiles) load() error {
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err == nil {
		f.current.Store(&pair)
	}
	return err
}

// same reports whether a file was neither written nor replaced.
func same(a, b os.FileInfo) bool {
	return b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// secured is the config to listen with, nil for none.
func (o *Options) secured() (*tls.Config, error) {
	if o.TLSCertFile == "" && o.TLSKeyFile == "" {
		return o.TLSConfig, nil
	}
	files, err := LoadTLS(o.TLSCertFile, o.TLSKeyFile, o.Logger)
	if err != nil {
		return nil, &OptionError{"TLSCertFile", err.Error()}
	}
	if o.TLSConfig == nil {
		return files, nil
	}
	cfg := o.TLSConfig.Clone()
	cfg.Certificates, cfg.GetCertificate = nil, files.GetCertificate
	return cfg, nil
}
