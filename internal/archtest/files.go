package archtest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Module is the path of the root package.
const Module = "github.com/smartsocket/smartsocket"

// Package is one package of ours and what it imports of ours, both as paths inside the module. The
// root is ".".
type Package struct {
	Name    string
	Imports []string
	Level   int // 0 imports nothing of ours, any other is one above the highest of its imports
}

// listed is what go list says about a package.
type listed struct {
	ImportPath string
	Export     string
	GoFiles    []string
	Imports    []string
}

// goList runs go list in dir.
func goList(dir string, args ...string) ([]listed, error) {
	fields := "-json=ImportPath,Export,GoFiles,Imports"
	cmd := exec.Command("go", append([]string{"list", fields}, args...)...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%v: %w\n%s", cmd, err, stderr.Bytes())
	}
	var pkgs []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs, nil
		} else if err != nil {
			return nil, err
		}
		pkgs = append(pkgs, p)
	}
}

// Packages lists the packages of the module in dir, the highest level first and by name within one.
// Test files do not count.
func Packages(dir string) ([]Package, error) {
	found, err := goList(dir, "./...")
	if err != nil {
		return nil, err
	}
	imports := make(map[string][]string)
	for _, p := range found {
		ours := []string{}
		for _, path := range p.Imports {
			if path == Module || strings.HasPrefix(path, Module+"/") {
				ours = append(ours, inside(path))
			}
		}
		imports[inside(p.ImportPath)] = ours
	}
	return byLevel(imports), nil
}

// inside is a package's path inside the module.
func inside(path string) string {
	if path == Module {
		return "."
	}
	return strings.TrimPrefix(path, Module+"/")
}

// byLevel orders packages, given with what each imports, from the highest level down.
func byLevel(imports map[string][]string) []Package {
	levels := make(map[string]int)
	var level func(string) int
	level = func(name string) int {
		if n, known := levels[name]; known {
			return n
		}
		n := 0
		for _, to := range imports[name] {
			n = max(n, level(to)+1)
		}
		levels[name] = n
		return n
	}
	pkgs := make([]Package, 0, len(imports))
	for name, to := range imports {
		pkgs = append(pkgs, Package{name, slices.Sorted(slices.Values(to)), level(name)})
	}
	slices.SortFunc(pkgs, func(a, b Package) int {
		return cmp.Or(b.Level-a.Level, strings.Compare(a.Name, b.Name))
	})
	return pkgs
}

// Root is the root package, file by file.
type Root struct {
	Files []File // in reading order
	pkg   *types.Package
	info  *types.Info
	fset  *token.FileSet
}

// File is one source file and what it names of the others.
type File struct {
	Name  string
	Lines int
	// Names holds, for each other file, the definitions of that file which this one names, sorted.
	// A method or a field counts by itself: conn.go names Socket and Socket.ID.
	Names map[string][]string
}

// ReadRoot parses and type-checks the root package of the module in dir. Files that have no place
// in the reading order come last.
func ReadRoot(dir string) (*Root, error) {
	found, err := goList(dir, "-export", "-deps", ".")
	if err != nil {
		return nil, err
	}
	exports := make(map[string]string)
	for _, p := range found {
		exports[p.ImportPath] = p.Export
	}
	r := &Root{fset: token.NewFileSet()}
	var parsed []*ast.File
	for _, name := range found[len(found)-1].GoFiles { // go list puts a package behind its imports
		path := filepath.Join(dir, name)
		f, err := parser.ParseFile(r.fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		parsed = append(parsed, f)
	}
	r.info = &types.Info{
		Uses: make(map[*ast.Ident]types.Object),
		Defs: make(map[*ast.Ident]types.Object),
	}
	open := func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) }
	conf := types.Config{Importer: importer.ForCompiler(r.fset, "gc", open)}
	if r.pkg, err = conf.Check(Module, r.fset, parsed, r.info); err != nil {
		return nil, err
	}
	for _, f := range parsed {
		r.Files = append(r.Files, File{
			Name: r.file(f.Pos()), Lines: r.fset.File(f.Pos()).LineCount(),
			Names: make(map[string][]string),
		})
	}
	slices.SortFunc(r.Files, func(a, b File) int {
		return cmp.Or(place(a.Name)-place(b.Name), strings.Compare(a.Name, b.Name))
	})
	r.connect()
	return r, nil
}

// place is a file's position in the reading order.
func place(name string) int {
	if i := slices.Index(readingOrder, name); i >= 0 {
		return i
	}
	return len(readingOrder)
}

func (r *Root) file(pos token.Pos) string { return filepath.Base(r.fset.Position(pos).Filename) }

// connect fills in what each file names.
func (r *Root) connect() {
	owners := r.owners()
	seen := make(map[string]map[string]map[string]bool) // from, to, definition
	for ident, object := range r.info.Uses {
		object = origin(object)
		// Other files can name what is of package level, and fields and methods of such types.
		if object == nil || object.Pkg() != r.pkg ||
			object.Parent() != r.pkg.Scope() && owners[object] == "" {
			continue
		}
		from, to := r.file(ident.Pos()), r.file(object.Pos())
		if from == to {
			continue
		}
		if seen[from] == nil {
			seen[from] = make(map[string]map[string]bool)
		}
		if seen[from][to] == nil {
			seen[from][to] = make(map[string]bool)
		}
		seen[from][to][owners[object]+object.Name()] = true
	}
	for _, f := range r.Files {
		for to, definitions := range seen[f.Name] {
			f.Names[to] = slices.Sorted(maps.Keys(definitions))
		}
	}
}

// owners maps fields and methods to their type's name and a dot.
func (r *Root) owners() map[types.Object]string {
	owners := make(map[types.Object]string)
	for _, name := range r.pkg.Scope().Names() {
		t, ok := r.pkg.Scope().Lookup(name).(*types.TypeName)
		if !ok {
			continue
		}
		if n, ok := t.Type().(*types.Named); ok {
			for m := range n.Methods() {
				owners[m] = name + "."
			}
		}
		switch u := t.Type().Underlying().(type) {
		case *types.Struct:
			for f := range u.Fields() {
				owners[f] = cmp.Or(owners[f], name+".")
			}
		case *types.Interface:
			for m := range u.ExplicitMethods() {
				owners[m] = name + "."
			}
		}
	}
	return owners
}

// origin is the generic field or method that an instantiated one comes from.
func origin(o types.Object) types.Object {
	switch o := o.(type) {
	case *types.Func:
		return o.Origin()
	case *types.Var:
		return o.Origin()
	}
	return o
}

// Up counts the references from a lower to a higher file: the pairs of files of which the one that
// is read later names a definition of the one that is read earlier. Several definitions of one file
// count once, as an import does.
func (r *Root) Up() int {
	n := 0
	for i, f := range r.Files {
		for _, above := range r.Files[:i] {
			if len(f.Names[above.Name]) > 0 {
				n++
			}
		}
	}
	return n
}

// Size counts the fields and the methods of a struct type, those of embedded types aside.
func (r *Root) Size(name string) (fields, methods int) {
	t, ok := r.pkg.Scope().Lookup(name).(*types.TypeName)
	if !ok {
		return 0, 0
	}
	named, ok := t.Type().(*types.Named)
	if !ok {
		return 0, 0
	}
	if s, ok := named.Underlying().(*types.Struct); ok {
		fields = s.NumFields()
	}
	return fields, named.NumMethods()
}

// Knots are the groups of files that name each other in rings, the largest first. A package without
// a ring has none.
func (r *Root) Knots() [][]string {
	reach := make(map[string]map[string]bool)
	for _, f := range r.Files {
		reach[f.Name] = make(map[string]bool)
		r.walk(f.Name, reach[f.Name])
	}
	var knots [][]string
	tied := make(map[string]bool)
	for _, f := range r.Files {
		if tied[f.Name] || !reach[f.Name][f.Name] {
			continue
		}
		var knot []string
		for _, g := range r.Files {
			if reach[f.Name][g.Name] && reach[g.Name][f.Name] {
				knot = append(knot, g.Name)
				tied[g.Name] = true
			}
		}
		knots = append(knots, knot)
	}
	slices.SortStableFunc(knots, func(a, b []string) int { return len(b) - len(a) })
	return knots
}

// walk marks the files that can be reached from a file by what each names.
func (r *Root) walk(from string, seen map[string]bool) {
	i := slices.IndexFunc(r.Files, func(f File) bool { return f.Name == from })
	for to := range r.Files[i].Names {
		if !seen[to] {
			seen[to] = true
			r.walk(to, seen)
		}
	}
}
