package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestHangupReloads changes the file under a running server.
func TestHangupReloads(t *testing.T) {
	file := filepath.Join(t.TempDir(), "server.json")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"rateLimitMaxRequests": 5}`)
	r := start(t, "-config", file)
	for _, step := range []struct{ file, want string }{
		{`{"rateLimitMaxRequests": 7, "allowedOrigins": ["https://game.example"], "logLevel": ` +
			`"debug"}`, `changed="rateLimitMaxRequests, allowedOrigins, logLevel"`},
		{`{"rateLimitMaxRequests": 8, "compressionLevel": 99}`, `compressionLevel`},
		{`{"rateLimitMaxRequests": 8, "maxMessageBytes": 4096}`, `this change needs a restart`},
		{`{"rateLimitMaxRequests": 8, "logFormat": "json"}`,
			`logFormat: this change needs a restart`},
		{`{"rateLimitMaxRequests":`, `the configuration was not reloaded`},
		{`{"rateLimitMaxRequests": 7, "allowedOrigins": ["https://game.example"], "logLevel": ` +
			`"debug"}`, `nothing changed`},
		{`{"logLevel": "info"}`, `changed="rateLimitMaxRequests, allowedOrigins, logLevel"`},
	} {
		before := len(r.log.String())
		write(step.file)
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		deadline := time.Now().Add(patience)
		for !strings.Contains(r.log.String()[before:], "reloaded") {
			if time.Now().After(deadline) {
				t.Fatalf("%s: nothing was logged", step.file)
			}
			time.Sleep(time.Millisecond)
		}
		if text := r.log.String()[before:]; !strings.Contains(text, step.want) {
			t.Errorf("%s: the log has no %q:\n%s", step.file, step.want, text)
		}
	}
	if code := r.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
