package contract

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"maps"
	"slices"

	"golang.org/x/tools/go/packages"
)

// site is a registration of a handler, or an emit.
type site struct {
	pkg      *packages.Package
	at       token.Pos // what is said of it: the call that has the name
	in       *function // where name and data are
	outgoing bool      // to the page
	name     ast.Expr
	spaces   set
	space    ast.Expr // a parameter that is the namespace, nil if spaces has it for good
	anywhere namespace
	data     []types.Type // what comes with it; nobody knows if it has an empty interface
	value    ast.Expr     // the data is this expression, nil if it is a type
	asks     bool         // it may be answered
	answer   []types.Type // with one of these; none if it is answered without data
	doc      types.Object // whose comment describes it
	depth    int
}

// The types that stand for no data, and for data of which nothing is known.
var (
	nothing types.Type = types.Typ[types.UntypedNil]
	unknown types.Type = types.NewInterfaceType(nil, nil)
)

// lifecycle are the names for which On registers no event.
var lifecycle = []string{"connected", "connect", "connection", "disconnected", "disconnect",
	"error", "rate-limit"}

// sites finds all of them.
func (p *program) sites() (list []site) {
	for _, c := range p.calls {
		f := callee(c.pkg.TypesInfo, c.expr.Fun)
		recv, ok := ours(f)
		if !ok || p.declared[f] != nil {
			continue
		}
		var s site
		switch {
		case recv == "" && slices.Contains(typed, f.Name()):
			s, ok = p.typed(c, f.Name())
		case recv == "Event" && f.Name() == "Emit":
			s, ok = p.eventEmit(c)
		case recv == "":
			ok = false
		default:
			s, ok = p.method(c, recv, f.Name())
		}
		if ok {
			s.pkg, s.at, s.in = c.pkg, c.expr.Pos(), c.in
			list = append(list, s)
		}
	}
	return list
}

// typed are the functions that register a handler with a type.
var typed = []string{"On", "OnContext", "Handle", "HandleContext"}

// typed is the site of such a call.
func (p *program) typed(c call, name string) (site, bool) {
	list := typeArgs(c.pkg.TypesInfo, c.expr.Fun)
	if list == nil || list.Len() == 0 || len(c.expr.Args) < 3 {
		return site{}, false
	}
	a := c.expr.Args
	s := site{name: a[1], space: a[0], anywhere: "/", data: []types.Type{list.At(0)},
		doc: p.docOf(c.pkg, a[2])}
	if list.Len() > 1 {
		s.asks, s.answer = true, []types.Type{list.At(1)}
		return s, true
	}
	s.asks, s.answer = p.answers(c.pkg, a[2])
	return s, true
}

// method is the site of a call of a method of the library.
func (p *program) method(c call, recv, name string) (site, bool) {
	a, on := c.expr.Args, receiver(c.expr.Fun)
	if on == nil || len(a) < 2 {
		return site{}, false
	}
	s := site{space: on, anywhere: "/"}
	switch name {
	case "On", "Once":
		s.name, s.doc = a[0], p.docOf(c.pkg, a[1])
		s.data = p.decoded(c.pkg, a[1])
		s.asks, s.answer = p.answers(c.pkg, a[1])
		return s, true
	case "Emit":
		s.name, s.value = a[0], a[1]
	case "EmitWithAck":
		if len(a) < 3 {
			return site{}, false
		}
		s.name, s.value, s.asks = a[1], a[2], true
		s.answer = p.decodedResult(c)
	case "EmitAck":
		if len(a) < 4 {
			return site{}, false
		}
		s.name, s.value, s.asks = a[0], a[1], true
		s.answer = p.decoded(c.pkg, a[3])
	default:
		return site{}, false
	}
	s.outgoing = true
	if recv == "Server" {
		s.anywhere = everywhere
	}
	return s, true
}

// eventEmit is the site of a call of Event.Emit.
func (p *program) eventEmit(c call) (site, bool) {
	on := receiver(c.expr.Fun)
	if on == nil || len(c.expr.Args) < 2 {
		return site{}, false
	}
	n, ok := types.Unalias(c.pkg.TypesInfo.TypeOf(on)).(*types.Named)
	if !ok || n.TypeArgs().Len() != 1 {
		return site{}, false
	}
	return site{outgoing: true, name: on, space: c.expr.Args[0], anywhere: everywhere,
		data: []types.Type{n.TypeArgs().At(0)}}, true
}

// docOf is the function that an expression names.
func (p *program) docOf(pkg *packages.Package, e ast.Expr) types.Object {
	if f := callee(pkg.TypesInfo, e); f != nil {
		return f
	}
	return nil
}

// event is a site whose name and namespaces are known.
type event struct {
	name     string
	spaces   []string // "*" is any
	at       token.Pos
	outgoing bool
	data     []types.Type
	asks     bool
	answer   []types.Type
	doc      types.Object
	said     string // the TypeScript that a directive gives
	pkg      *packages.Package
}

// events resolves all sites.
func (p *program) events(problems *remarks) (list []event) {
	for _, s := range p.sites() {
		list = append(list, p.resolve(s, problems)...)
	}
	return list
}

// resolve makes events of a site.
func (p *program) resolve(s site, problems *remarks) []event {
	said := p.said(s.at)
	if said == "ignore" {
		return nil
	}
	if s.value != nil && s.data == nil && !p.isParameter(s.pkg, s.value) {
		s.data, s.value = []types.Type{p.typeOf(s.pkg, s.value)}, nil
	}
	if s.space != nil && !p.isParameter(s.pkg, s.space) {
		s.spaces, s.space = p.flow.spaces(s.pkg, s.space, s.anywhere), nil
	}
	if tv := s.pkg.TypesInfo.Types[s.name]; tv.Value != nil && tv.Value.Kind() == constant.String {
		return p.named(s, []string{constant.StringVal(tv.Value)}, said)
	}
	if s.depth > 8 {
		problems.add(p.fset.Position(s.at), "the event's name is passed on too often: %s", cure)
		return nil
	}
	if owner, i := p.parameter(s.pkg, s.name); owner != nil {
		return p.follow(s, owner, i, problems)
	}
	if names := p.texts(s.pkg, s.name); len(names) > 0 {
		if len(names) > 1 && !s.outgoing && s.doc == nil {
			s.data = []types.Type{unknown} // which handler has which name is not known
		}
		return p.named(s, names, said)
	}
	problems.add(p.fset.Position(s.name.Pos()), "the event's name is not a constant: %s", cure)
	return nil
}

const cure = "use one, or write //smartsocket:ignore above, which leaves this call out of the map"

// texts are the names that a variable may have, none if there may be others.
func (p *program) texts(pkg *packages.Package, e ast.Expr) (names []string) {
	for v := range p.flow.eval(pkg, e) {
		name, ok := v.(text)
		if !ok {
			return nil
		}
		names = append(names, string(name))
	}
	slices.Sort(names)
	return names
}

// named makes the events of a site with these names.
func (p *program) named(s site, names []string, said string) (list []event) {
	if s.value != nil && s.data == nil {
		s.data = []types.Type{p.typeOf(s.pkg, s.value)}
	}
	if s.space != nil {
		s.spaces = p.flow.spaces(s.pkg, s.space, s.anywhere)
	}
	var spaces []string
	for v := range s.spaces {
		if path, ok := v.(namespace); ok {
			spaces = append(spaces, string(path))
		}
	}
	if len(spaces) == 0 {
		spaces = []string{string(everywhere)}
	}
	slices.Sort(spaces)
	if o := p.constant(s.pkg, s.name); o != nil && p.declaration(o).doc != nil {
		s.doc = o
	}
	said, _ = cutWord(said, "ts")
	for _, name := range names {
		if !s.outgoing && slices.Contains(lifecycle, name) {
			continue
		}
		list = append(list, event{name: name, spaces: spaces, at: s.at, outgoing: s.outgoing,
			data: s.data, asks: s.asks, answer: s.answer, doc: s.doc, said: said, pkg: s.pkg})
	}
	return list
}

// constant is the constant that an expression names, if it is one of package level.
func (p *program) constant(pkg *packages.Package, e ast.Expr) types.Object {
	var id *ast.Ident
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		id = e
	case *ast.SelectorExpr:
		id = e.Sel
	case *ast.CallExpr: // a conversion
		if len(e.Args) == 1 {
			return p.constant(pkg, e.Args[0])
		}
	}
	if id == nil {
		return nil
	}
	if o, ok := pkg.TypesInfo.Uses[id].(*types.Const); ok && o.Parent() == o.Pkg().Scope() {
		return o
	}
	return nil
}

// typeOf is the type of what is sent. An address that is taken there is not nil.
func (p *program) typeOf(pkg *packages.Package, e ast.Expr) types.Type {
	tv := pkg.TypesInfo.Types[e]
	if tv.IsNil() {
		return nothing
	}
	if a, ok := ast.Unparen(e).(*ast.UnaryExpr); ok && a.Op == token.AND {
		if t := pkg.TypesInfo.TypeOf(a.X); !hidesMethods(t) {
			return t
		}
	}
	return types.Default(tv.Type)
}

// hidesMethods reports whether a pointer to t has a method for JSON that t has not.
func hidesMethods(t types.Type) bool {
	return marshals(t).text != marshals(types.NewPointer(t)).text
}

// parameter is the function of which an expression names a parameter, and which one.
func (p *program) parameter(pkg *packages.Package, e ast.Expr) (*function, int) {
	e = ast.Unparen(e)
	if c, ok := e.(*ast.CallExpr); ok && len(c.Args) == 1 && pkg.TypesInfo.Types[c.Fun].IsType() {
		return p.parameter(pkg, c.Args[0])
	}
	id, ok := e.(*ast.Ident)
	if !ok {
		return nil, 0
	}
	v, ok := pkg.TypesInfo.Uses[id].(*types.Var)
	if !ok {
		return nil, 0
	}
	if owner := p.owners[v]; owner != nil {
		return owner, slices.Index(owner.params, v)
	}
	return nil, 0
}

func (p *program) isParameter(pkg *packages.Package, e ast.Expr) bool {
	owner, _ := p.parameter(pkg, e)
	return owner != nil
}

// paths are the namespaces that the program makes, and those of events that name one.
func (p *program) paths(list []event, problems *remarks) []string {
	found := map[string]bool{"/": false}
	for _, c := range p.calls {
		f := callee(c.pkg.TypesInfo, c.expr.Fun)
		recv, _ := ours(f)
		if recv != "Server" || f.Name() != "Namespace" || len(c.expr.Args) != 1 {
			continue
		}
		values := p.flow.eval(c.pkg, c.expr.Args[0])
		if (len(values) == 0 || values[dynamic{}]) && p.said(c.expr.Pos()) != "ignore" {
			problems.add(p.fset.Position(c.expr.Args[0].Pos()),
				"the namespace's path is not a constant: %s", cure)
		}
		for v := range p.flow.result(c.pkg, c.expr) {
			if path, ok := v.(namespace); ok {
				found[string(path)] = true
			}
		}
	}
	for _, e := range list {
		for _, path := range e.spaces {
			if path != string(everywhere) {
				found[path] = true
			}
		}
	}
	if len(found) == 1 {
		found["/"] = true
	}
	maps.DeleteFunc(found, func(_ string, used bool) bool { return !used })
	return slices.Sorted(maps.Keys(found))
}
