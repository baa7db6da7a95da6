package browsertest

import (
	"io"
	"net/http"
	"testing"
)

func TestSite(t *testing.T) {
	for _, b := range All {
		t.Run(string(b), func(t *testing.T) {
			s := New(t, b)
			s.Mux.HandleFunc("/page", func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				io.WriteString(w,
					`<!doctype html><title>page</title><script `+
						`src="/browsertest.js"></script><script>browsertest.report(location.host `+
						`+ location.search)</script>`)
			})
			for _, base := range []string{s.URL, s.Insecure(), s.URL} {
				if got, want := string(s.Visit(t, base+"/page?"+string(b))),
					`"`+base[len("http://"):]+"?"+string(b)+`"`; got != want {
					t.Errorf("the page reports %s, want %s", got, want)
				}
			}
		})
	}
}

func TestDemanded(t *testing.T) {
	for _, c := range []struct {
		list     string
		browser  Browser
		required bool
		path     string
	}{
		{"", Chromium, false, ""},
		{"none", Chromium, false, ""},
		{"1", Firefox, true, ""},
		{"firefox", Chromium, false, ""},
		{"chromium firefox", Firefox, true, ""},
		{"chromium=/usr/bin/chromium firefox=/opt/a b/firefox", Chromium, true,
			"/usr/bin/chromium"},
		{"chromium=/usr/bin/chromium firefox=/opt/a b/firefox", Firefox, true, "/opt/a b/firefox"},
	} {
		required, path := demanded(c.list, c.browser)
		if required != c.required || path != c.path {
			t.Errorf("%q, %s: %t, %q; want %t, %q", c.list, c.browser, required, path, c.required,
				c.path)
		}
	}
}
