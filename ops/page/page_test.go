package page

import (
	"io/fs"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"testing"
)

var handler = Handler()

// ask asks the handler of the page.
func ask(t *testing.T, method, target, etag string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, "http://localhost"+target, nil)
	if etag != "" {
		r.Header.Set("If-None-Match", etag)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

// Every file is there, with its type, and under the policy.
func TestFiles(t *testing.T) {
	for target, kind := range map[string]string{
		"/": "text/html; charset=utf-8", "/index.html": "text/html; charset=utf-8",
		"/admin.css": "text/css; charset=utf-8", "/js/main.js": "text/javascript; charset=utf-8",
		"/icon.svg": "image/svg+xml",
	} {
		w := ask(t, "GET", target, "")
		if w.Code != 200 || w.Header().Get("Content-Type") != kind || w.Body.Len() == 0 {
			t.Errorf("%s: %d, %q, %d bytes", target, w.Code, w.Header().Get("Content-Type"),
				w.Body.Len())
		}
		if again := ask(t, "GET", target, w.Header().Get("ETag")); again.Code != 304 {
			t.Errorf("%s again: %d", target, again.Code)
		}
		if head := ask(t, "HEAD", target, ""); head.Code != 200 || head.Body.Len() != 0 {
			t.Errorf("HEAD %s: %d, %d bytes", target, head.Code, head.Body.Len())
		}
	}
	for _, target := range []string{"/", "/nothing", "/js", "/js/", "/js/../page.go"} {
		w := ask(t, "GET", target, "")
		if found := w.Code == 200; found != (target == "/") {
			t.Errorf("%s: %d", target, w.Code)
		}
		if w.Header().Get("Content-Security-Policy") != Policy ||
			w.Header().Get("X-Content-Type-Options") != "nosniff" ||
			w.Header().Get("Cross-Origin-Opener-Policy") != "same-origin" {
			t.Errorf("%s has the header %v", target, w.Header())
		}
	}
}

// Nothing but the page's own files may run or be asked for.
func TestPolicy(t *testing.T) {
	for _, loose := range []string{"unsafe", "*", "http", "data:", "blob:"} {
		if strings.Contains(Policy, loose) {
			t.Errorf("the policy has %q: %s", loose, Policy)
		}
	}
	for _, strict := range []string{"default-src 'none'", "script-src 'self'", "form-action 'none'",
		"frame-ancestors 'none'", "base-uri 'none'", "require-trusted-types-for 'script'"} {
		if !strings.Contains(Policy, strict) {
			t.Errorf("the policy has no %s: %s", strict, Policy)
		}
	}
}

// All addresses in the files are relative and lead to a file, so the page works below any path, and
// nothing makes HTML of text or keeps anything beyond the tab.
func TestSources(t *testing.T) {
	links := regexp.MustCompile(`(?:src|href)="([^"#]+)"|from '([^']+)'`)
	found := 0
	err := fs.WalkDir(files, "web", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		for _, m := range links.FindAllStringSubmatch(string(text), -1) {
			target := path.Join("/", path.Dir(name[len("web"):]), m[1]+m[2])
			if strings.HasPrefix(m[1]+m[2], "/") || ask(t, "GET", target, "").Code != 200 {
				t.Errorf("%s links to %q", name, m[1]+m[2])
			}
			found++
		}
		for _, bad := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "eval(",
			"document.write", "localStorage", "document.cookie", "<style", " style=", "onclick="} {
			if strings.Contains(string(text), bad) {
				t.Errorf("%s has %s", name, bad)
			}
		}
		return nil
	})
	if err != nil || found < 30 {
		t.Errorf("%d links, %v", found, err)
	}
}
