package browsertest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Patience is how long a page may take to report. It guards against hangs and measures nothing.
const Patience = 2 * time.Minute

// Site is a web server and a browser that visits its pages, one after the other.
type Site struct {
	Mux *http.ServeMux // the test adds its pages here
	URL string         // http://127.0.0.1 and a port

	t         testing.TB
	browser   Browser
	arguments []string
	started   bool
	reports   chan []byte
	next      chan string
	done      chan struct{}
}

// New serves a site to browser until the test ends. It skips the test if there is no such browser.
// arguments are added to the command line of the browser.
func New(t testing.TB, browser Browser, arguments ...string) *Site {
	t.Helper()
	Path(t, browser)
	s := &Site{Mux: http.NewServeMux(), t: t, browser: browser, arguments: arguments,
		reports: make(chan []byte), next: make(chan string), done: make(chan struct{})}
	server := httptest.NewServer(s.Mux)
	s.URL = server.URL
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(s.done) })
	s.Mux.HandleFunc("GET /browsertest.js", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		io.WriteString(w, script)
	})
	s.Mux.HandleFunc("POST /browsertest/report", s.report)
	s.Mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	})
	return s
}

// Visit shows the page at address, which is a path of the site or a URL, and returns what the page
// reports. If the page fails without a report of its own, by an uncaught error or a rejected
// promise, the test t fails.
func (s *Site) Visit(t testing.TB, address string) []byte {
	t.Helper()
	if strings.HasPrefix(address, "/") {
		address = s.URL + address
	}
	late := time.NewTimer(Patience)
	defer late.Stop()
	if s.started {
		select {
		case s.next <- address:
		case <-late.C:
			t.Fatalf("%s no longer asks for a page", s.browser)
		}
	} else {
		s.started = true
		Open(s.t, s.browser, address, s.arguments...)
	}
	select {
	case report := <-s.reports:
		if failure, ok := strings.CutPrefix(string(report), "failed: "); ok {
			t.Fatalf("%s in %s: %s", address, s.browser, failure)
		}
		return report
	case <-late.C:
		t.Fatalf("%s reported nothing to %s", s.browser, address)
		return nil
	}
}

// Insecure returns the URL of the site under InsecureHost.
func (s *Site) Insecure() string { return strings.Replace(s.URL, "127.0.0.1", InsecureHost, 1) }

// report takes what a page reports and answers with the address of the next page.
func (s *Site) report(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		body = []byte("failed: " + err.Error())
	}
	select {
	case s.reports <- body:
	case <-s.done:
		return
	}
	select {
	case next := <-s.next:
		io.WriteString(w, next)
	case <-s.done:
	case <-r.Context().Done():
	}
}

// script runs in pages and not in workers. Workers post to their page.
const script = `(function () {
  'use strict';
  var reported = false;
  function send(text) {
    if (reported) return;
    reported = true;
    var request = new XMLHttpRequest();
    request.open('POST', '/browsertest/report');
    request.onload = function () {
      if (request.responseText) location.href = request.responseText;
    };
    request.send(text);
  }
  var api = {
    report: function (value) { send(JSON.stringify(value)); },
    fail: function (error) {
      var known = error && (error.message || error.name);
      send('failed: ' + (known ? error.name + ': ' + error.message + '\n' + error.stack : error));
    },
    run: function (promise) { promise.then(api.report, api.fail); }
  };
  window.browsertest = api;
  window.addEventListener('error', function (e) {
    var source = e.target && (e.target.src || e.target.href);
    if (!source) api.fail(e.error || e.message);
    else if (!(api.expected && api.expected.test(source))) api.fail(source + ' did not load');
  }, true);
  window.addEventListener('unhandledrejection', function (e) { api.fail(e.reason); });
})();
`
