package contract

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files of testdata")

// hardCase is the contract of testdata/hard.
var hardCase = sync.OnceValues(func() (Result, error) {
	return Generate(context.Background(), Config{Patterns: []string{"./testdata/hard"}})
})

func generate(t *testing.T, pkg string) (Result, error) {
	t.Helper()
	return Generate(t.Context(), Config{Patterns: []string{"./testdata/" + pkg}})
}

// The contracts of testdata are those in the files beside it.
func TestGolden(t *testing.T) {
	for _, name := range []string{"hard", "flow", "states"} {
		t.Run(name, func(t *testing.T) {
			r, err := generate(t, name)
			if err != nil {
				t.Fatal(err)
			}
			var notes strings.Builder
			for _, n := range r.Notes {
				fmt.Fprintf(&notes, "// %v\n", n)
			}
			got, file := r.Text+"\n"+notes.String(), filepath.Join("testdata", name+".d.ts")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if d := Diff(string(want), got); d != "" {
				t.Errorf("go test ./internal/contract -update writes this:\n%s", d)
			}
			if again, err := generate(t, name); err != nil || again.Text != r.Text {
				t.Errorf("a second run differs: %v\n%s", err, Diff(r.Text, again.Text))
			}
		})
	}
}

// Each line with a comment "want …" is reported, and nothing else.
func TestProblems(t *testing.T) {
	_, err := generate(t, "problems")
	var problems Problems
	if !errors.As(err, &problems) {
		t.Fatalf("got %v", err)
	}
	const file = "testdata/problems/problems.go"
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`// want (.*)$`)
	expected := make(map[string]string)
	for i, line := range strings.Split(string(source), "\n") {
		if m := want.FindStringSubmatch(line); m != nil {
			at := i + 1
			if strings.HasPrefix(strings.TrimSpace(line), "//") { // it is about the next line
				at++
			}
			expected[fmt.Sprintf("%s:%d", file, at)] = m[1]
		}
	}
	for _, p := range problems {
		at := fmt.Sprintf("%s:%d", filepath.ToSlash(p.At.Filename), p.At.Line)
		if text := expected[at]; text == "" || !strings.Contains(p.Text, text) {
			t.Errorf("%v: want %q", p, text)
		}
		delete(expected, at)
	}
	for at, text := range expected {
		t.Errorf("%s: %q is not reported", at, text)
	}
	if !strings.HasPrefix(problems.Error(), file+":") {
		t.Errorf("the message does not begin with a place:\n%v", problems)
	}
}

func TestSourcesThatDoNotCompile(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module broken\n\ngo 1.26\n", "a.go": "package broken\n\nvar x int = \"\"\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, err := Generate(t.Context(), Config{Dir: dir, Patterns: []string{"."}})
	if err == nil || !strings.Contains(err.Error(), "a.go:3:13") {
		t.Errorf("got %v", err)
	}
}

// Config.Types says what a type of somebody else is, before anything else is looked at.
func TestTypesFromOutside(t *testing.T) {
	const move = Root + "/internal/contract/testdata/flow.Move"
	r, err := Generate(t.Context(), Config{Patterns: []string{"./testdata/flow"},
		Types: map[string]string{move: "[number, number]"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"  went: [number, number];\n", "=> [number, number][] | null;\n",
	} {
		if !strings.Contains(r.Text, want) {
			t.Errorf("no %q in\n%s", want, r.Text)
		}
	}
	if strings.Contains(r.Text, "interface Move") {
		t.Error("the type is declared all the same")
	}
}

func TestDiff(t *testing.T) {
	const a = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n"
	for _, c := range []struct{ a, b, want string }{
		{a, a, ""},
		{"", "", ""},
		{a, strings.Replace(a, "6\n", "six\n", 1),
			"@@ line 3 @@\n 3\n 4\n 5\n-6\n+six\n 7\n 8\n 9\n"},
		{a, "0\n" + strings.TrimSuffix(a, "12\n"), "@@ line 1 @@\n+0\n 1\n 2\n 3\n" +
			"@@ line 9 @@\n 9\n 10\n 11\n-12\n \n"},
		{"a\nb\n", "b\na\n", "@@ line 1 @@\n-a\n b\n+a\n \n"},
		{"x", "y", "@@ line 1 @@\n-x\n+y\n"},
	} {
		if got := Diff(c.a, c.b); got != c.want {
			t.Errorf("%q and %q:\n%s\nwant\n%s", c.a, c.b, got, c.want)
		}
	}
}
