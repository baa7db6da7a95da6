package contract

import (
	"go/ast"
	"go/types"
	"slices"

	"golang.org/x/tools/go/packages"
)

// reach finds what functions do with one of their parameters.
type reach struct {
	*program
	types   []types.Type
	escapes bool // it goes where it is not followed
	used    bool
	seen    map[*types.Var]bool
}

// handlers are the functions that an expression may be.
func (p *program) handlers(pkg *packages.Package, e ast.Expr) (list []*function) {
	for v := range p.flow.eval(pkg, e) {
		if fn, ok := v.(*function); ok {
			list = append(list, fn)
		}
	}
	return list
}

// parameters are those of a type of the library that the functions of e have. all is false if there
// may be other functions.
func (p *program) parameters(pkg *packages.Package, e ast.Expr, name string) (
	list []*types.Var, fns []*function,
) {
	for _, fn := range p.handlers(pkg, e) {
		for _, v := range fn.params {
			if typeName(v.Type()) == name {
				list, fns = append(list, v), append(fns, fn)
			}
		}
	}
	return list, fns
}

// decoded are the types into which a handler decodes its Data: nothing if it does not look at it.
func (p *program) decoded(pkg *packages.Package, handler ast.Expr) []types.Type {
	list, fns := p.parameters(pkg, handler, "Data")
	if len(list) == 0 {
		return []types.Type{unknown}
	}
	r := reach{program: p, seen: make(map[*types.Var]bool)}
	for i, v := range list {
		r.data(fns[i].pkg, fns[i].body, v)
	}
	return r.found()
}

// decodedResult is decoded for what a call returns: d in d, err := s.EmitWithAck(…).
func (p *program) decodedResult(c call) []types.Type {
	if c.in == nil || c.in.body == nil {
		return []types.Type{unknown}
	}
	var v *types.Var
	ast.Inspect(c.in.body, func(n ast.Node) bool {
		a, ok := n.(*ast.AssignStmt)
		if ok && len(a.Rhs) == 1 && ast.Unparen(a.Rhs[0]) == c.expr {
			if id, ok := a.Lhs[0].(*ast.Ident); ok {
				v, _ = c.pkg.TypesInfo.ObjectOf(id).(*types.Var)
			}
		}
		return v == nil
	})
	if v == nil {
		return []types.Type{unknown}
	}
	r := reach{program: p, seen: make(map[*types.Var]bool)}
	r.data(c.pkg, c.in.body, v)
	if len(r.types) == 0 {
		return []types.Type{unknown} // whether it matters what the answer is cannot be told
	}
	return r.found()
}

// found is what r found.
func (r *reach) found() []types.Type {
	switch {
	case r.escapes:
		return []types.Type{unknown}
	case len(r.types) > 0:
		return r.types
	}
	return []types.Type{nothing}
}

// each calls do with each use of v: the method that is called on it and the call, or "".
func (r *reach) each(
	pkg *packages.Package, body ast.Node, v *types.Var,
	do func(method string, c *ast.CallExpr), passed func(c *ast.CallExpr, arg int),
) {
	if r.seen[v] || body == nil {
		return
	}
	r.seen[v] = true
	known := make(map[*ast.Ident]bool)
	is := func(e ast.Expr) (*ast.Ident, bool) {
		id, ok := ast.Unparen(e).(*ast.Ident)
		return id, ok && pkg.TypesInfo.Uses[id] == v
	}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if sel, ok := ast.Unparen(n.Fun).(*ast.SelectorExpr); ok {
				if id, ok := is(sel.X); ok {
					known[id] = true
					do(sel.Sel.Name, n)
				}
			}
			for i, a := range n.Args {
				if id, ok := is(a); ok {
					known[id] = true
					passed(n, i)
				}
			}
		case *ast.Ident:
			if pkg.TypesInfo.Uses[n] == v && !known[n] {
				r.escapes = true
			}
		}
		return true
	})
}

// into follows v into the functions that it is passed to.
func (r *reach) into(
	pkg *packages.Package, c *ast.CallExpr, arg int,
	do func(*packages.Package, ast.Node, *types.Var),
) {
	list := r.flow.callees(pkg, c)
	if len(list) == 0 {
		r.escapes = true
	}
	for _, fn := range list {
		if arg < len(fn.params) && fn.body != nil && !fn.sig.Variadic() {
			do(fn.pkg, fn.body, fn.params[arg])
		} else {
			r.escapes = true
		}
	}
}

// data looks at a variable of type Data.
func (r *reach) data(pkg *packages.Package, body ast.Node, v *types.Var) {
	r.each(pkg, body, v, func(method string, c *ast.CallExpr) {
		switch method {
		case "Decode":
			if len(c.Args) == 1 {
				r.decode(pkg.TypesInfo.TypeOf(c.Args[0]))
			}
		case "Empty", "Binary", "Err", "Reason":
		default:
			r.escapes = true
		}
	}, func(c *ast.CallExpr, arg int) { r.into(pkg, c, arg, r.data) })
}

// decode notes that data is decoded into what t points to.
func (r *reach) decode(t types.Type) {
	p, ok := types.Unalias(t).(*types.Pointer)
	if !ok {
		r.escapes = true
		return
	}
	r.note(p.Elem())
}

func (r *reach) note(t types.Type) {
	if !slices.ContainsFunc(r.types, func(o types.Type) bool { return types.Identical(o, t) }) {
		r.types = append(r.types, t)
	}
}

// answers reports whether a handler answers with its Ack, and the types of what it says.
func (p *program) answers(pkg *packages.Package, handler ast.Expr) (bool, []types.Type) {
	list, fns := p.parameters(pkg, handler, "Ack")
	if len(list) == 0 {
		return true, []types.Type{unknown}
	}
	r := reach{program: p, seen: make(map[*types.Var]bool)}
	for i, v := range list {
		r.ack(fns[i].pkg, fns[i].body, v)
	}
	switch {
	case r.escapes:
		return true, []types.Type{unknown}
	case r.used && len(r.types) == 0:
		return true, []types.Type{nothing}
	}
	return r.used, r.types
}

// ack looks at a variable of type Ack.
func (r *reach) ack(pkg *packages.Package, body ast.Node, v *types.Var) {
	r.each(pkg, body, v, func(method string, c *ast.CallExpr) {
		switch method {
		case "Reply":
			r.used = true
			if len(c.Args) == 1 {
				r.note(r.typeOf(pkg, c.Args[0]))
			}
		case "Fail":
			r.used = true
		case "Requested":
		default:
			r.escapes = true
		}
	}, func(c *ast.CallExpr, arg int) { r.into(pkg, c, arg, r.ack) })
}
