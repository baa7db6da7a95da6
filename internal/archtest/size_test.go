package archtest

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The root package stays small enough to be held in mind. These are upper limits. To exceed one,
// move a mechanism to internal/, or raise the limit and give the reason in the commit. There were
// 4 600 lines until contexts, interceptors, grants, codes, versions, drains, groups of clients that
// leave together and the hand-over to another process came. What they need besides their exported
// names and comments is in internal/. Then came 130 lines of what package ops reads: seven
// statistics, Healthy, Ready, Inspect, and where handlers and broadcasts are measured. At last
// came 82 for sessions that go on in another process: two methods, two hooks, and what of a socket
// moves.
const (
	maxRootFiles     = 30
	maxRootLines     = 5662
	maxSocketFields  = 22
	maxSocketMethods = 75
	maxReferencesUp  = 18 // from a lower to a higher file of the root, see Root.Up
)

func TestRootStaysSmall(t *testing.T) {
	files, lines := 0, 0
	for _, name := range rootFiles(t) {
		text, err := os.ReadFile(filepath.Join("../..", name))
		if err != nil {
			t.Fatal(err)
		}
		files++
		lines += bytes.Count(text, []byte("\n"))
	}
	root, err := ReadRoot("../..")
	if err != nil {
		t.Fatal(err)
	}
	fields, methods := root.Size("Socket")
	for _, limit := range []struct {
		what     string
		got, max int
	}{
		{"source files", files, maxRootFiles},
		{"lines", lines, maxRootLines},
		{"fields of Socket", fields, maxSocketFields},
		{"methods of Socket", methods, maxSocketMethods},
		{"references upwards (make graph shows them)", root.Up(), maxReferencesUp},
	} {
		t.Logf("%s: %d of at most %d", limit.what, limit.got, limit.max)
		if limit.got > limit.max {
			t.Errorf("the root package has %d %s, more than %d", limit.got, limit.what, limit.max)
		}
		if limit.got == 0 {
			t.Errorf("the root package has no %s: this test looks at the wrong thing", limit.what)
		}
	}
}

// rootFiles are the source files of the root package, those of other platforms included.
func rootFiles(t *testing.T) (names []string) {
	t.Helper()
	found, err := filepath.Glob("../../*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range found {
		if !strings.HasSuffix(path, "_test.go") {
			names = append(names, filepath.Base(path))
		}
	}
	return names
}

// TestReadingOrderIsTrue holds the reading order to exactly the files that there are.
func TestReadingOrderIsTrue(t *testing.T) {
	files := rootFiles(t)
	for _, name := range files {
		if !slices.Contains(readingOrder, name) {
			t.Errorf("%s has no place in the reading order: give it one in order.go", name)
		}
	}
	for i, name := range readingOrder {
		if slices.Contains(readingOrder[:i], name) {
			t.Errorf("%s is twice in the reading order", name)
		}
		if !slices.Contains(files, name) {
			t.Errorf("%s is in the reading order and does not exist", name)
		}
	}
}

// Up and Knots, on a package whose references are known.
func TestGraphOfASmallPackage(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"server.go":  "type Server struct{ opts Options }; func (v *Server) Emit() {}",
		"options.go": "type Options struct{ Port int }",
		"socket.go": "type Socket struct{ srv *Server };" +
			"func (s *Socket) Emit() { s.srv.Emit(); s.join() }",
		"data.go": "func (s *Socket) join() {}; type set[T any] struct{ m map[string]T }",
		"log.go":  "func quote(v *Server, s set[int]) int { return s.m[``] }",
	} {
		text = "package smartsocket; " + text
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mod := []byte("module " + Module + "\n\ngo 1.26\n")
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), mod, 0o600); err != nil {
		t.Fatal(err)
	}
	root, err := ReadRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range root.Files {
		for _, g := range root.Files {
			if names := f.Names[g.Name]; names != nil {
				got = append(got, f.Name+" "+g.Name+" "+strings.Join(names, " "))
			}
		}
	}
	want := []string{
		"data.go socket.go Socket",
		"server.go options.go Options",
		"socket.go data.go Socket.join",
		"socket.go server.go Server Server.Emit",
		"log.go data.go set set.m",
		"log.go server.go Server",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the graph is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if n := root.Up(); n != 4 {
		t.Errorf("%d references up, want 4", n)
	}
	if k := root.Knots(); len(k) != 1 || !slices.Equal(k[0], []string{"data.go", "socket.go"}) {
		t.Errorf("the knots are %v", k)
	}
	if fields, methods := root.Size("Socket"); fields != 1 || methods != 2 {
		t.Errorf("Socket has %d fields and %d methods, want 1 and 2", fields, methods)
	}
}
