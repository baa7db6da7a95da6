package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"
)

// web is the page. "make wasm" fills web/dist. In a fresh clone it holds only a note, and the page
// says what to run.
//
//go:embed web/index.html web/arena.css web/chat.html web/chat.css web/icon.svg web/js web/dist
var web embed.FS

// contentPolicy lets the page load only its own files. WebAssembly must be allowed separately.
const contentPolicy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src " +
	"'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; " +
	"frame-ancestors 'none'"

// assets serves the embedded files. It does not change after loadAssets.
type assets struct {
	files map[string]*asset // by URL path
}

type asset struct {
	kind  string // Content-Type
	etag  string
	plain []byte
	gzip  func() []byte // nil if compression does not pay
}

// loadAssets indexes the embedded files. A file with a .gz beside it is sent in that form. Other
// text is compressed when it is first asked for.
func loadAssets() (*assets, error) {
	root, err := fs.Sub(web, "web")
	if err != nil {
		return nil, err
	}
	a := &assets{files: make(map[string]*asset)}
	packed := make(map[string][]byte)
	err = fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		if plain, ok := strings.CutSuffix(name, ".gz"); ok {
			packed["/"+plain] = b
			return nil
		}
		a.files["/"+name] = newAsset(name, b)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for name, b := range packed {
		if f := a.files[name]; f != nil {
			f.gzip = func() []byte { return b }
		}
	}
	index := a.files["/index.html"]
	if index == nil {
		return nil, fmt.Errorf("the embedded page has no index.html: rebuild the program")
	}
	a.files["/"] = index
	return a, nil
}

func newAsset(name string, b []byte) *asset {
	sum := sha256.Sum256(b)
	f := &asset{kind: contentType(name), etag: hex.EncodeToString(sum[:8]), plain: b}
	if len(b) > 512 {
		f.gzip = sync.OnceValue(func() []byte { return compress(b) })
	}
	return f
}

// contentType does not ask the operating system, because the tables of systems differ.
func contentType(name string) string {
	switch ext := path.Ext(name); ext {
	case ".html", ".css":
		return "text/" + ext[1:] + "; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".wasm":
		return "application/wasm"
	case ".svg":
		return "image/svg+xml"
	case ".txt", ".md":
		return "text/plain; charset=utf-8"
	case ".json":
		return "application/json; charset=utf-8"
	default:
		return mime.TypeByExtension(ext)
	}
}

func compress(b []byte) []byte {
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // the level is valid
	w.Write(b)                                              // a bytes.Buffer takes everything
	w.Close()
	return out.Bytes()
}

// ServeHTTP answers with a file. Names do not change with contents, so browsers keep a copy and ask
// each time whether it is still valid.
func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	f := a.files[r.URL.Path]
	if f == nil {
		http.NotFound(w, r)
		return
	}
	h.Set("Content-Type", f.kind)
	h.Set("Cache-Control", "no-cache")
	h.Set("Vary", "Accept-Encoding")
	body, etag := f.plain, f.etag
	if f.gzip != nil && acceptsGzip(r) {
		body, etag = f.gzip(), f.etag+"-gz"
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("ETag", `"`+etag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// acceptsGzip reports whether the Accept-Encoding header lists gzip without forbidding it.
func acceptsGzip(r *http.Request) bool {
	for _, item := range strings.Split(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(item), ";")
		if name = strings.TrimSpace(name); !strings.EqualFold(name, "gzip") {
			continue
		}
		switch strings.ReplaceAll(weight, " ", "") {
		case "q=0", "q=0.0", "q=0.00", "q=0.000":
			return false
		}
		return true
	}
	return false
}
