package test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const errorIndex = "docs/ERRORS.md"

var (
	codeTitle  = regexp.MustCompile(`(?m)^### (ERR_\w+): .*\n\n(.*)$`)
	codeOfJS   = regexp.MustCompile(`\b([A-Z_]+): '(ERR_\w+)'`)
	joinedText = regexp.MustCompile(`(["'` + "`" + `])\s*\+\s*["'` + "`" + `]`)
	sentence   = regexp.MustCompile("`([^`]{12,})`")
)

// errorCodes are the codes that the package message has, with the names of their errors.
func errorCodes(t *testing.T) map[string]string {
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "message/errors.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	constants, errs := make(map[string]string), make(map[string]string)
	ast.Inspect(f, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok || len(v.Values) != 1 {
			return true
		}
		switch x := v.Values[0].(type) {
		case *ast.BasicLit:
			constants[v.Names[0].Name] = strings.Trim(x.Value, `"`)
		case *ast.CallExpr:
			if id, ok := x.Args[0].(*ast.Ident); ok && v.Names[0].IsExported() {
				errs[id.Name] = v.Names[0].Name
			}
		}
		return true
	})
	codes := make(map[string]string)
	for name, code := range constants {
		if strings.HasPrefix(code, "ERR_") {
			codes[code] = errs[name]
		}
	}
	return codes
}

// namesInJS are the names that the browser client has for the codes.
func namesInJS(t *testing.T) map[string]string {
	found, err := filepath.Glob(filepath.Join(root, "wasm/js/src/errors.*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("the browser client's errors: %v, %v", found, err)
	}
	text, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]string)
	for _, m := range codeOfJS.FindAllStringSubmatch(string(text), -1) {
		names[m[2]] = m[1]
	}
	return names
}

// The index has a section for each code, under the names that both languages have for it.
func TestEachCodeHasItsCure(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, errorIndex))
	if err != nil {
		t.Fatal(err)
	}
	codes, js := errorCodes(t), namesInJS(t)
	if len(codes) < 20 || len(js) != len(codes) {
		t.Fatalf("%d codes in Go, %d in JavaScript", len(codes), len(js))
	}
	for _, m := range codeTitle.FindAllStringSubmatch(string(text), -1) {
		code := m[1]
		if want := "`CODES." + js[code] + "`, `message." + codes[code] + "`"; m[2] != want {
			t.Errorf("%s: the line below is %q, want %q", code, m[2], want)
		}
		delete(codes, code)
	}
	for code := range codes {
		t.Errorf("%s has no section in %s", code, errorIndex)
	}
}

// notSource are folders whose texts no program says.
var notSource = []string{"node_modules", "dist", "examples", "bench", "test", "testdata",
	"artifacts", "docs"}

// sourceTexts is the code of both clients and the server, with broken texts joined.
func sourceTexts(t *testing.T) string {
	var all strings.Builder
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && path != root &&
			(strings.ContainsAny(name[:1], "._") || slices.Contains(notSource, name)) {
			return filepath.SkipDir
		}
		ours := strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") ||
			strings.Contains(filepath.ToSlash(path), "wasm/js/src/")
		if d.IsDir() || !ours {
			return nil
		}
		text, err := os.ReadFile(path)
		all.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return joinedText.ReplaceAllString(all.String(), "")
}

// What the index says that somebody says, somebody says.
func TestTheIndexQuotes(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, errorIndex))
	if err != nil {
		t.Fatal(err)
	}
	sources, quoted := sourceTexts(t), 0
	for _, line := range strings.Split(string(text), "\n") {
		cells := strings.Split(line, " | ")
		if !strings.HasPrefix(line, "| ") || len(cells) < 3 {
			continue
		}
		for _, m := range sentence.FindAllStringSubmatch(cells[0], -1) {
			for _, part := range strings.Split(m[1], "…") {
				part = strings.Trim(part, " ;:")
				if len(part) < 8 || strings.HasPrefix(part, "*") {
					continue
				}
				if quoted++; !strings.Contains(sources, part) {
					t.Errorf("nobody says %q:\n%s", part, line)
				}
			}
		}
	}
	if quoted < 60 {
		t.Errorf("only %d sentences were found", quoted)
	}
}
