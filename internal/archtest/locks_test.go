package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestEveryMutexIsInTheLockOrder holds doc.go of the root to the mutexes that there are: each one
// of the root and of its mechanisms has its place in the lock order, and none that is gone.
func TestEveryMutexIsInTheLockOrder(t *testing.T) {
	folders, err := filepath.Glob("../../internal/*")
	if err != nil {
		t.Fatal(err)
	}
	needed := mutexes(t, "../..", "")
	for _, folder := range folders {
		name := filepath.Base(folder)
		if !slices.Contains(helpers, "internal/"+name) {
			needed = append(needed, mutexes(t, folder, name+".")...)
		}
	}
	if len(needed) < 20 {
		t.Fatalf("only %d mutexes: this test looks at the wrong thing", len(needed))
	}
	section := lockSection(t)
	for _, name := range needed {
		if !contains(section, name) {
			t.Errorf("%s has no place in the lock order of doc.go", name)
		}
	}
	known := needed
	for _, ground := range []string{"reactor", "websocket"} {
		known = append(known, mutexes(t, "../../"+ground, ground+".")...)
	}
	for _, name := range regexp.MustCompile(`(?:\w+\.)?\w+\.mu\b`).FindAllString(section, -1) {
		if !slices.Contains(known, name) {
			t.Errorf("the lock order of doc.go has %s, which does not exist", name)
		}
	}
}

// TestPackagesDescribeTheirLocks: the doc.go of a package outside of internal has a section about
// locks, with the name of each.
func TestPackagesDescribeTheirLocks(t *testing.T) {
	for _, name := range []string{"client", "cluster", "reactor", "room", "websocket"} {
		text, err := os.ReadFile("../../" + name + "/doc.go")
		if err != nil {
			t.Fatal(err)
		}
		_, section, ok := strings.Cut(string(text), "\n// # Locks\n")
		section, _, _ = strings.Cut(section, "\n// # ")
		found := mutexes(t, "../../"+name, "")
		if !ok || len(found) == 0 {
			t.Errorf("%s: no section about locks, or no lock", name)
		}
		for _, mutex := range found {
			if !contains(section, mutex) {
				t.Errorf("%s: %s is not in the section about locks of doc.go", name, mutex)
			}
		}
	}
}

// contains reports whether text has a name, and not as the end of a longer one: Server.mu is not in
// websocket.Server.mu.
func contains(text, name string) bool {
	return regexp.MustCompile(`(?:^|[^\w.])` + regexp.QuoteMeta(name) + `\b`).MatchString(text)
}

// lockSection is what doc.go of the root says about locks.
func lockSection(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), "\n// # Locks\n")
	if !ok {
		t.Fatal("doc.go has no section about locks")
	}
	section, _, _ = strings.Cut(section, "\n// # ")
	return section
}

// mutexes names the mutexes of the structs of one package: prefix, type, field.
func mutexes(t *testing.T, dir, prefix string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok {
				for _, field := range mutexFields(s) {
					names = append(names, prefix+spec.Name.Name+"."+field)
				}
			}
			return true
		})
	}
	return names
}

func mutexFields(s *ast.StructType) (names []string) {
	for _, field := range s.Fields.List {
		selector, ok := field.Type.(*ast.SelectorExpr)
		if !ok || selector.Sel.Name != "Mutex" && selector.Sel.Name != "RWMutex" {
			continue
		}
		if len(field.Names) == 0 { // embedded
			names = append(names, selector.Sel.Name)
		}
		for _, name := range field.Names {
			names = append(names, name.Name)
		}
	}
	return names
}

// TestPackageComments: each mechanism says what it is for, and whether it has locks. One with
// several files says in which order they are read.
func TestPackageComments(t *testing.T) {
	for name := range below {
		if !strings.HasPrefix(name, "internal/") {
			continue
		}
		comment, files := packageComment(t, filepath.Join("../..", name))
		base := filepath.Base(name)
		if !strings.HasPrefix(comment, "Package "+base+" ") {
			t.Errorf("%s: its comment begins with %.20q", name, comment)
		}
		if !regexp.MustCompile(`(?i)\bno (mutex|state)|\block|\w\.mu\b`).MatchString(comment) {
			t.Errorf("%s: its comment does not say whether it has locks", name)
		}
		if files > 1 && !regexp.MustCompile(`Reading order|Read\s+\w+\.go`).MatchString(comment) {
			t.Errorf("%s: its comment does not say in which order its %d files are read", name,
				files)
		}
	}
}

// packageComment is the comment of the package in dir, and in how many files the package is, doc.go
// aside.
func packageComment(t *testing.T, dir string) (comment string, files int) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil,
			parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		comment += f.Doc.Text()
		if filepath.Base(path) != "doc.go" {
			files++
		}
	}
	return comment, files
}
