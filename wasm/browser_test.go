//go:build !js

package main

import (
	"encoding/json"
	"io"
	"net/http"
	neturl "net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket/crypto"
	"github.com/smartsocket/smartsocket/internal/browsertest"
)

// outcome is what testdata/page.js reports.
type outcome struct {
	JSON    any
	Bytes   []int
	Nothing bool
	Engine  string
	Leaked  []string
	Secure  bool // the page may use WebCrypto
	Sealed  bool
	Lines   []string // written to the console as warnings and errors
	Took    float64  // milliseconds that connect() took, including loading the engine
}

// Content security policies: a strict one, and what the wasm engine needs in addition.
const (
	strictPolicy = "default-src 'self'; connect-src *; script-src 'self'"
	wasmPolicy   = strictPolicy + " 'wasm-unsafe-eval'"
)

// visits are the ways to load the client: where, which engine is requested, and which one must
// come.
var visits = []struct {
	name, load, engine, want, policy, wasm string
	warns                                  bool
}{
	{name: "module", load: "module", engine: "wasm", want: "wasm"},
	{name: "module, js", load: "module", engine: "js", want: "js", policy: strictPolicy},
	{name: "module, auto", load: "module", engine: "auto", want: "wasm"},
	{name: "script", load: "script", engine: "wasm", want: "wasm"},
	{name: "script, js", load: "script", engine: "js", want: "js", policy: strictPolicy},
	{name: "script, auto", load: "script", engine: "auto", want: "wasm"},
	{name: "module worker", load: "module-worker", engine: "wasm", want: "wasm"},
	{name: "module worker, js", load: "module-worker", engine: "js", want: "js",
		policy: strictPolicy},
	{name: "classic worker", load: "script-worker", engine: "wasm", want: "wasm"},
	{name: "classic worker, js", load: "script-worker", engine: "js", want: "js",
		policy: strictPolicy},
	{name: "policy forbids wasm, module", load: "module", engine: "auto", want: "js",
		policy: strictPolicy, warns: true},
	{name: "policy forbids wasm, script", load: "script", engine: "auto", want: "js",
		policy: strictPolicy, warns: true},
	{name: "policy forbids wasm, worker", load: "module-worker", engine: "auto", want: "js",
		policy: strictPolicy, warns: true},
	{name: "wasm is missing", load: "module", engine: "auto", want: "js",
		wasm: "/broken/missing/smartsocket.wasm", warns: true},
	{name: "wasm is cut short", load: "module", engine: "auto", want: "js",
		wasm: "/broken/cut/smartsocket.wasm", warns: true},
	{name: "wasm is another file", load: "script", engine: "auto", want: "js",
		wasm: "/broken/html/smartsocket.wasm", warns: true},
	{name: "wasm's loader is missing", load: "script", engine: "auto", want: "js",
		wasm: "/broken/loader/smartsocket.wasm", warns: true},
	{name: "wasm with another type", load: "module", engine: "auto", want: "wasm",
		wasm: "/broken/type/smartsocket.wasm"},
}

// TestBrowser loads the client in real browsers, in pages and workers, with and without permission
// to run wasm, with complete and with broken files. The client must work on one engine or the
// other, and must say once if the wasm engine did not load.
func TestBrowser(t *testing.T) {
	eachBrowser(t, func(t *testing.T, browser browsertest.Browser) {
		server := start(t, testOptions())
		serveTests(server)
		site := newSite(t, browser)
		for _, v := range visits {
			t.Run(v.name, func(t *testing.T) {
				query := neturl.Values{"server": {url(server)}, "load": {v.load},
					"engine": {v.engine}, "expect": {v.want}}
				if v.policy != "" {
					query.Set("policy", v.policy)
				}
				if v.wasm != "" {
					query.Set("wasm", v.wasm)
				}
				got := visit(t, site, "/page?"+query.Encode())
				check(t, got, v.want)
				if v.warns && (len(got.Lines) != 1 || !strings.Contains(got.Lines[0],
					"warn: [smartsocket] [warn] the wasm engine did not load")) ||
					!v.warns && len(got.Lines) > 0 {
					t.Errorf("the console has %q; want one warning: %v", got.Lines, v.warns)
				}
			})
		}
	})
}

// TestBrowserEncrypts runs the client with a key on pages served over plain http:, which have no
// WebCrypto.
func TestBrowserEncrypts(t *testing.T) {
	eachBrowser(t, func(t *testing.T, browser browsertest.Browser) {
		key := crypto.GenerateKey()
		site := newSite(t, browser)
		for _, algorithm := range []crypto.Algorithm{crypto.AES256GCM, crypto.AES256CBC} {
			o := testOptions()
			o.EncryptionKey, o.EncryptionAlgorithm = key.Encode(), algorithm.String()
			server := start(t, o)
			serveTests(server)
			for _, engine := range []string{"wasm", "js"} {
				t.Run(algorithm.String()+" "+engine, func(t *testing.T) {
					query := neturl.Values{"server": {url(server)}, "load": {"module"},
						"engine": {engine}, "expect": {engine}, "key": {key.Encode()}}
					got := visit(t, site, site.Insecure()+"/page?"+query.Encode())
					check(t, got, engine)
					if got.Secure || !got.Sealed {
						t.Errorf("the page is trusted: %v, the connection is encrypted: %v; want "+
							"false and true", got.Secure, got.Sealed)
					}
				})
			}
		}
	})
}

// TestBrowserConnectTime logs how long connecting takes for a page with an empty cache, including
// loading the engine. It asserts nothing.
func TestBrowserConnectTime(t *testing.T) {
	if testing.Short() {
		t.Skip("measures")
	}
	eachBrowser(t, func(t *testing.T, browser browsertest.Browser) {
		server := start(t, testOptions())
		serveTests(server)
		site := newSite(t, browser)
		for _, engine := range []string{"wasm", "js"} {
			var took []float64
			for range 7 {
				query := neturl.Values{"server": {url(server)}, "load": {"module"},
					"engine": {engine}, "expect": {engine}}
				took = append(took, visit(t, site, "/page?"+query.Encode()).Took)
			}
			slices.Sort(took)
			t.Logf("%s, engine %s: connect() takes %.0f ms in the middle of %.0f", browser, engine,
				took[len(took)/2], took)
		}
	})
}

func eachBrowser(t *testing.T, run func(*testing.T, browsertest.Browser)) {
	for _, browser := range browsertest.All {
		t.Run(string(browser), func(t *testing.T) { run(t, browser) })
	}
}

// newSite serves the client, testdata/page.js and broken copies of the engine.
func newSite(t *testing.T, browser browsertest.Browser, arguments ...string) *browsertest.Site {
	site := browsertest.New(t, browser, arguments...)
	files := http.StripPrefix("/dist/", http.FileServer(http.Dir(dist)))
	site.Mux.HandleFunc("/dist/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		files.ServeHTTP(w, r)
	})
	site.Mux.HandleFunc("/page.js", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policyOf(r)) // a worker has its own
		http.ServeFile(w, r, "testdata/page.js")
	})
	site.Mux.HandleFunc("/page", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", policyOf(r))
		io.WriteString(w,
			`<!doctype html><title>test</title><script src="/browsertest.js"></script><script `+
				`src="/page.js"></script>`)
	})
	site.Mux.HandleFunc("/broken/{how}/{file}", serveBroken)
	return site
}

func policyOf(r *http.Request) string {
	if policy := r.URL.Query().Get("policy"); policy != "" {
		return policy
	}
	return wasmPolicy
}

// serveBroken serves the engine the way careless servers do.
func serveBroken(w http.ResponseWriter, r *http.Request) {
	how, file := r.PathValue("how"), r.PathValue("file")
	b, err := os.ReadFile(filepath.Join(dist, filepath.Base(file)))
	if err != nil || how == "missing" || how == "loader" && file == "wasm_exec.js" {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/javascript")
	if file == "smartsocket.wasm" {
		w.Header().Set("Content-Type", "application/wasm")
		switch how {
		case "cut":
			b = b[:len(b)/2]
		case "html":
			b = []byte("<!doctype html><title>Welcome</title>")
		case "type":
			w.Header().Set("Content-Type", "text/plain")
		}
	}
	w.Write(b)
}

// visit opens a page made of page.js and returns its outcome.
func visit(t *testing.T, site *browsertest.Site, address string) outcome {
	t.Helper()
	var got outcome
	if err := json.Unmarshal(site.Visit(t, address), &got); err != nil {
		t.Fatal(err)
	}
	return got
}

func check(t *testing.T, got outcome, engine string) {
	t.Helper()
	if want := map[string]any{
		"text": "grüße", "list": []any{1.0, nil}}; !reflect.DeepEqual(got.JSON, want) {
		t.Errorf("JSON came back as %v, want %v", got.JSON, want)
	}
	if !reflect.DeepEqual(got.Bytes, []int{1, 2, 255}) || !got.Nothing {
		t.Errorf("bytes %v, no data stayed no data: %v", got.Bytes, got.Nothing)
	}
	if got.Engine != engine {
		t.Errorf("engine %q, want %q", got.Engine, engine)
	}
	if len(got.Leaked) > 0 {
		t.Errorf("the client left %v in the global object", got.Leaked)
	}
}
