// Package page is the admin page of an operations address: HTML, CSS and modules of JavaScript,
// embedded as they are, without a build step or a dependency. It is a client of the API of package
// ops, which asks for the token; the files have no secrets.
//
//	http.Serve(l, ops.Handler(server, ops.Options{Page: page.Handler()}))
//
// All its links are relative, so it works below any path of a proxy that ends in a slash.
//
// The package has no mutex, and nothing in it changes.
package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"time"
)

//go:embed web/index.html web/admin.css web/icon.svg web/js/*.js
var files embed.FS

// Policy is the Content-Security-Policy of the page: its own scripts, styles and icon, requests to
// where it comes from, and nothing else. No text becomes HTML or script (trusted types), no form is
// sent by the browser itself, and no other page embeds this one.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

// file is one of the page.
type file struct {
	kind, etag string
	text       []byte
}

// Handler returns the handler of the page, for Options.Page of package ops. It answers GET and HEAD
// at "/" and the paths of the files, and everything else with 404. Browsers keep the files, and ask
// each time whether they are still valid.
func Handler() http.Handler {
	all := make(map[string]file)
	err := fs.WalkDir(files, "web", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := files.ReadFile(name)
		sum := sha256.Sum256(text)
		etag := `"` + hex.EncodeToString(sum[:8]) + `"`
		all[name[len("web"):]] = file{kinds[path.Ext(name)], etag, text}
		return err
	})
	if err != nil {
		panic(fmt.Sprintf("page: an embedded file cannot be read: %v", err)) // it is in the program
	}
	all["/"] = all["/index.html"]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serve(w, r, all) })
}

// kinds do not ask the operating system, because the tables of systems differ.
var kinds = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
	".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

func serve(w http.ResponseWriter, r *http.Request, all map[string]file) {
	h := w.Header()
	h.Set("Content-Security-Policy", Policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	f, ok := all[r.URL.Path]
	if !ok {
		http.Error(w, "there is no such file: the admin page is at /", http.StatusNotFound)
		return
	}
	h.Set("Content-Type", f.kind)
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", f.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.text))
}
