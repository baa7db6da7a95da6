package contract

import (
	"context"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// Root is the path of the package whose calls are looked for.
const Root = "github.com/smartsocket/smartsocket"

// Config says what is read.
type Config struct {
	Dir      string            // where the patterns hold; "" is the current directory
	Patterns []string          // packages, as for go build
	Tags     string            // build tags, as for go build
	Types    map[string]string // the TypeScript of Go types, by path and name: "math/big.Int"
}

// Remark is something about a place in the source.
type Remark struct {
	At   token.Position
	Text string
}

func (r Remark) String() string { return fmt.Sprintf("%v: %s", r.At, r.Text) }

// Problems are why there is no file. Each says what to change.
type Problems []Remark

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, r := range p {
		lines[i] = r.String()
	}
	return strings.Join(lines, "\n")
}

// remarks collects remarks once each.
type remarks struct {
	dir  string
	list []Remark
}

func (r *remarks) add(at token.Position, format string, args ...any) {
	if rel, err := filepath.Rel(r.dir, at.Filename); err == nil && !strings.HasPrefix(rel, "..") {
		at.Filename = rel
	}
	m := Remark{at, fmt.Sprintf(format, args...)}
	if !slices.Contains(r.list, m) {
		r.list = append(r.list, m)
	}
}

// sorted is the list in the order of the source.
func (r *remarks) sorted() []Remark {
	slices.SortFunc(r.list, func(a, b Remark) int {
		return cmpOr(strings.Compare(a.At.Filename, b.At.Filename), a.At.Line-b.At.Line,
			a.At.Column-b.At.Column, strings.Compare(a.Text, b.Text))
	})
	return r.list
}

func cmpOr(list ...int) int {
	for _, n := range list {
		if n != 0 {
			return n
		}
	}
	return 0
}

// sources are the packages with their syntax: those of the patterns, and others when a type of
// theirs needs its comments or constants.
type sources struct {
	ctx   context.Context
	c     Config
	fset  *token.FileSet
	roots []*packages.Package
	known map[string]*packages.Package // by path, nil if it cannot be had
}

const wanted = packages.NeedName | packages.NeedFiles | packages.NeedImports |
	packages.NeedTypes | packages.NeedSyntax | packages.NeedTypesInfo

// load reads the packages of c.
func load(ctx context.Context, c Config) (*sources, error) {
	s := &sources{ctx: ctx, c: c, fset: token.NewFileSet(),
		known: make(map[string]*packages.Package)}
	found, err := s.read(c.Patterns...)
	if err != nil {
		return nil, err
	}
	var problems Problems
	for _, p := range found {
		for _, e := range p.Errors {
			problems = append(problems, Remark{token.Position{Filename: p.PkgPath}, e.Error()})
		}
		s.known[p.PkgPath] = p
	}
	if len(problems) > 0 {
		return nil, problems
	}
	slices.SortFunc(found, func(a, b *packages.Package) int {
		return strings.Compare(a.PkgPath, b.PkgPath)
	})
	s.roots = found
	return s, nil
}

func (s *sources) read(patterns ...string) ([]*packages.Package, error) {
	conf := &packages.Config{Mode: wanted, Context: s.ctx, Dir: s.c.Dir, Fset: s.fset}
	if s.c.Tags != "" {
		conf.BuildFlags = []string{"-tags=" + s.c.Tags}
	}
	found, err := packages.Load(conf, patterns...)
	if err != nil {
		return nil, fmt.Errorf("the packages %v cannot be read: %w", patterns, err)
	}
	return found, nil
}

// of is the package with a path, nil if its source cannot be read.
func (s *sources) of(path string) *packages.Package {
	if p, ok := s.known[path]; ok {
		return p
	}
	var p *packages.Package
	if found, err := s.read(path); err == nil && len(found) == 1 && len(found[0].Errors) == 0 {
		p = found[0]
	}
	s.known[path] = p
	return p
}

// declaration is the comment above a type, a constant or a function, and the syntax of a type.
type declaration struct {
	doc  *ast.CommentGroup
	spec *ast.TypeSpec
}

// declaration finds the declaration of o, an empty one if its source is not known.
func (s *sources) declaration(o types.Object) declaration {
	if o == nil || o.Pkg() == nil {
		return declaration{}
	}
	p := s.of(o.Pkg().Path())
	if p == nil {
		return declaration{}
	}
	at := s.fset.Position(o.Pos())
	for _, f := range p.Syntax {
		if filepath.Base(s.fset.Position(f.Pos()).Filename) != filepath.Base(at.Filename) {
			continue
		}
		if d, ok := s.search(f, o.Name(), at.Line); ok {
			return d
		}
	}
	return declaration{}
}

// search looks for the declaration of a name in a line of f.
func (s *sources) search(f *ast.File, name string, line int) (found declaration, ok bool) {
	is := func(id *ast.Ident) bool {
		return id.Name == name && s.fset.Position(id.Pos()).Line == line
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if is(n.Name) {
				found, ok = declaration{doc: n.Doc}, true
			}
		case *ast.GenDecl:
			for _, spec := range n.Specs {
				switch x := spec.(type) {
				case *ast.TypeSpec:
					if is(x.Name) {
						found, ok = declaration{x.Doc, x}, true
						if len(n.Specs) == 1 {
							found.doc = first(x.Doc, n.Doc)
						}
						found.doc = first(found.doc, x.Comment)
					}
				case *ast.ValueSpec:
					if slices.ContainsFunc(x.Names, is) {
						doc := x.Doc
						if len(n.Specs) == 1 {
							doc = first(doc, n.Doc)
						}
						found, ok = declaration{doc: first(doc, x.Comment)}, true
					}
				}
			}
		}
		return !ok
	})
	return found, ok
}

// first is the first comment that there is.
func first(list ...*ast.CommentGroup) *ast.CommentGroup {
	for _, c := range list {
		if c != nil {
			return c
		}
	}
	return nil
}

// directive finds the line "//smartsocket:word …" in a comment, and what follows the word.
func directive(c *ast.CommentGroup, word string) (rest string, ok bool) {
	if c == nil {
		return "", false
	}
	for _, line := range c.List {
		if rest, ok := strings.CutPrefix(line.Text, "//smartsocket:"+word); ok &&
			(rest == "" || rest[0] == ' ') {
			return strings.TrimSpace(rest), true
		}
	}
	return "", false
}
