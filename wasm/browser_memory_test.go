//go:build !js

package main

import (
	"encoding/json"
	"io"
	"net/http"
	neturl "net/url"
	"testing"

	"github.com/smartsocket/smartsocket/internal/browsertest"
)

// TestBrowserMemory sends and receives 100 000 messages in Chromium. The heap must be as large
// afterwards as before. engine.test.js checks the same for the memory of the wasm engine.
func TestBrowserMemory(t *testing.T) {
	server := start(t, testOptions())
	serveTests(server)
	site := newSite(t, browsertest.Chromium, "--js-flags=--expose-gc",
		"--enable-precise-memory-info")
	site.Mux.HandleFunc("/memory.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, "testdata/memory.js")
	})
	site.Mux.HandleFunc("/memory", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w,
			`<!doctype html><title>memory</title><script src="/browsertest.js"></script><script `+
				`src="/memory.js"></script>`)
	})
	for _, engine := range []string{"wasm", "js"} {
		t.Run(engine, func(t *testing.T) {
			var got struct {
				Before, After, Sent, Received int
				Engine                        string
			}
			query := neturl.Values{"server": {url(server)}, "engine": {engine}}
			report := site.Visit(t, "/memory?"+query.Encode())
			if err := json.Unmarshal(report, &got); err != nil {
				t.Fatal(err)
			}
			t.Logf("heap %d bytes before, %d after; %d sent, %d received", got.Before, got.After,
				got.Sent, got.Received)
			if got.Sent < 100_000 || got.Received < 100_000 || got.Engine != engine {
				t.Errorf("%d sent, %d received on engine %q", got.Sent, got.Received, got.Engine)
			}
			if got.After > got.Before+512<<10 { // 5 bytes a message
				t.Errorf("the heap grew from %d to %d bytes", got.Before, got.After)
			}
		})
	}
}
