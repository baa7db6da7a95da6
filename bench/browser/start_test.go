package browser

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/internal/browsertest"
)

var (
	starts   = flag.Int("starts", 15, "how often a page is started with each engine")
	messages = flag.Int("messages", 100_000, "how many messages a page takes for its memory")
)

// begun is what the page of starts reports.
type begun struct {
	Agent  string
	Starts []struct {
		Engine        string
		Loaded, Event float64 // ms from the first script of the page
	}
	Floods []struct {
		Engine, Last  string
		Got           int
		Before, After *float64 // bytes of the page, nil where the browser does not tell
		Took          float64  // ms
	}
}

// serve starts a server whose clients are greeted, and sent as many events as they ask for.
func serve(t testing.TB) string {
	t.Helper()
	options := smartsocket.DefaultOptions()
	options.Logger = slog.New(slog.DiscardHandler)
	options.EnableRateLimiting = smartsocket.Disabled
	options.AllowedOrigins = []string{"*"} // the page's own server is another one
	server, err := smartsocket.New(options)
	if err != nil {
		t.Fatal(err)
	}
	server.OnConnected(func(s *smartsocket.Socket) { s.Emit("hello", "page") })
	move := json.RawMessage(cases(t)[0].Payload)
	smartsocket.Handle(server, "send", func(s *smartsocket.Socket, n int) (int, error) {
		for range min(n, 1000) {
			s.Emit("moved", move)
		}
		return n, nil
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Shutdown(context.Background())
		<-done
	})
	return "ws://" + listener.Addr().String()
}

// begin starts pages in a browser.
func begin(t testing.TB, browser browsertest.Browser, files string, starts, messages int) begun {
	t.Helper()
	// The second lets Chromium measure memory at once, and not when it suits.
	site := browsertest.New(t, browser, map[browsertest.Browser][]string{
		browsertest.Chromium: {"--enable-blink-features=ForceEagerMeasureMemory"}}[browser]...)
	isolated := func(h http.Handler) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
			w.Header().Set("Cross-Origin-Embedder-Policy", "require-corp")
			w.Header().Set("Cache-Control", "no-store") // every start loads all
			h.ServeHTTP(w, r)
		}
	}
	site.Mux.HandleFunc("GET /{$}", isolated(http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			io.WriteString(w, `<!doctype html><title>starts</title><body><script `+
				`src="/browsertest.js"></script><script type="module" src="/start.js"></script>`)
		})))
	page := func(name string) http.HandlerFunc {
		return isolated(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.ServeFile(w, r, filepath.Join("page", name))
		}))
	}
	site.Mux.HandleFunc("GET /start.js", page("start.js"))
	site.Mux.HandleFunc("GET /start/page", page("start.html"))
	site.Mux.Handle("GET /start/",
		isolated(http.StripPrefix("/start/", http.FileServer(http.Dir(files)))))
	query := url.Values{"server": {serve(t)}, "starts": {strconv.Itoa(starts)},
		"messages": {strconv.Itoa(messages)}}
	var got begun
	if err := json.Unmarshal(site.Visit(t, "/?"+query.Encode()), &got); err != nil {
		t.Fatal(err)
	}
	for _, f := range got.Floods {
		if f.Got != messages || f.Last != "running" {
			t.Errorf("%s took %d messages, want %d, the last %q", f.Engine, f.Got, messages, f.Last)
		}
	}
	return got
}

// TestStartsOfAPage starts a page once with each engine. No time is judged.
func TestStartsOfAPage(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles for the browser")
	}
	browsertest.Path(t, browsertest.Chromium)
	got := begin(t, browsertest.Chromium, build(t), 1, 2000)
	if len(got.Starts) != 2 || len(got.Floods) != 2 {
		t.Fatalf("%+v", got)
	}
	for _, f := range got.Floods {
		if f.Before == nil || f.After == nil || *f.Before <= 0 {
			t.Errorf("%s: no memory was measured: %+v", f.Engine, f)
		}
	}
	for _, row := range startTable(got) {
		if strings.Contains(row, "NaN") {
			t.Errorf("the table has the row %s", row)
		}
	}
}

// BenchmarkStarts measures from a page's first script to its first event, and what a page takes
// before and after many messages.
func BenchmarkStarts(b *testing.B) {
	files := build(b)
	for _, browser := range browsertest.All {
		b.Run(string(browser), func(b *testing.B) {
			got := begin(b, browser, files, *starts, *messages)
			text := fmt.Sprintf("%s\n\n%s\n", got.Agent, strings.Join(startTable(got), "\n"))
			fmt.Println("\n" + text)
			if *outDir == "" {
				return
			}
			if err := os.MkdirAll(*outDir, 0o755); err != nil {
				b.Fatal(err)
			}
			name := filepath.Join(*outDir, string(browser)+"-starts.md")
			if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// startTable has a row for each engine.
func startTable(r begun) []string {
	rows := []string{
		"| engine | the client is loaded | the first event | memory before | after " +
			"| messages a second |",
		"|---|---:|---:|---:|---:|---:|"}
	for _, f := range r.Floods {
		var loaded, event []float64
		for _, s := range r.Starts {
			if s.Engine == f.Engine {
				loaded, event = append(loaded, s.Loaded), append(event, s.Event)
			}
		}
		if len(event) == 0 {
			continue
		}
		rows = append(rows, fmt.Sprintf("| %s | %.0f ms | %.0f ms | %s | %s | %.0f |", f.Engine,
			median(loaded), median(event), megabytes(f.Before), megabytes(f.After),
			float64(f.Got)/max(f.Took, 1)*1000))
	}
	return rows
}

func megabytes(bytes *float64) string {
	if bytes == nil {
		return "not told"
	}
	return fmt.Sprintf("%.2f MB", *bytes/1e6)
}
