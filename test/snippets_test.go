package test

import (
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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
		{"server", "var server *smartsocket.Server\n"},
		{"game", "var game *smartsocket.Namespace\n"},
		{"c", "var c *client.Client\n"},
	}
	packages = map[string]string{
		"context": "context", "errors": "errors", "fmt": "fmt", "log": "log", "os": "os",
		"time": "time", "http": "net/http", "slog": "log/slog", "tls": "crypto/tls",
		"json":        "encoding/json",
		"smartsocket": "github.com/smartsocket/smartsocket",
		"client":      "github.com/smartsocket/smartsocket/client",
		"message":     "github.com/smartsocket/smartsocket/message",
		"cluster":     "github.com/smartsocket/smartsocket/cluster",
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

// program makes a file of a snippet. A whole program stays as it is; declarations get what they
// use, and statements become the body of a function.
func (s snippet) program() string {
	if strings.HasPrefix(s.code, "package ") {
		return s.code
	}
	body := "func run() error {\n\tvar err error\n" + s.code + "\n\treturn err\n}\n\n" +
		"func main() { run() }\n"
	if regexp.MustCompile(`(?m)^(\w+, )*err(, \w+)* :=`).MatchString(s.code) {
		body = strings.Replace(body, "\tvar err error\n", "", 1)
	}
	if _, err := parser.ParseFile(token.NewFileSet(), "", "package main\n"+s.code, 0); err == nil {
		body = s.code + "\nfunc main() {}\n"
	}
	for _, x := range inScope {
		if regexp.MustCompile(`\b` + x.name + `\b`).MatchString(s.code) {
			body += x.decl
		}
	}
	head := "package main\n\n"
	for name, path := range packages {
		if regexp.MustCompile(`\b` + name + `\.[A-Z]`).MatchString(body) {
			head += "import " + strconv.Quote(path) + "\n"
		}
	}
	return head + body
}

// What the pages show compiles.
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
	where := ""
	for i, s := range list {
		name := "s" + strconv.Itoa(i)
		where += name + " is " + s.at + "\n"
		if _, err := parser.ParseFile(token.NewFileSet(), s.at, s.program(), 0); err != nil {
			t.Errorf("%v\n%s", err, s.program())
			continue
		}
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		main := filepath.Join(dir, name, "main.go")
		if err := os.WriteFile(main, []byte(s.program()), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "./"+filepath.ToSlash(filepath.Join(dir, name)))
	}
	cmd := exec.Command("go", args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s%s", err, where, out)
	}
}
