package test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket"
)

// askHTTP sends one plain request and returns the answer and its body.
func askHTTP(t *testing.T, v *Server, method, target, version string) (*http.Response, string) {
	t.Helper()
	nc := dialRaw(t, v, fmt.Sprintf("%s %s HTTP/%s\r\nHost: h\r\n\r\n", method, target, version))
	defer nc.Close()
	r, err := http.ReadResponse(bufio.NewReader(nc), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r, string(body)
}

// The service port tells whether the server runs and whether it takes clients.
func TestHealth(t *testing.T) {
	v := startServer(t, Options{MaxConnections: 1}, nil)
	for _, version := range []string{"1.0", "1.1"} {
		for _, path := range []string{"/healthz", "/readyz"} {
			for _, method := range []string{"GET", "HEAD"} {
				r, body := askHTTP(t, v, method, path, version)
				if r.StatusCode != 200 || r.Header.Get("Date") == "" ||
					(body == "") != (method == "HEAD") {
					t.Errorf("%s %s: %s %q", method, path, r.Status, body)
				}
			}
		}
	}
	w := dialFull(t, v, "/")
	r, body := askHTTP(t, v, "GET", "/readyz", "1.1")
	if r.StatusCode != 503 || !strings.Contains(body, "maxConnections") ||
		r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Retry-After") == "" {
		t.Errorf("full: %s %q %v", r.Status, body, r.Header)
	}
	if r, _ := askHTTP(t, v, "GET", "/healthz", "1.1"); r.StatusCode != 200 {
		t.Errorf("full: %s", r.Status)
	}
	w.nc.Close()
	eventually(t, "the place to be free", func() bool {
		r, _ := askHTTP(t, v, "GET", "/readyz", "1.1")
		return r.StatusCode == 200
	})
	if n := v.ConnectionStats().Rejected; n != 0 {
		t.Errorf("%d connections were rejected", n)
	}
	if r, _ := askHTTP(t, v, "GET", "/other", "1.1"); r.StatusCode != 426 {
		t.Errorf("another path: %s", r.Status)
	}
}

func TestHealthPaths(t *testing.T) {
	v := startServer(t, Options{HealthPath: "/up", ReadyPath: "off"}, nil)
	for path, want := range map[string]int{
		"/up": 200, "/healthz": 426, "/readyz": 426, "off": 400,
	} {
		if r, _ := askHTTP(t, v, "GET", path, "1.1"); r.StatusCode != want {
			t.Errorf("%s: %s", path, r.Status)
		}
	}
	if _, err := smartsocket.New(Options{HealthPath: "up"}); err == nil {
		t.Error("a path without a slash was accepted")
	}
}
