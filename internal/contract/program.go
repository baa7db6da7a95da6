package contract

import (
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/packages"
)

// function is one that the packages declare, or a literal in them.
type function struct {
	pkg    *packages.Package
	node   ast.Node // *ast.FuncDecl or *ast.FuncLit
	name   string
	doc    types.Object // that of a declaration
	body   *ast.BlockStmt
	params []*types.Var
	sig    *types.Signature
}

// call is one call in the packages.
type call struct {
	pkg  *packages.Package
	expr *ast.CallExpr
	in   *function // nil outside of functions
}

// place is a file's line.
type place struct {
	file string
	line int
}

// program is what the packages consist of.
type program struct {
	*sources
	functions  []*function
	declared   map[*types.Func]*function
	literals   map[*ast.FuncLit]*function
	owners     map[*types.Var]*function // by parameter
	calls      []call
	directives map[place]string // what stands behind "//smartsocket:", by line

	flow flow
}

func newProgram(s *sources) *program {
	p := &program{
		sources: s, declared: make(map[*types.Func]*function),
		literals: make(map[*ast.FuncLit]*function), owners: make(map[*types.Var]*function),
		directives: make(map[place]string),
	}
	for _, pkg := range s.roots {
		for _, f := range pkg.Syntax {
			p.scan(pkg, f)
			p.scanComments(f)
		}
	}
	p.flow = newFlow(p)
	return p
}

// scan collects the functions and calls of a file.
func (p *program) scan(pkg *packages.Package, f *ast.File) {
	var stack []*function // one for each open node
	ast.Inspect(f, func(n ast.Node) bool {
		if n == nil {
			stack = stack[:len(stack)-1]
			return true
		}
		var in *function
		if len(stack) > 0 {
			in = stack[len(stack)-1]
		}
		switch n := n.(type) {
		case *ast.FuncDecl:
			o, _ := pkg.TypesInfo.Defs[n.Name].(*types.Func)
			in = &function{pkg: pkg, node: n, name: n.Name.Name, doc: o, body: n.Body}
			p.declared[o] = in
			p.enter(in, o.Signature())
		case *ast.FuncLit:
			sig, _ := pkg.TypesInfo.TypeOf(n).(*types.Signature)
			in = &function{pkg: pkg, node: n, name: "this function", body: n.Body}
			p.literals[n] = in
			p.enter(in, sig)
		case *ast.CallExpr:
			p.calls = append(p.calls, call{pkg, n, in})
		}
		stack = append(stack, in)
		return true
	})
}

// enter notes the parameters of f.
func (p *program) enter(f *function, sig *types.Signature) {
	f.sig = sig
	for v := range sig.Params().Variables() {
		f.params = append(f.params, v)
		p.owners[v] = f
	}
	p.functions = append(p.functions, f)
}

const prefix = "//smartsocket:"

func (p *program) scanComments(f *ast.File) {
	for _, group := range f.Comments {
		for _, c := range group.List {
			if len(c.Text) > len(prefix) && c.Text[:len(prefix)] == prefix {
				at := p.fset.Position(c.Pos())
				p.directives[place{at.Filename, at.Line}] = c.Text[len(prefix):]
			}
		}
	}
}

// said is what a directive says of a place: one in its line, or in the line above.
func (p *program) said(pos token.Pos) string {
	at := p.fset.Position(pos)
	if text, ok := p.directives[place{at.Filename, at.Line}]; ok {
		return text
	}
	return p.directives[place{at.Filename, at.Line - 1}]
}

// callee is the function that a call names, nil if it calls a value.
func callee(info *types.Info, e ast.Expr) *types.Func {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		f, _ := info.Uses[e].(*types.Func)
		return originOf(f)
	case *ast.SelectorExpr:
		f, _ := info.Uses[e.Sel].(*types.Func)
		return originOf(f)
	case *ast.IndexExpr:
		return callee(info, e.X)
	case *ast.IndexListExpr:
		return callee(info, e.X)
	}
	return nil
}

func originOf(f *types.Func) *types.Func {
	if f == nil {
		return nil
	}
	return f.Origin()
}

// typeArgs are those with which a call instantiates the function that it names.
func typeArgs(info *types.Info, e ast.Expr) *types.TypeList {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		return info.Instances[e].TypeArgs
	case *ast.SelectorExpr:
		return info.Instances[e.Sel].TypeArgs
	case *ast.IndexExpr:
		return typeArgs(info, e.X)
	case *ast.IndexListExpr:
		return typeArgs(info, e.X)
	}
	return nil
}

// ours reports whether f is of the library, as a function or as a method of one of its types, and
// which type that is.
func ours(f *types.Func) (receiver string, ok bool) {
	if f == nil || f.Pkg() == nil || f.Pkg().Path() != Root {
		return "", false
	}
	if recv := f.Signature().Recv(); recv != nil {
		return typeName(recv.Type()), true
	}
	return "", true
}

// typeName is the name of a type of the library, or of one that t points to. It is "" for others.
func typeName(t types.Type) string {
	t = types.Unalias(t)
	if p, ok := t.(*types.Pointer); ok {
		t = types.Unalias(p.Elem())
	}
	if n, ok := t.(*types.Named); ok && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == Root {
		return n.Obj().Name()
	}
	return ""
}

// receiver is what a method is called on.
func receiver(e ast.Expr) ast.Expr {
	if sel, ok := ast.Unparen(e).(*ast.SelectorExpr); ok {
		return sel.X
	}
	return nil
}
