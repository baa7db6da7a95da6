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
