package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket/internal/browsertest"
)

// clicks uses the page like a person would, and reports its lines.
const clicks = `<script src="/browsertest.js"></script><script>
const lines = () => [...document.querySelectorAll('#log li')].map((line) => line.textContent);
const until = (pattern) => new Promise((done) => {
  const look = () => lines().some((line) => pattern.test(line)) ? done() : setTimeout(look, 5);
  look();
});
browsertest.run((async () => {
  await until(/^bytes reversed/);
  document.querySelector('input').value = 'grüße';
  document.querySelector('button').click();
  await until(/says: grüße/);
  document.querySelector('#break').click();
  await until(/you missed this/);
  document.querySelector('input').value = 'still here';
  document.querySelector('button').click();
  await until(/says: still here/);
  return lines();
})());
</script>`

// TestPage runs the program in real browsers. It connects, emits, is answered and asked, and
// recovers what it missed.
func TestPage(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles for the browser")
	}
	dir := t.TempDir()
	for _, browser := range browsertest.All {
		t.Run(string(browser), func(t *testing.T) {
			site := browsertest.New(t, browser)
			if _, err := os.Stat(filepath.Join(dir, "main.wasm")); err != nil {
				if err := compile(dir); err != nil {
					t.Fatal(err)
				}
			}
			server, err := newServer()
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			site.Mux.Handle("GET /", handler(server, dir))
			site.Mux.HandleFunc("GET /clicked", func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				io.Copy(w, io.MultiReader(bytes.NewReader(index), strings.NewReader(clicks)))
			})
			var lines []string
			if err := json.Unmarshal(site.Visit(t, "/clicked"), &lines); err != nil {
				t.Fatal(err)
			}
			checkLines(t, lines)
		})
	}
}

func checkLines(t *testing.T, lines []string) {
	t.Helper()
	id, _ := strings.CutPrefix(lines[0], "connected as ")
	want := []string{
		"connected as " + id, "pages in the room: 1", "bytes reversed: [255 2 1]",
		id + " says: grüße",
		"disconnected: broken on request (close code 3400)", "reconnected as " + id +
			", recovered: true",
		`server says: you missed this, "Go in a page"`, id + " says: still here",
	}
	if got, want := strings.Join(lines, "\n"), strings.Join(want, "\n"); got != want ||
		!regexp.MustCompile(`^\S+$`).MatchString(id) {
		t.Errorf("the page says\n%s\nwant\n%s", got, want)
	}
}
