// Package certfile is a TLS certificate that lives in two PEM files and reloads
// on its own when they change.
//
// Nothing runs in the background: a handshake looks at the files, at most once a second, and loads
// them if they are not those seen last. Handshakes in between read an atomic pointer. Files.mu is
// held while the files are looked at and loaded; the logger is called under it.
package certfile

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// recheck is the least time between two looks at the files.
const recheck = time.Second

// Files is a certificate that follows its files. Its methods are safe for
// concurrent use.
type Files struct {
	cert, key string
	log       *slog.Logger
	now       func() time.Duration            // since some fixed moment
	checked   atomic.Int64                    // when the files were last looked at, in ns of now
	current   atomic.Pointer[tls.Certificate] // never nil

	mu   sync.Mutex     // held while looking and loading; guards seen
	seen [2]os.FileInfo // the files at the last attempt to load them; nil = one was missing
}

// Config is base, or if that is nil a config that demands TLS 1.2 or later, with a certificate that
// follows two PEM files. base stays as it is. A nil log discards. See Follow for the error.
func Config(base *tls.Config, certFile, keyFile string, log *slog.Logger) (*tls.Config, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	files, err := Follow(certFile, keyFile, log)
	if err != nil {
		return nil, fmt.Errorf("the TLS certificate cannot be used: %w", err)
	}
	if base == nil {
		base = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	config := base.Clone()
	config.Certificates, config.GetCertificate = nil, files.Certificate
	return config, nil
}

// Expires returns when the certificate expires that a server with this config has, zero if that is
// not known. follows says that the config is one of Config.
func Expires(config *tls.Config, follows bool) time.Time {
	var cert *tls.Certificate
	switch {
	case config == nil:
		return time.Time{}
	case follows:
		cert, _ = config.GetCertificate(nil) // no error, see Certificate
	case len(config.Certificates) > 0:
		cert = &config.Certificates[0]
	default: // a function of the application's, which is for its clients alone
		return time.Time{}
	}
	leaf := cert.Leaf
	if leaf == nil && len(cert.Certificate) > 0 {
		leaf, _ = x509.ParseCertificate(cert.Certificate[0]) // nil with an error
	}
	if leaf == nil {
		return time.Time{}
	}
	return leaf.NotAfter
}

// Follow loads a certificate chain and its private key from two PEM files and
// follows them. The error is the file system's or package tls's. log is told
// about every reload and every certificate that cannot be used.
func Follow(certFile, keyFile string, log *slog.Logger) (*Files, error) {
	started := time.Now()
	now := func() time.Duration { return time.Since(started) }
	f := &Files{cert: certFile, key: keyFile, log: log, now: now}
	seen, err := f.look()
	if err == nil {
		err = f.load()
	}
	if err != nil {
		return nil, err
	}
	f.seen = seen
	return f, nil
}

// Certificate is a tls.Config's GetCertificate. It returns the newest
// certificate that could be loaded, and no error.
func (f *Files) Certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	now, last := int64(f.now()), f.checked.Load()
	if now-last >= int64(recheck) && f.checked.CompareAndSwap(last, now) {
		f.refresh()
	}
	return f.current.Load(), nil
}

// refresh loads the files if they are not those seen last.
func (f *Files) refresh() {
	f.mu.Lock()
	defer f.mu.Unlock()
	found, err := f.look()
	if err == nil && same(found[0], f.seen[0]) && same(found[1], f.seen[1]) {
		return
	}
	if err != nil && f.seen == [2]os.FileInfo{} {
		return // logged before
	}
	f.seen = found
	if err == nil {
		err = f.load()
	}
	if err != nil {
		f.log.Error("the new TLS certificate cannot be used, the old one stays: replace both files",
			"certificate", f.cert, "key", f.key, "error", err)
		return
	}
	f.log.Info("the TLS certificate was reloaded",
		"certificate", f.cert, "expires", f.current.Load().Leaf.NotAfter)
}

// look describes both files, or neither.
func (f *Files) look() (found [2]os.FileInfo, err error) {
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

// load makes what is in the files the current certificate, if they go together.
func (f *Files) load() error {
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err == nil {
		f.current.Store(&pair)
	}
	return err
}

// same reports whether a file was neither written nor replaced. b may be nil.
func same(a, b os.FileInfo) bool {
	return b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
