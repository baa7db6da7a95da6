//go:build !js

package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/crypto"
)

// outcome is what testdata/page.js reports.
type outcome struct {
	Error   string
	JSON    any
	Bytes   []int
	Nothing bool
	Engine  string
	Leaked  []string
	Secure  bool // the page may use WebCrypto
	Sealed  bool
}

// pages are the ways to load the client; each is the script of one page.
var pages = []struct {
	name, engine, want string
	module             bool
	script             string
}{
	{"module", "wasm", "wasm", true, `const before = Reflect.ownKeys(self);
		reportRun('module', import('/dist/index.js').then((m) => tryClient(m.SmartSocketClient, 'wasm', before)));`},
	{"module-js", "js", "js", true, `const before = Reflect.ownKeys(self);
		reportRun('module-js', import('/dist/index.js').then((m) => tryClient(m.SmartSocketClient, 'js', before)));`},
	{"module-auto", "auto", "wasm", true, `const before = Reflect.ownKeys(self);
		reportRun('module-auto', import('/dist/index.js').then((m) => tryClient(m.SmartSocketClient, 'auto', before)));`},
	{"script", "wasm", "wasm", false, `const before = Reflect.ownKeys(self);
		const tag = document.createElement('script');
		tag.src = '/dist/SmartSocketClient.js';
		tag.onload = () => reportRun('script', tryClient(window.SmartSocketClient, 'wasm', before.concat('SmartSocketClient')));
		document.head.append(tag);`},
	{"worker", "wasm", "wasm", true, `new Worker('/worker.js' + location.search, { type: 'module' });`},
	{"classic-worker", "wasm", "wasm", false, `new Worker('/classic-worker.js' + location.search);`},
	{"no-wasm", "auto", "js", true, `const before = Reflect.ownKeys(self);
		reportRun('no-wasm', import('/dist/index.js').then((m) => tryClient(m.SmartSocketClient, 'auto', before)));`},
}

const workerScript = `import '/page.js';
const before = Reflect.ownKeys(self);
reportRun('worker', import('/dist/index.js').then((m) => tryClient(m.SmartSocketClient, 'wasm', before)));`

const classicWorkerScript = `importScripts('/page.js');
const before = Reflect.ownKeys(self).concat('SmartSocketClient');
importScripts('/dist/SmartSocketClient.js');
reportRun('classic-worker', tryClient(self.SmartSocketClient, 'wasm', before));`

// TestBrowser runs the client in headless Chromium, in pages and workers, with and without permission to run wasm.
func TestBrowser(t *testing.T) {
	chromium := findChromium(t)
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	server := start(t, smartsocket.Options{Port: -1, Host: "127.0.0.1", Logger: quiet, AllowedOrigins: []string{"*"}})
	serveTests(server)

	results := make(map[string]chan outcome)
	for _, p := range pages {
		results[p.name] = make(chan outcome, 1)
	}
	site := httptest.NewServer(siteHandler(results))
	defer site.Close()
	for _, p := range pages {
		t.Run(p.name, func(t *testing.T) {
			address := site.URL + "/page/" + p.name + "?" + url.Values{"server": {"ws://" + server.Addr().String()}, "expect": {p.want}}.Encode()
			ctx, stop := context.WithTimeout(t.Context(), time.Minute)
			defer stop()
			visit(t, ctx, chromium, address)
			select {
			case got := <-results[p.name]:
				check(t, got, p.want)
			case <-ctx.Done():
				t.Fatal("the page reported nothing")
			}
		})
	}
}

// TestBrowserEncrypts runs the client with a key on pages from plain http:, where there is no WebCrypto.
func TestBrowserEncrypts(t *testing.T) {
	chromium := findChromium(t)
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	key := crypto.GenerateKey()
	results := map[string]chan outcome{"module": make(chan outcome, 1), "module-js": make(chan outcome, 1)}
	site := httptest.NewServer(siteHandler(results))
	defer site.Close()
	host := strings.Replace(site.URL, "127.0.0.1", insecureHost, 1)
	for _, c := range []struct {
		page, engine string
		algorithm    crypto.Algorithm
	}{{"module", "wasm", crypto.AES256GCM}, {"module-js", "js", crypto.AES256CBC}} {
		t.Run(c.engine, func(t *testing.T) {
			server := start(t, smartsocket.Options{Port: -1, Host: "127.0.0.1", Logger: quiet, AllowedOrigins: []string{"*"}, EncryptionKey: key.Encode(), EncryptionAlgorithm: c.algorithm.String()})
			serveTests(server)
			query := url.Values{"server": {"ws://" + server.Addr().String()}, "expect": {c.engine}, "key": {key.Encode()}}
			ctx, stop := context.WithTimeout(t.Context(), time.Minute)
			defer stop()
			visit(t, ctx, chromium, host+"/page/"+c.page+"?"+query.Encode())
			select {
			case got := <-results[c.page]:
				check(t, got, c.engine)
				if got.Secure || !got.Sealed {
					t.Errorf("the page is trusted: %v, the connection is encrypted: %v; want false and true", got.Secure, got.Sealed)
				}
			case <-ctx.Done():
				t.Fatal("the page reported nothing")
			}
		})
	}
}

// findChromium skips the test where there is none, unless REQUIRE_BROWSER is set.
func findChromium(t *testing.T) string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("REQUIRE_BROWSER") != "" {
		t.Fatal("no Chromium is installed, but REQUIRE_BROWSER is set")
	}
	t.Skip("no Chromium is installed")
	return ""
}

// insecureHost stands for 127.0.0.1 under a name that browsers do not trust, as they trust localhost.
const insecureHost = "smartsocket.example"

// visit opens address and keeps the browser until the test ends.
func visit(t *testing.T, ctx context.Context, chromium, address string) {
	profile := t.TempDir()
	ctx, stop := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage", "--remote-debugging-port=0", "--host-resolver-rules=MAP "+insecureHost+" 127.0.0.1", "--user-data-dir="+profile, address)
	cmd.WaitDelay = 5 * time.Second
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Start(); err != nil {
		stop()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		cmd.Wait()
	})
}

func siteHandler(results map[string]chan outcome) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/dist/", http.StripPrefix("/dist/", http.FileServer(http.Dir(dist))))
	mux.HandleFunc("/page.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, "testdata/page.js") })
	script := func(path, text string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/javascript")
			// a worker has its own policy
			w.Header().Set("Content-Security-Policy", "script-src 'self' 'wasm-unsafe-eval'")
			io.WriteString(w, text)
		})
	}
	script("/worker.js", workerScript)
	script("/classic-worker.js", classicWorkerScript)
	for _, p := range pages {
		script("/script/"+p.name, p.script)
		kind := ""
		if p.module {
			kind = ` type="module"`
		}
		policy := "default-src 'self'; connect-src *; script-src 'self' 'wasm-unsafe-eval'"
		if p.name == "no-wasm" {
			policy = strings.ReplaceAll(policy, " 'wasm-unsafe-eval'", "")
		}
		mux.HandleFunc("/page/"+p.name, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("Content-Security-Policy", policy)
			io.WriteString(w, `<!doctype html><title>test</title><script src="/page.js"></script><script`+kind+` src="/script/`+p.name+`"></script>`)
		})
	}
	mux.HandleFunc("POST /result/{name}", func(w http.ResponseWriter, r *http.Request) {
		var got outcome
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			got.Error = err.Error()
		}
		if c := results[r.PathValue("name")]; c != nil {
			select {
			case c <- got:
			default: // reported already
			}
		}
	})
	return mux
}

func check(t *testing.T, got outcome, engine string) {
	t.Helper()
	if got.Error != "" {
		t.Fatal(got.Error)
	}
	if want := map[string]any{"text": "grüße", "list": []any{1.0, nil}}; !reflect.DeepEqual(got.JSON, want) {
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
