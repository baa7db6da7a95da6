package archtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// retired lists names that went out of use, so that they do not come back. Each is matched as a
// whole word, in sources, scripts and documents.
var retired = []struct {
	name    string
	instead string   // what to write
	allowed []string // files that may have it still, as deprecated aliases do
}{
	{
		"SetDelivery", "SetEmitOptions",
		[]string{"emit.go", "emit_test.go", "docs/REFERENCE.md"},
	},
	{"takeOver", "Session.Resume", nil},
	{"heir", "link, because a resume moves no socket", nil},
	{"hub.replace", "Socket.link, because a resume moves no socket", nil},
	{"nack", "an error in the ack", nil},
	{"nackOnly", "refusal", nil},
	{"nobodyHandles", "unhandled", nil},
	{"refuseConnect", "turnAway", nil},
	{"errClosedByUser", "Reason", nil},
	{"askedWindow", "ledger", nil},
}

// searched are the files that are looked at, by the end of their names.
var searched = []string{".go", ".js", ".mjs", ".ts", ".sh", ".md", ".html", "Makefile"}

// history has old names for good, and this file lists them.
var history = []string{"CHANGELOG.md", "internal/archtest/words_test.go"}

func TestRetiredNames(t *testing.T) {
	files := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := filepath.ToSlash(strings.TrimPrefix(path, "../../"))
		if d.IsDir() {
			skip := []string{"node_modules", "dist", "artifacts", "bin", "testdata"}
			// .home may hold Go's module cache, and _snippets what another test is compiling.
			if slices.Contains(skip, d.Name()) ||
				d.Name() != ".." && strings.ContainsAny(d.Name()[:1], "._") {
				return filepath.SkipDir
			}
			return nil
		}
		ends := func(end string) bool { return strings.HasSuffix(name, end) }
		if !slices.ContainsFunc(searched, ends) || slices.Contains(history, name) {
			return nil
		}
		files++
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, r := range retired {
			if slices.Contains(r.allowed, name) {
				continue
			}
			for _, line := range linesWith(string(text), r.name) {
				t.Errorf("%s:%d: %s is retired, write %s", name, line, r.name, r.instead)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 300 {
		t.Errorf("only %d files were searched", files)
	}
}

// linesWith lists the lines of a text that have a word.
func linesWith(text, word string) (lines []int) {
	whole := regexp.MustCompile(`\b` + regexp.QuoteMeta(word) + `\b`)
	for i, line := range strings.Split(text, "\n") {
		if whole.MatchString(line) {
			lines = append(lines, i+1)
		}
	}
	return lines
}

func TestLinesWith(t *testing.T) {
	const text = "heir\nheirs\n// the heir,\ns.heir.next\nherein"
	if got := linesWith(text, "heir"); !slices.Equal(got, []int{1, 3, 4}) {
		t.Errorf("found in lines %v", got)
	}
}
