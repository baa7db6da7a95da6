package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	neturl "net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/smartsocket/smartsocket/internal/browsertest"
	"github.com/smartsocket/smartsocket/internal/freeport"
)

// staticPage serves a folder and the arena. options.json has the options of the page's client.
func staticPage(t *testing.T, p *project, way try, r *row) {
	arena := startArena(t, way.key)
	to, err := neturl.Parse(strings.Replace(arena.url, "ws:", "http:", 1))
	if err != nil {
		t.Fatal(err)
	}
	files := site(filepath.Join(p.dir, way.static), &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = r.In.Host
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) {}, // the wire was cut
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/options.json" && way.key != "" {
			fmt.Fprintf(w, `{"encryptionKey": %q}`, way.key)
		} else {
			files.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	show(t, server.URL, r)
}

// servePage lets the tool's own server serve the page. SMARTSOCKET_URL tells it where the arena is.
func servePage(t *testing.T, p *project, way try, r *row) {
	arena := startArena(t, "")
	port := freeport.Of(t)
	tool := p.start(t, way.serve, fmt.Sprintf(way.port, port), "SMARTSOCKET_URL="+arena.url)
	at := fmt.Sprintf(":%d", port)
	tool.until(t, "its address", func(line string) bool { return strings.Contains(line, at) })
	show(t, "http://localhost"+at, r)
	tool.stop(t)
}

// One browser shows all pages, each in a tab of its own.
var (
	chromium = sync.OnceValues(startChromium)
	ends     []func()
)

func startChromium() (context.Context, error) {
	profile, err := os.MkdirTemp("", "templates-")
	if err != nil {
		return nil, err
	}
	allocator, cancelAllocator := chromedp.NewExecAllocator(context.Background(),
		chromiumFlags(browserPath, profile)...)
	browser, cancelBrowser := chromedp.NewContext(allocator)
	ends = append(ends, func() { os.RemoveAll(profile) }, cancelAllocator, cancelBrowser,
		func() { chromedp.Cancel(browser) })
	return browser, chromedp.Run(browser)
}

func chromiumFlags(path, profile string) []chromedp.ExecAllocatorOption {
	return append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.ExecPath(path), chromedp.UserDataDir(profile),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.WSURLReadTimeout(time.Minute))
}

var browserPath string // set before chromium is called

func closeBrowser() {
	for i := len(ends) - 1; i >= 0; i-- {
		ends[i]()
	}
}

var browserMu sync.Mutex

// newTab opens a tab. It skips the test if there is no Chromium.
func newTab(t *testing.T) context.Context {
	t.Helper()
	path := browsertest.Path(t, browsertest.Chromium)
	browserMu.Lock()
	browserPath = path
	browser, err := chromium()
	browserMu.Unlock()
	if err != nil {
		t.Fatalf("starting %s: %v", path, err)
	}
	tab, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	return tab
}

// complaints collects what a page's console shows as a warning or an error, and what it throws.
type complaints struct {
	mu   sync.Mutex
	list []string
}

func (c *complaints) listen(event any) {
	text := ""
	switch event := event.(type) {
	case *runtime.EventExceptionThrown:
		text = event.ExceptionDetails.Error()
	case *runtime.EventConsoleAPICalled:
		if event.Type != runtime.APITypeError && event.Type != runtime.APITypeWarning {
			return
		}
		text = fmt.Sprintf("console %s:", event.Type)
		for _, arg := range event.Args {
			text += " " + strings.Trim(string(arg.Value), `"`) + arg.Description
		}
	default:
		return
	}
	if lines := strings.SplitN(text, "\n", 5); len(lines) > 4 {
		text = strings.Join(lines[:4], "\n") // the rest of the stack is the tool's
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, text)
}

func (c *complaints) all() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.list
}

// lastState resolves when the page's client has done everything, and gives up when that takes too
// long.
const lastState = `new Promise((resolve) => {
  const text = () => document.getElementById('state')?.textContent ?? '';
  const since = performance.now();
  const look = () => {
    if (text() === %q || performance.now() - since > %d) resolve(text());
    else setTimeout(look, 20);
  };
  look();
})`

// show opens a page in a tab of the browser that all share.
func show(t *testing.T, url string, r *row) { showIn(t, newTab(t), url, r) }

// showIn opens a page and waits until its client has done everything.
func showIn(t *testing.T, tab context.Context, url string, r *row) {
	t.Helper()
	ctx, stop := context.WithTimeout(tab, patience)
	defer stop()
	var c complaints
	chromedp.ListenTarget(tab, c.listen)
	var scripts []string
	err := chromedp.Run(ctx, chromedp.Navigate(url),
		chromedp.Evaluate(fmt.Sprintf(lastState, wantedState, 120_000), &r.state,
			func(e *runtime.EvaluateParams) *runtime.EvaluateParams {
				return e.WithAwaitPromise(true)
			}),
		chromedp.Evaluate(`performance.getEntriesByType('resource').map((e) => e.name)`+
			`.filter((name) => /\.m?js(\?|$)/.test(name))`, &scripts))
	if err != nil {
		t.Errorf("%s: %v", url, err)
	}
	for _, complaint := range c.all() {
		t.Errorf("the page complains: %s", complaint)
	}
	for _, script := range scripts {
		r.size += compressed(t, script)
	}
}

// compressed is the size of what is at url after gzip.
func compressed(t *testing.T, url string) int {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := io.Copy(w, answer.Body); err != nil {
		t.Fatal(err)
	}
	w.Close()
	return out.Len()
}
