package ops

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const token = "0123456789abcdef-token"

// Who is answered, and who is not.
func TestGuard(t *testing.T) {
	v := arena(t)
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("page"))
	})
	open := Handler(v, Options{Hosts: []string{"ops.example"}, Drain: func() {}})
	closed := Handler(v, Options{Token: token, Page: page, Drain: func() {}})
	bearer := "Authorization: Bearer " + token
	const local, far, unix = "127.0.0.1:1", "192.0.2.1:1", "@"
	for _, c := range []struct {
		h                         http.Handler
		method, target, host, who string
		header                    string
		status                    int
	}{
		{open, "GET", "/stats", "localhost:9090", local, "", 200},
		{open, "GET", "/stats", "127.0.0.1:9090", local, "", 200},
		{open, "GET", "/stats", "[::1]:9090", "[::1]:1", "", 200},
		{open, "GET", "/stats", "ops.example:9090", local, "", 200},
		{open, "GET", "/stats", "anything", unix, "", 200},
		{open, "GET", "/stats", "localhost", far, "", 403},
		{open, "GET", "/stats", "evil.example", local, "", 403}, // DNS rebinding
		{open, "GET", "/stats", "localhost.evil.example", local, "", 403},
		{open, "GET", "/stats", "localhost", local, "X-Forwarded-For: 192.0.2.1", 403},
		{open, "GET", "/stats", "localhost", unix, "Forwarded: for=192.0.2.1", 403},
		{open, "GET", "/stats", "localhost", local, "X-Real-IP: 192.0.2.1", 403},
		{open, "GET", "/stats", "localhost", local, "Via: 1.1 proxy", 403},
		{open, "POST", "/drain", "localhost", local, "", 202},
		{open, "POST", "/drain", "localhost", local, "Origin: http://localhost", 202},
		{open, "POST", "/drain", "localhost", local, "Origin: http://evil.example", 403},
		{open, "POST", "/drain", "localhost", local, "Origin: null", 403},
		{open, "POST", "/drain", "localhost", local, "Sec-Fetch-Site: cross-site", 403},
		{open, "POST", "/drain", "localhost", local, "Sec-Fetch-Site: same-site", 403},
		{open, "POST", "/drain", "localhost", far, "", 403},
		{open, "GET", "/readyz", "evil.example", far, "", 200}, // for load balancers
		{open, "HEAD", "/healthz", "evil.example", far, "", 200},
		{open, "POST", "/healthz", "localhost", local, "", 405},
		{closed, "GET", "/stats", "ops.example", far, bearer, 200},
		{closed, "GET", "/stats", "ops.example", far, "Authorization: bearer " + token, 200},
		{closed, "GET", "/stats", "ops.example", far, "", 401},
		{closed, "GET", "/stats", "localhost", local, "", 401},
		{closed, "GET", "/metrics", "localhost", local, "", 401},
		{closed, "GET", "/debug/pprof/", "localhost", local, "", 401},
		{closed, "GET", "/api/info", "localhost", local, "", 401},
		{closed, "GET", "/stats", "ops.example", far, bearer + "x", 401},
		{closed, "GET", "/stats", "ops.example", far, "Authorization: Bearer ", 401},
		{closed, "POST", "/drain", "ops.example", far, bearer, 202},
		{closed, "POST", "/drain", "ops.example", far, "", 401},
		{closed, "POST", "/", "ops.example", far, "", 401},
		{closed, "GET", "/", "ops.example", far, "", 200}, // the page
		{closed, "GET", "/page.js", "ops.example", far, "", 200},
		{closed, "GET", "/healthz", "ops.example", far, "", 200},
	} {
		r := httptest.NewRequest(c.method, "http://"+c.host+c.target, nil)
		r.RemoteAddr = c.who
		if name, value, ok := strings.Cut(c.header, ": "); ok {
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		c.h.ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("%s %s of %s as %s with %q: %d %s, want %d", c.method, c.target, c.who, c.host,
				c.header, w.Code, w.Body, c.status)
		}
	}
	for dest, status := range map[string]int{"empty": 403, "image": 403, "iframe": 403,
		"document": 200} {
		r := httptest.NewRequest("GET", "http://localhost/debug/pprof/", nil)
		r.RemoteAddr = local
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		r.Header.Set("Sec-Fetch-Dest", dest)
		w := httptest.NewRecorder()
		if open.ServeHTTP(w, r); w.Code != status {
			t.Errorf("for %s in a page of another site: %d, want %d", dest, w.Code, status)
		}
	}
	r := httptest.NewRequest("GET", "/stats", nil)
	r.SetBasicAuth("anna", token)
	w := httptest.NewRecorder()
	closed.ServeHTTP(w, r)
	if w.Code != 200 {
		t.Errorf("as the password of a user: %d", w.Code)
	}
}

// What comes by HTTP/1.0 is a proxy's, although that says nothing of itself and names this machine:
// so nginx forwards unless it is told otherwise.
func TestGuardKnowsASilentProxy(t *testing.T) {
	r := httptest.NewRequest("GET", "http://localhost/stats", nil)
	r.RemoteAddr, r.Proto, r.ProtoMajor, r.ProtoMinor = "127.0.0.1:1", "HTTP/1.0", 1, 0
	w := httptest.NewRecorder()
	if Handler(arena(t), Options{}).ServeHTTP(w, r); w.Code != 403 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// hasty is a connection that notes its deadlines.
type hasty struct {
	*httptest.ResponseRecorder
	read, write time.Time
}

func (h *hasty) SetReadDeadline(at time.Time) error  { h.read = at; return nil }
func (h *hasty) SetWriteDeadline(at time.Time) error { h.write = at; return nil }

// Whoever sends a body or takes an answer slowly keeps no connection, with the token or without.
func TestSlowRequestsEnd(t *testing.T) {
	h := Handler(arena(t), Options{Token: token})
	for _, path := range []string{"/drain", "/healthz"} {
		w := &hasty{ResponseRecorder: httptest.NewRecorder()}
		h.ServeHTTP(w, httptest.NewRequest("POST", path, strings.NewReader("x")))
		if w.read.IsZero() || w.write.IsZero() {
			t.Errorf("POST %s may take for ever: %v %v", path, w.read, w.write)
		}
	}
	w := &hasty{ResponseRecorder: httptest.NewRecorder()}
	h.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if !w.read.IsZero() || w.write.IsZero() {
		t.Errorf("GET: %v %v", w.read, w.write) // a deadline of reading would end a tail
	}
}

// The log has who acts by name, and what was refused, in one line however often it was.
func TestGuardLogs(t *testing.T) {
	var log lines
	h := Handler(arena(t), Options{Token: token, Logger: log.logger(), Drain: func() {}})
	if code, _ := ask(t, h, "GET", "/api/info", ""); code != 401 || log.String() != "" {
		t.Errorf("to a page that asks whether there is a token: %d, and in the log\n%s", code, &log)
	}
	for range 100 {
		ask(t, h, "GET", "/stats", "")
	}
	if n := strings.Count(log.String(), "requests are refused"); n != 1 {
		t.Errorf("%d lines:\n%s", n, &log)
	}
	r := httptest.NewRequest("POST", "/drain", nil)
	r.SetBasicAuth("anna", token)
	h.ServeHTTP(httptest.NewRecorder(), r)
	if text := log.String(); !strings.Contains(text, "action=drain who=anna") ||
		strings.Contains(text, token) {
		t.Errorf("%s", &log)
	}
}

func TestShortTokenPanics(t *testing.T) {
	v := arena(t)
	defer func() {
		if recover() == nil {
			t.Error("a token of 15 bytes was taken")
		}
	}()
	Handler(v, Options{Token: token[:MinToken-1]})
}

func TestCheckAddr(t *testing.T) {
	for _, c := range []struct{ addr, token, part string }{
		{"127.0.0.1:9090", "", ""},
		{"[::1]:9090", "", ""},
		{"localhost:9090", "", ""},
		{"unix:/run/x", "", ""},
		{"0.0.0.0:9090", token, ""},
		{":9090", token, ""},
		{"0.0.0.0:9090", "", "token"},
		{":9090", "", "token"},
		{"[::]:9090", "", "token"},
		{"192.0.2.1:9090", "", "token"},
		{"ops.example:9090", "", "token"},
		{"127.0.0.1:9090", "short", "16"},
		{"9090", "", "host:port"},
		{"unix:", "", "file"},
	} {
		err := CheckAddr(c.addr, c.token)
		if (err != nil) != (c.part != "") || err != nil && !strings.Contains(err.Error(), c.part) {
			t.Errorf("%q with %q: %v, want an error with %q", c.addr, c.token, err, c.part)
		}
	}
}

// A Unix socket is for its owner alone, and takes the place of one that was left behind.
func TestListenOnUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ops")
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false)
	left.Close()
	l, err := Listen("unix:"+path, "")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	fi, err := os.Stat(path)
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", fi, err)
	}
	if _, err := Listen("0.0.0.0:0", ""); err == nil {
		t.Error("an open address without a token was bound")
	}
}
