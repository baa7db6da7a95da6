package page_test

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket/internal/browsertest"
)

// drive is a script that uses the page as somebody would. It runs in the page itself, so it works
// in every browser, and under the page's policy. Chromium has tests of its own.
//
//go:embed testdata/drive.js
var drive string

// behind serves the operations address below a path of a site, through a proxy that adds the
// scripts of the test to the page.
func behind(t *testing.T, s *browsertest.Site, prefix, address string, told any) {
	t.Helper()
	to, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	const scripts = `<script src="/browsertest.js"></script>` +
		`<script type="module" src="/drive.js"></script></head>`
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.URL.Path = strings.TrimPrefix(r.In.URL.Path, strings.TrimSuffix(prefix, "/"))
			r.Out.Host = r.In.Host
			r.SetXForwarded()
		},
		ModifyResponse: func(r *http.Response) error {
			if !strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") {
				return nil
			}
			b, err := io.ReadAll(r.Body)
			b = bytes.Replace(b, []byte("</head>"), []byte(scripts), 1)
			r.Body = io.NopCloser(bytes.NewReader(b))
			r.ContentLength = int64(len(b))
			r.Header.Set("Content-Length", strconv.Itoa(len(b)))
			return err
		},
	}
	s.Mux.Handle(prefix, proxy)
	s.Mux.HandleFunc("GET /drive.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = io.WriteString(w, drive)
	})
	s.Mux.HandleFunc("GET /drive.json", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(told)
	})
}

// The main path works in Firefox, below a path of a proxy, and without breaking the policy.
func TestFirefox(t *testing.T) {
	s := browsertest.New(t, browsertest.Firefox)
	w := newWorld(t)
	anna := w.player("anna", "red", "lobby")
	behind(t, s, "/tools/ops/", w.listen(""), map[string]string{"token": token, "id": anna.id})
	s.Mux.HandleFunc("POST /drive/move", func(http.ResponseWriter, *http.Request) {
		_, _ = anna.EmitWithAck(t.Context(), "move", map[string]int{"x": 1})
	})
	if report := string(s.Visit(t, "/tools/ops/")); report != `"done"` {
		t.Errorf("the page reports %s", report)
	}
	<-anna.ended
	if n := w.server.Namespace("/arena").Len(); n != 0 {
		t.Errorf("%d sockets are there after the only one was disconnected", n)
	}
	w.logged("action=disconnect who=anna")
}
