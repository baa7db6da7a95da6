//go:build unix

package setuptest

import (
	"path/filepath"
	"strings"
	"testing"
)

// Stand-ins of programs.
const (
	chromiumThatStarts = `case "$*" in *--dump-dom*) echo '<p>it starts</p>' ;; *) exit 1 ;; esac`
	firefoxThatStarts  = `while [ $# -gt 1 ]; do [ "$1" != --screenshot ] || echo picture >"$2"; ` +
		`shift; done`
	versionOnly = `case "$*" in --version) echo 'Browser 1.0' ;; *) echo 'no display' >&2; ` +
		`exit 1 ;; esac`
	saysNothing     = `exit 0`
	notes           = `echo "$*" >>"$NOTES/notes"` + "\n"
	aptThatFails    = notes + `echo 'E: Unable to fetch some archives' >&2; exit 100`
	aptThatInstalls = notes + `for last; do :; done
case "$*" in
*install*chromium)
	printf '%s\n' '#!/bin/sh' 'echo "<p>it starts</p>"' >"$BIN/chromium"
	chmod 755 "$BIN/chromium" ;;
*install*firefox-esr)
	printf '%s\n' '#!/bin/sh' 'while [ $# -gt 1 ]; do' \
		'[ "$1" != --screenshot ] || echo picture >"$2"; shift; done' >"$BIN/firefox-esr"
	chmod 755 "$BIN/firefox-esr" ;;
esac`
	aptOfDeadBrowsers = notes + `case "$*" in
*install*)
	for last; do :; done
	printf '%s\n' '#!/bin/sh' 'echo "libnss3.so: not found" >&2; exit 127' >"$BIN/$last"
	chmod 755 "$BIN/$last" ;;
esac`
)

func TestBrowsers(t *testing.T) {
	for _, c := range []struct {
		name   string
		root   bool
		tools  map[string]string
		stdout string // BIN stands for the PATH's folder
		says   []string
		code   int
		asked  []string // what apt-get was asked for, in this order
	}{
		{name: "none, not root", tools: map[string]string{"apt-get": aptThatInstalls},
			stdout: "none\n",
			says: []string{"no chromium", "no firefox", "skipped", "apt-get install chromium",
				"apt-get install firefox-esr"}},
		{name: "none, root without apt-get", root: true, stdout: "none\n",
			says: []string{"no chromium", "no firefox", "skipped"}},
		{name: "none, root", root: true, tools: map[string]string{"apt-get": aptThatInstalls},
			stdout: "chromium=BIN/chromium firefox=BIN/firefox-esr\n",
			says: []string{"installing the package chromium",
				"installing the package firefox-esr"},
			asked: []string{"update", "install -y", " chromium\n", " firefox-esr\n"}},
		{name: "none, root, apt-get fails", root: true,
			tools: map[string]string{"apt-get": aptThatFails}, stdout: "none\n",
			says: []string{"could not install chromium", "could not install firefox-esr",
				"Unable to fetch some archives", "no chromium", "skipped"},
			asked: []string{"update", " chromium\n", " firefox-esr\n"}},
		{name: "what is installed does not start", root: true,
			tools: map[string]string{"apt-get": aptOfDeadBrowsers}, stdout: "none\n", code: 1,
			says: []string{"chromium is installed, but", "firefox-esr is installed, but",
				"libnss3.so"}},
		{name: "both", tools: map[string]string{"google-chrome": chromiumThatStarts,
			"firefox": firefoxThatStarts},
			stdout: "chromium=BIN/google-chrome firefox=BIN/firefox\n"},
		{name: "both, root", root: true, tools: map[string]string{"chromium": chromiumThatStarts,
			"firefox-esr": firefoxThatStarts, "apt-get": aptThatFails},
			stdout: "chromium=BIN/chromium firefox=BIN/firefox-esr\n"},
		{name: "one", root: true, tools: map[string]string{"firefox-esr": firefoxThatStarts,
			"apt-get": aptThatFails}, stdout: "firefox=BIN/firefox-esr\n",
			says: []string{"no chromium"}, asked: []string{"update", " chromium\n"}},
		{name: "files that are no browsers", tools: map[string]string{"chromium": versionOnly,
			"firefox": saysNothing}, stdout: "none\n",
			says: []string{"chromium is there, but it does not start", "no display",
				"firefox is there, but it does not start", "skipped"}},
		{name: "one that does not start before one that does",
			tools: map[string]string{"chromium-browser": versionOnly,
				"google-chrome": chromiumThatStarts},
			stdout: "chromium=BIN/google-chrome\n", says: []string{"no firefox"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine(t)
			if c.root {
				m.command("id", "echo 0")
			}
			for name, script := range c.tools {
				m.command(name, script)
			}
			got := m.run("bash", "scripts/browsers.sh")
			if want := strings.ReplaceAll(c.stdout, "BIN", m.bin); got.stdout != want ||
				got.code != c.code {
				t.Errorf("it answers %q with status %d, want %q with %d\n%s", got.stdout, got.code,
					want, c.code, got.stderr)
			}
			says(t, got.stderr, c.says...)
			if c.says == nil && got.stderr != "" {
				t.Errorf("it complains: %s", got.stderr)
			}
			asked := m.notes()
			if c.asked == nil && asked != "" && c.code == 0 {
				t.Errorf("apt-get was asked for %s", asked)
			}
			for _, want := range c.asked {
				_, rest, found := strings.Cut(asked, want)
				if !found {
					t.Fatalf("apt-get was asked for\n%swant %q, in this order: %q", m.notes(), want,
						c.asked)
				}
				asked = rest
			}
			if left, _ := filepath.Glob(filepath.Join(m.home, "*")); len(left) > 1 {
				t.Errorf("it leaves %q in the home folder", left)
			}
		})
	}
}
