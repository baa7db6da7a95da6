package test

import (
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// snippet is a block of Go in a page.
type snippet struct {
	at, mark, code string
}

var (
	goBlock = regexp.MustCompile("(?s)(?:<!-- snippet: ([^>]*?) -->\n)?```go\n(.*?)```")
	// inScope is what a snippet may use without declaring it, with the declaration that it gets.
	inScope = []struct{ name, decl string }{
		{"ctx", "var ctx = context.Background()\n"},
		{"state", "func state() any { return nil }\n"},
		{"refetch", "func refetch() {}\n"},
		{"freshToken", "func freshToken(context.Context) (string, error) { return \"\", nil }\n"},
		{"server", "var server *smartsocket.Server\n"},
		{"game", "var game *smartsocket.Namespace\n"},
		{"c", "var c *client.Client\n"},
		{"t", "var t *testing.T\n"},
	}
	packages = map[string]string{
		"context": "context", "errors": "errors", "fmt": "fmt", "log": "log", "os": "os",
		"time": "time", "http": "net/http", "slog": "log/slog", "tls": "crypto/tls",
		"json":            "encoding/json",
		"smartsocket":     "github.com/smartsocket/smartsocket",
		"client":          "github.com/smartsocket/smartsocket/client",
		"message":         "github.com/smartsocket/smartsocket/message",
		"cluster":         "github.com/smartsocket/smartsocket/cluster",
		"config":          "github.com/smartsocket/smartsocket/config",
		"ops":             "github.com/smartsocket/smartsocket/ops",
		"testing":         "testing",
		"smartsockettest": "github.com/smartsocket/smartsocket/smartsockettest",
	}
)

// snippets finds the blocks of Go in the pages, with the comment "snippet: …" before them.
func snippets(t *testing.T) (list []snippet) {
	pages, err := filepath.Glob(filepath.Join(root, "docs/*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range goBlock.FindAllSubmatchIndex(text, -1) {
			line := 1 + strings.Count(string(text[:m[0]]), "\n")
			s := snippet{at: page + ":" + strconv.Itoa(line), code: string(text[m[4]:m[5]])}
			if m[2] >= 0 {
				s.mark = string(text[m[2]:m[3]])
			}
			list = append(list, s)
		}
	}
	return list
}

// program makes the file number i of a snippet. A whole program stays as it is; declarations get
// what they use, and statements become the body of a function.
func (s snippet) program(i int) string {
	if s.whole() {
		return s.code
	}
	body := "func run" + strconv.Itoa(i) + "() error {\n\tvar err error\n" + s.code +
		"\n\treturn err\n}\n"
	if regexp.MustCompile(`(?m)^(\w+, )*err(, \w+)* :=`).MatchString(s.code) {
		body = strings.Replace(body, "\tvar err error\n", "", 1)
	}
	if _, err := parser.ParseFile(token.NewFileSet(), "", "package main\n"+s.code, 0); err == nil {
		body = s.code
	}
	return imports(body)
}

// whole reports whether s is a program of its own.
func (s snippet) whole() bool { return strings.HasPrefix(s.code, "package ") }

// imports puts the head of a file in front of body.
func imports(body string) string {
	head := "package main\n\n"
	for name, path := range packages {
		if regexp.MustCompile(`\b` + name + `\.[A-Z]`).MatchString(body) {
			head += "import " + strconv.Quote(path) + "\n"
		}
	}
	return head + "\n" + body
}

// What the pages show compiles. All but whole programs are files of one package, which is quicker
// than a package each.
func TestSnippetsCompile(t *testing.T) {
	list := snippets(t)
	if len(list) < 15 {
		t.Fatalf("only %d snippets were found", len(list))
	}
	// The folder is inside the module, so that its packages are found. ./... leaves it out, because
	// its name begins with "_".
	dir, err := os.MkdirTemp(".", "_snippets-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	args := []string{"vet"}
	add := func(folder, file, text string) {
		t.Helper()
		folder = filepath.Join(dir, folder)
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if name := "./" + filepath.ToSlash(folder); !slices.Contains(args, name) {
			args = append(args, name)
		}
	}
	scope := "func main() {}\n"
	for _, x := range inScope {
		scope += x.decl
	}
	add("all", "scope.go", imports(scope))
	where := ""
	for i, s := range list {
		name := "s" + strconv.Itoa(i)
		where += name + " is " + s.at + "\n"
		text := s.program(i)
		if _, err := parser.ParseFile(token.NewFileSet(), s.at, text, 0); err != nil {
			t.Errorf("%v\n%s", err, text)
			continue
		}
		if s.whole() {
			add(name, "main.go", text)
		} else {
			add("all", name+".go", text)
		}
	}
	cmd := exec.Command("go", args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s%s", err, where, out)
	}
}
