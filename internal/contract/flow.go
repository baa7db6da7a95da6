package contract

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/packages"
)

// The values that are followed: a namespace's path, a constant text, a function, the server, and
// whatever is not known.
type (
	namespace string
	text      string
	serverOf  struct{}
	dynamic   struct{} // a text that is not constant
)

// everywhere is the namespace of what may be in any.
const everywhere namespace = "*"

type set map[any]bool

// flow says which values may be in which variables, and which functions return. It knows nothing of
// order or of instances: a field has what any value of its struct has.
type flow struct {
	*program
	vars    map[*types.Var]set
	results map[*function]set
	edges   []func()
	changed bool
}

func newFlow(p *program) flow {
	f := flow{program: p, vars: make(map[*types.Var]set), results: make(map[*function]set)}
	for _, fn := range p.functions {
		f.collect(fn)
	}
	for _, pkg := range p.roots {
		for _, file := range pkg.Syntax {
			for _, d := range file.Decls {
				if g, ok := d.(*ast.GenDecl); ok {
					f.statements(pkg, nil, g)
				}
			}
		}
	}
	for _, c := range p.calls {
		f.edges = append(f.edges, func() { f.bind(c) })
	}
	for again := true; again; again = f.changed {
		f.changed = false
		for _, e := range f.edges {
			e()
		}
	}
	return f
}

// collect adds the edges of a function's statements, those of literals inside of it aside.
func (f *flow) collect(fn *function) {
	if fn.body != nil {
		f.statements(fn.pkg, fn, fn.body)
	}
	for v := range fn.sig.Results().Variables() {
		if v.Name() != "" {
			f.edges = append(f.edges, func() { f.into(f.results, fn, f.vars[v]) })
		}
	}
}

// into adds values to the set of a key.
func (f *flow) into(sets map[*function]set, key *function, values set) {
	if len(values) == 0 {
		return
	}
	if sets[key] == nil {
		sets[key] = make(set)
	}
	f.grow(sets[key], values)
}

func (f *flow) grow(to, values set) {
	for v := range values {
		if !to[v] {
			to[v], f.changed = true, true
		}
	}
}

// put adds values to those of a variable.
func (f *flow) put(v *types.Var, values set) {
	if v == nil || len(values) == 0 {
		return
	}
	v = v.Origin()
	if f.vars[v] == nil {
		f.vars[v] = make(set)
	}
	f.grow(f.vars[v], values)
}

// statements adds the edges of the assignments in n.
func (f *flow) statements(pkg *packages.Package, fn *function, n ast.Node) {
	assign := func(to, from ast.Expr) {
		f.edges = append(f.edges, func() { f.put(f.target(pkg, to), f.eval(pkg, from)) })
	}
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.AssignStmt:
			pairs(n.Lhs, n.Rhs, assign)
		case *ast.ValueSpec:
			to := make([]ast.Expr, len(n.Names))
			for i, id := range n.Names {
				to[i] = id
			}
			pairs(to, n.Values, assign)
		case *ast.RangeStmt:
			for _, to := range []ast.Expr{n.Key, n.Value} {
				if to != nil {
					assign(to, n.X)
				}
			}
		case *ast.SendStmt:
			assign(n.Chan, n.Value)
		case *ast.ReturnStmt:
			for _, r := range n.Results {
				f.edges = append(f.edges, func() { f.into(f.results, fn, f.eval(pkg, r)) })
			}
		case *ast.CompositeLit:
			f.literal(pkg, n)
		case *ast.UnaryExpr: // whoever has the address may write a text there
			if _, ok := ast.Unparen(n.X).(*ast.Ident); ok && n.Op == token.AND {
				f.put(f.target(pkg, n.X), set{dynamic{}: true})
			}
		case *ast.TypeSwitchStmt:
			f.typeSwitch(pkg, n)
		}
		return true
	})
}

// pairs calls do for each assignment of a list to a list, of which the right one may be one call.
func pairs(left, right []ast.Expr, do func(to, from ast.Expr)) {
	for i, to := range left {
		switch {
		case len(right) == len(left):
			do(to, right[i])
		case len(right) == 1:
			do(to, right[0])
		}
	}
}

// literal adds the edges of a struct's fields.
func (f *flow) literal(pkg *packages.Package, n *ast.CompositeLit) {
	s, ok := under(pkg.TypesInfo.TypeOf(n)).(*types.Struct)
	if !ok {
		return
	}
	for i, e := range n.Elts {
		var to *types.Var
		from := e
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			from = kv.Value
			if id, ok := kv.Key.(*ast.Ident); ok {
				to, _ = pkg.TypesInfo.Uses[id].(*types.Var)
			}
		} else if i < s.NumFields() {
			to = s.Field(i)
		}
		f.edges = append(f.edges, func() { f.put(to, f.eval(pkg, from)) })
	}
}

// under is the underlying type of t, or of what t points to.
func under(t types.Type) types.Type {
	if t == nil {
		return nil
	}
	if p, ok := t.Underlying().(*types.Pointer); ok {
		return p.Elem().Underlying()
	}
	return t.Underlying()
}

func (f *flow) typeSwitch(pkg *packages.Package, n *ast.TypeSwitchStmt) {
	a, ok := n.Assign.(*ast.AssignStmt)
	if !ok || len(a.Rhs) != 1 {
		return
	}
	for _, clause := range n.Body.List {
		if v, ok := pkg.TypesInfo.Implicits[clause].(*types.Var); ok {
			f.edges = append(f.edges, func() { f.put(v, f.eval(pkg, a.Rhs[0])) })
		}
	}
}

// target is the variable that an assignment to e changes: e itself, a field, or what e is part of.
func (f *flow) target(pkg *packages.Package, e ast.Expr) *types.Var {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		v, _ := pkg.TypesInfo.ObjectOf(e).(*types.Var)
		return v
	case *ast.SelectorExpr:
		v, _ := pkg.TypesInfo.Uses[e.Sel].(*types.Var)
		return v
	case *ast.IndexExpr:
		return f.target(pkg, e.X)
	case *ast.StarExpr:
		return f.target(pkg, e.X)
	}
	return nil
}

// eval is what an expression may be.
func (f *flow) eval(pkg *packages.Package, e ast.Expr) set {
	info := pkg.TypesInfo
	tv := info.Types[e]
	if tv.Value != nil && tv.Value.Kind() == constant.String {
		return set{text(constant.StringVal(tv.Value)): true}
	}
	if tv.Type != nil && typeName(tv.Type) == "Server" {
		return set{serverOf{}: true}
	}
	switch e := e.(type) {
	case *ast.ParenExpr:
		return f.eval(pkg, e.X)
	case *ast.StarExpr:
		return f.eval(pkg, e.X)
	case *ast.UnaryExpr:
		if e.Op == token.AND || e.Op == token.ARROW {
			return f.eval(pkg, e.X)
		}
	case *ast.TypeAssertExpr:
		if !isText(tv.Type) {
			return f.eval(pkg, e.X)
		}
	case *ast.SliceExpr:
		if !isText(tv.Type) {
			return f.eval(pkg, e.X)
		}
	case *ast.IndexExpr:
		return f.eval(pkg, e.X)
	case *ast.IndexListExpr:
		return f.eval(pkg, e.X)
	case *ast.FuncLit:
		return set{f.literals[e]: true}
	case *ast.CompositeLit:
		return f.elements(pkg, e)
	case *ast.Ident:
		return f.object(info.ObjectOf(e))
	case *ast.SelectorExpr:
		return f.object(info.Uses[e.Sel])
	case *ast.CallExpr:
		return f.result(pkg, e)
	}
	if isText(tv.Type) {
		return set{dynamic{}: true}
	}
	return nil
}

func isText(t types.Type) bool {
	if t == nil {
		return false
	}
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&types.IsString != 0
}

func (f *flow) object(o types.Object) set {
	switch o := o.(type) {
	case *types.Var:
		if o.IsField() && isText(o.Type()) || f.known[pathOfObject(o)] == nil {
			return set{dynamic{}: true} // decoders fill in fields, and others their variables
		}
		return f.vars[o.Origin()]
	case *types.Func:
		if fn := f.declared[o.Origin()]; fn != nil {
			return set{fn: true}
		}
	}
	return nil
}

func pathOfObject(o types.Object) string {
	if o.Pkg() == nil {
		return ""
	}
	return o.Pkg().Path()
}

// elements is what a list or a map in the source has.
func (f *flow) elements(pkg *packages.Package, n *ast.CompositeLit) set {
	if _, ok := under(pkg.TypesInfo.TypeOf(n)).(*types.Struct); ok {
		return nil
	}
	all := make(set)
	for _, e := range n.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			merge(all, f.eval(pkg, kv.Key))
			e = kv.Value
		}
		merge(all, f.eval(pkg, e))
	}
	return all
}

func merge(to, from set) {
	for v := range from {
		to[v] = true
	}
}

// callees are the functions that a call may run.
func (f *flow) callees(pkg *packages.Package, e *ast.CallExpr) (list []*function) {
	if o := callee(pkg.TypesInfo, e.Fun); o != nil {
		if fn := f.declared[o]; fn != nil {
			list = append(list, fn)
		}
		return list
	}
	for v := range f.eval(pkg, e.Fun) {
		if fn, ok := v.(*function); ok {
			list = append(list, fn)
		}
	}
	return list
}

// result is what a call returns.
func (f *flow) result(pkg *packages.Package, e *ast.CallExpr) set {
	info := pkg.TypesInfo
	all := make(set)
	if tv := info.Types[e.Fun]; tv.IsType() || tv.IsBuiltin() { // a conversion, append
		for _, a := range e.Args {
			merge(all, f.eval(pkg, a))
		}
		return all
	}
	o := callee(info, e.Fun)
	if recv, ok := ours(o); ok && f.declared[o] == nil {
		if recv == "" {
			return nil
		}
		return f.derived(pkg, e, recv, o.Name())
	}
	list := f.callees(pkg, e)
	for _, fn := range list {
		merge(all, f.results[fn])
	}
	if len(list) == 0 {
		all[dynamic{}] = true
	}
	return all
}

// derived is what a method of the library returns: the namespace of what it is called on.
func (f *flow) derived(pkg *packages.Package, e *ast.CallExpr, recv, method string) set {
	if recv == "Server" && method == "Namespace" {
		all := make(set)
		if len(e.Args) == 1 {
			for v := range f.eval(pkg, e.Args[0]) {
				if path, ok := v.(text); ok {
					all[namespace("/"+strings.Trim(string(path), "/"))] = true
				}
			}
		}
		return all
	}
	on := receiver(e.Fun)
	if on == nil || isText(pkg.TypesInfo.TypeOf(e)) {
		return set{dynamic{}: true}
	}
	switch {
	case recv == "Server" && (method == "To" || method == "Except"):
		return set{namespace("/"): true}
	case recv == "Server":
		return set{everywhere: true}
	}
	return f.spaces(pkg, on, "/")
}

// spaces are the namespaces that an expression stands for. server is that of a Server.
func (f *flow) spaces(pkg *packages.Package, e ast.Expr, server namespace) set {
	all := make(set)
	for v := range f.eval(pkg, ast.Unparen(e)) {
		switch v.(type) {
		case namespace:
			all[v] = true
		case serverOf:
			all[server] = true
		}
	}
	if len(all) == 0 { // perhaps a struct that embeds a namespace
		for v := range f.embedded(pkg.TypesInfo.TypeOf(e), 0) {
			all[v] = true
		}
	}
	return all
}

// embedded is what the embedded fields of a struct are.
func (f *flow) embedded(t types.Type, depth int) set {
	s, ok := under(t).(*types.Struct)
	if !ok || depth > 4 || typeName(t) != "" {
		return nil
	}
	all := make(set)
	for v := range s.Fields() {
		if !v.Embedded() {
			continue
		}
		if typeName(v.Type()) == "Server" {
			all[namespace("/")] = true
		}
		for x := range f.vars[v.Origin()] {
			if _, ok := x.(namespace); ok {
				all[x] = true
			}
		}
		merge(all, f.embedded(v.Type(), depth+1))
	}
	return all
}

// bind passes the arguments of a call on.
func (f *flow) bind(c call) {
	o := callee(c.pkg.TypesInfo, c.expr.Fun)
	if recv, ok := ours(o); ok && f.declared[o] == nil {
		f.hand(c, recv, o.Name())
		return
	}
	for _, fn := range f.callees(c.pkg, c.expr) {
		for i, a := range c.expr.Args {
			at := min(i, len(fn.params)-1)
			if at < 0 {
				break
			}
			f.put(fn.params[at], f.eval(c.pkg, a))
		}
	}
}

// hand gives the sockets of a namespace to the functions that the library is given.
func (f *flow) hand(c call, recv, name string) {
	var of set
	args := c.expr.Args
	switch on := receiver(c.expr.Fun); {
	case recv == "" && len(args) > 0: // On, Handle and the like
		of = f.spaces(c.pkg, args[0], "/")
	case on == nil:
		return
	case name == "On" || name == "Once":
		of = f.spaces(c.pkg, on, "/")
	default:
		of = f.spaces(c.pkg, on, everywhere)
	}
	for _, a := range args {
		for v := range f.eval(c.pkg, a) {
			fn, ok := v.(*function)
			if !ok {
				continue
			}
			for _, p := range fn.params {
				if typeName(p.Type()) == "Socket" {
					f.put(p, of)
				}
			}
		}
	}
}
