package main

import (
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// opsOf returns the URL of the operations address that a running server has logged.
func opsOf(t *testing.T, r *running) string {
	t.Helper()
	found := regexp.MustCompile(`operations address is open address=(\S+)`).
		FindStringSubmatch(r.log.String())
	if found == nil {
		t.Fatalf("the log has no address:\n%s", r.log)
	}
	return "http://" + found[1]
}

// askOps sends a request, with a token unless it is "", and returns the answer and its body.
func askOps(t *testing.T, method, url, token, text string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// Nobody keeps a connection for nothing: each has a limit while it asks, and while it does not.
func TestOpsConnectionsEnd(t *testing.T) {
	s := opsServer(t.Context(), http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	if s.IdleTimeout <= 0 || s.ReadHeaderTimeout <= 0 {
		t.Errorf("idle %v, head %v: a connection may wait for ever", s.IdleTimeout,
			s.ReadHeaderTimeout)
	}
}

// Everything that the operations address has is there, with and without the demo.
func TestOpsAddress(t *testing.T) {
	for _, mode := range [][]string{nil, {"-demo"}} {
		r := start(t, append(mode, "-ops-addr", "127.0.0.1:0")...)
		url := opsOf(t, r)
		for path, part := range map[string]string{
			"/metrics":                       "smartsocket_connections 0",
			"/stats":                         `"slowConsumers":0`,
			"/healthz":                       "ok",
			"/readyz":                        `{"ready":true}`,
			"/api/info":                      `"canReload":true`,
			"/api/namespaces":                `"path":"/"`,
			"/":                              "<title>SmartSocket operations</title>",
			"/js/main.js":                    "import",
			"/api/overview":                  `"loopLag":`,
			"/debug/pprof/":                  "goroutine",
			"/debug/pprof/goroutine?debug=1": "goroutine profile",
		} {
			if code, text := askOps(t, "GET", url+path, "", ""); code != 200 ||
				!strings.Contains(text, part) {
				t.Errorf("%v, %s: %d, which lacks %q:\n%.300s", mode, path, code, part, text)
			}
		}
		code, text := askOps(t, "POST", url+"/log-level", "", `{"level":"debug"}`)
		if code != 200 || !strings.Contains(text, "debug") {
			t.Errorf("/log-level: %d %s", code, text)
		}
		r.dial(t, "/").conn.Close()
		waitFor(t, r, "connection accepted") // which is logged at debug
		if code, text := askOps(t, "POST", url+"/reload", "", ""); code != 200 ||
			!strings.Contains(text, `"changed":[]`) {
			t.Errorf("/reload: %d %s", code, text)
		}
		if code, _ := askOps(t, "POST", url+"/drain", "", ""); code != 202 {
			t.Errorf("/drain: %d", code)
		}
		waitFor(t, r, "[info] stopped") // without a signal
	}
}

// waitFor waits for a part of the log.
func waitFor(t *testing.T, r *running, part string) {
	t.Helper()
	for deadline := time.Now().Add(patience); !strings.Contains(r.log.String(), part); {
		if time.Now().After(deadline) {
			t.Fatalf("the log has no %q:\n%s", part, r.log)
		}
		time.Sleep(time.Millisecond)
	}
}

// A token may come from a file, is asked for, and is not in the log.
func TestOpsToken(t *testing.T) {
	const token = "a-token-of-the-operators"
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := start(t, "-ops-addr", "127.0.0.1:0", "-ops-token-file", file)
	url := opsOf(t, r)
	for given, want := range map[string]int{"": 401, "wrong": 401, token: 200} {
		if code, _ := askOps(t, "GET", url+"/stats", given, ""); code != want {
			t.Errorf("with %q: %d, want %d", given, code, want)
		}
	}
	for _, path := range []string{"/readyz", "/", "/admin.css"} {
		if code, _ := askOps(t, "GET", url+path, "", ""); code != 200 {
			t.Errorf("%s without the token: %d", path, code)
		}
	}
	if strings.Contains(r.log.String(), token) {
		t.Error("the token is in the log")
	}
}

// What would let strangers in is refused before anything starts, with the way to mend it.
func TestOpsSettings(t *testing.T) {
	for _, c := range []struct {
		args []string
		part string // of the error; "" for none
	}{
		{[]string{"-ops-addr", "0.0.0.0:9090"}, "token"},
		{[]string{"-ops-addr", ":9090"}, "token"},
		{[]string{"-ops-addr", "0.0.0.0:9090", "-ops-token", "short"}, "16 bytes"},
		{[]string{"-ops-addr", "9090"}, "host:port"},
		{[]string{"-echo", "-ops-addr", "127.0.0.1:9090"}, "profileAddr"},
		{[]string{"-ops-addr", "0.0.0.0:9090", "-ops-token", "0123456789abcdef"}, ""},
		{[]string{"-ops-addr", "127.0.0.1:9090"}, ""},
		{[]string{"-ops-addr", "unix:/run/smartsocket/ops.sock"}, ""},
	} {
		_, err := parse(append(c.args, "-checkconfig"), nil)
		if c.part == "" {
			if err != checkConfig {
				t.Errorf("%v: %v", c.args, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.part) ||
			!strings.Contains(err.Error(), "-ops-addr") {
			t.Errorf("%v: %v, want an error with %q", c.args, err, c.part)
		}
	}
}
