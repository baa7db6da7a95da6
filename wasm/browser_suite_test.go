//go:build !js

package main

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	neturl "net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket/internal/browsertest"
)

// suiteResult is what testdata/browser/suite.js reports for each file.
type suiteResult struct {
	Passed  int
	Skipped []string
	Failed  []string
}

// inBrowsers lists the files of js/test that run in browsers, with the least number of their tests
// that must pass there. Tests that need Node's crypto or zlib, or a server of package ws, are
// skipped.
var inBrowsers = map[string]int{
	"vectors.test.js":    298,
	"flate.test.js":      150,
	"sealing.test.js":    6,
	"engine.test.js":     12,
	"e2e.test.js":        24,
	"e2e-sealed.test.js": 30,
	"codes.test.js":      38,
	"behaviour.test.js":  13,
	"state-e2e.test.js":  12,
}

// TestBrowserSuite runs the client's tests in real browsers, in pages and in workers: the golden
// vectors, both engines, and everything that the client does with real servers.
func TestBrowserSuite(t *testing.T) {
	needNode(t)
	all := slices.Sorted(maps.Keys(inBrowsers))
	runs := []struct {
		load  string
		files []string
	}{
		{"module", all},
		{"script", []string{"e2e.test.js"}},
		{"module-worker", []string{"e2e.test.js", "behaviour.test.js"}},
		{"script-worker", []string{"e2e-sealed.test.js"}},
	}
	eachBrowser(t, func(t *testing.T, browser browsertest.Browser) {
		env := environment{}
		for _, servers := range []environment{plainServers(t), sealedServers(t), codeServers(t),
			stateServers(t)} {
			maps.Copy(env, servers)
		}
		for _, run := range runs {
			t.Run(run.load, func(t *testing.T) {
				// Each has a site of its own, because Chromium refuses WebSockets after some
				// hundred in a short time.
				site := newSite(t, browser)
				serveSuite(site)
				site.Mux.HandleFunc("/environment.json",
					func(w http.ResponseWriter, r *http.Request) { json.NewEncoder(w).Encode(env) })
				query := neturl.Values{"load": {run.load}, "files": {strings.Join(run.files, ",")}}
				var results map[string]suiteResult
				if err := json.Unmarshal(site.Visit(t, "/suite?"+query.Encode()),
					&results); err != nil {
					t.Fatal(err)
				}
				for _, file := range run.files {
					r := results[file]
					t.Logf("%s: %d passed, %d skipped", file, r.Passed, len(r.Skipped))
					for _, failure := range r.Failed {
						t.Errorf("%s: %s", file, failure)
					}
					if r.Passed < inBrowsers[file] {
						t.Errorf("%s: only %d tests passed, want %d; skipped: %q", file, r.Passed,
							inBrowsers[file], r.Skipped)
					}
				}
			})
		}
	})
}

// nodeImport matches imports that browsers do not have.
var nodeImport = regexp.MustCompile(`from '(node:[a-z/]+|ws)'`)

// serveSuite adds the tests of js/test. It redirects their imports of Node to the stand-ins of
// testdata/browser.
func serveSuite(site *browsertest.Site) {
	script := func(pattern, file string) {
		site.Mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			http.ServeFile(w, r, file)
		})
	}
	script("/shim/node.js", "testdata/browser/node.js")
	script("/suite.js", "testdata/browser/suite.js")
	script("/wasm/js/test/setup.js", "testdata/browser/setup.js")
	script("/message/testdata/vectors.json", "../message/testdata/vectors.json")
	script("/crypto/testdata/vectors.json", "../crypto/testdata/vectors.json")
	site.Mux.Handle("/wasm/js/src/", http.StripPrefix("/wasm/js/src/",
		http.FileServer(http.Dir(sources))))
	site.Mux.HandleFunc("/wasm/js/test/{file}", func(w http.ResponseWriter, r *http.Request) {
		b, err := os.ReadFile(filepath.Join("js/test", filepath.Base(r.PathValue("file"))))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/javascript")
		if strings.HasSuffix(r.PathValue("file"), ".json") {
			w.Header().Set("Content-Type", "application/json")
		}
		text := nodeImport.ReplaceAllString(string(b), "from '/shim/node.js'")
		w.Write([]byte(strings.ReplaceAll(text, "process.env", "testEnvironment")))
	})
	site.Mux.HandleFunc("/suite", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		classic := ""
		if r.URL.Query().Get("load") == "script" {
			classic = `<script src="/dist/SmartSocketClient.js"></script>`
		}
		io.WriteString(w,
			`<!doctype html><title>suite</title><script src="/browsertest.js"></script>`+classic+
				`<script src="/suite.js"></script>`)
	})
}
