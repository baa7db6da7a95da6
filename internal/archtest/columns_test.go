package archtest

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// columns is the largest width of a line of Go or TypeScript. A tab counts as tabWidth columns.
const (
	columns  = 100
	tabWidth = 4
)

// tables lists the files whose rows, the lines with the tag of a field, may be wider. Generated
// files are exempt without being listed.
var tables = []string{"options.go", "stats.go"}

// generated begins the line that marks a generated file (go help generate).
var generated = []byte("// Code generated ")

// width is the number of columns that a line takes.
func width(line []byte) int {
	return utf8.RuneCount(line) + (tabWidth-1)*bytes.Count(line, []byte("\t"))
}

// goFiles calls f with the slash-separated path and the text of every Go file of the repository.
func goFiles(t *testing.T, f func(path string, text []byte)) {
	t.Helper()
	filesOf(t, ".go", f)
}

func filesOf(t *testing.T, ext string, f func(path string, text []byte)) {
	t.Helper()
	const root = "../.."
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && path != root &&
			(name == "node_modules" || strings.ContainsAny(name[:1], "._")) {
			return filepath.SkipDir // also the snippets that another test is compiling
		}
		if d.IsDir() || filepath.Ext(path) != ext {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		f(filepath.ToSlash(rel), text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// longest is the number of lines that a file of TypeScript may have.
const longest = 500

// TestTypeScriptFits checks the sources of the browser client.
func TestTypeScriptFits(t *testing.T) {
	files := 0
	filesOf(t, ".ts", func(path string, text []byte) {
		if !strings.HasPrefix(path, "wasm/js/src/") {
			return
		}
		files++
		number := 0
		for line := range bytes.Lines(text) {
			number++
			if n := width(bytes.TrimSuffix(line, []byte("\n"))); n > columns {
				t.Errorf("%s:%d has %d columns: wrap it at %d", path, number, n, columns)
			}
		}
		if number > longest {
			t.Errorf("%s has %d lines: split it, so that none is longer than %d", path, number,
				longest)
		}
	})
	if files < 20 {
		t.Fatalf("only %d files of TypeScript were found", files)
	}
}

func TestLinesFitTheColumns(t *testing.T) {
	needed := make(map[string]bool)
	files := 0
	goFiles(t, func(path string, text []byte) {
		files++
		number, isGenerated := 0, false
		for line := range bytes.Lines(text) {
			number++
			isGenerated = isGenerated || bytes.HasPrefix(line, generated)
			if n := width(bytes.TrimSuffix(line, []byte("\n"))); n <= columns || isGenerated {
				continue
			} else if slices.Contains(tables, path) && bytes.Contains(line, []byte(":\"")) {
				needed[path] = true
			} else {
				t.Errorf("%s:%d has %d columns: wrap it at %d, counting a tab as %d",
					path, number, n, columns, tabWidth)
			}
		}
	})
	for _, name := range tables {
		if !needed[name] {
			t.Errorf("nothing in %q is wider than %d columns: take it off the list", name, columns)
		}
	}
	if files < 100 {
		t.Fatalf("only %d Go files were found: this test looks at the wrong folder", files)
	}
}
