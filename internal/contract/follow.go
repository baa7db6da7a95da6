package contract

import (
	"go/types"
	"slices"
	"strings"
)

// follow makes a site for each call of the function that gets the event's name, and resolves it.
func (p *program) follow(s site, owner *function, index int, problems *remarks) (list []event) {
	calls := 0
	for _, c := range p.calls {
		if index >= len(c.expr.Args) || !slices.Contains(p.flow.callees(c.pkg, c.expr), owner) {
			continue
		}
		calls++
		list = append(list, p.resolve(p.through(s, owner, index, c), problems)...)
	}
	if calls == 0 && !isRegistrar(owner) {
		problems.add(p.fset.Position(s.name.Pos()),
			"the event's name is a parameter of %s, which nothing calls here: %s", owner.name, cure)
	}
	return list
}

// isRegistrar reports whether f is the On of a Registrar of the application: the library calls it
// for the sites that were found already.
func isRegistrar(f *function) bool {
	return f.sig.Recv() != nil && f.name == "On" && len(f.params) == 3 &&
		typeName(f.params[1].Type()) == "Handler"
}

// through is a site as a call of its function makes it.
func (p *program) through(s site, owner *function, index int, c call) site {
	args := c.expr.Args
	info := c.pkg.TypesInfo
	bound := make(map[*types.TypeParam]types.Type)
	if list := typeArgs(info, c.expr.Fun); list != nil {
		params := owner.sig.TypeParams()
		for i := range min(list.Len(), params.Len()) {
			bound[params.At(i)] = list.At(i)
		}
	}
	replace := func(list []types.Type) []types.Type {
		if list == nil {
			return nil
		}
		out := make([]types.Type, len(list))
		for i, t := range list {
			out[i] = substitute(t, bound)
		}
		return out
	}
	name := args[index]
	if s.value != nil {
		f, i := p.parameter(s.pkg, s.value)
		rest := owner.sig.Variadic() && i == len(owner.params)-1 && !c.expr.Ellipsis.IsValid()
		if f == owner && i < len(args) && !rest {
			s.value = args[i]
			if !p.isParameter(c.pkg, s.value) {
				s.data, s.value = []types.Type{p.typeOf(c.pkg, s.value)}, nil
			}
		} else {
			s.data, s.value = []types.Type{p.typeOf(s.pkg, s.value)}, nil
		}
	}
	if s.space != nil {
		if f, i := p.parameter(s.pkg, s.space); f == owner && i < len(args) {
			s.space = args[i]
		} else {
			s.spaces, s.space = p.flow.spaces(s.pkg, s.space, s.anywhere), nil
		}
	}
	s.data, s.answer = replace(s.data), replace(s.answer)
	s.pkg, s.at, s.in, s.name, s.depth = c.pkg, c.expr.Pos(), c.in, name, s.depth+1
	return s
}

// substitute replaces type parameters.
func substitute(t types.Type, bound map[*types.TypeParam]types.Type) types.Type {
	if len(bound) == 0 {
		return t
	}
	again := func(t types.Type) types.Type { return substitute(t, bound) }
	switch t := types.Unalias(t).(type) {
	case *types.TypeParam:
		if to := bound[t]; to != nil {
			return to
		}
	case *types.Pointer:
		return types.NewPointer(again(t.Elem()))
	case *types.Slice:
		return types.NewSlice(again(t.Elem()))
	case *types.Array:
		return types.NewArray(again(t.Elem()), t.Len())
	case *types.Map:
		return types.NewMap(again(t.Key()), again(t.Elem()))
	case *types.Struct:
		fields, tags := make([]*types.Var, t.NumFields()), make([]string, t.NumFields())
		for i := range fields {
			f := t.Field(i)
			fields[i] = types.NewField(f.Pos(), f.Pkg(), f.Name(), again(f.Type()), f.Embedded())
			tags[i] = t.Tag(i)
		}
		return types.NewStruct(fields, tags)
	case *types.Named:
		if t.TypeArgs().Len() == 0 {
			return t
		}
		args := make([]types.Type, t.TypeArgs().Len())
		for i := range args {
			args[i] = again(t.TypeArgs().At(i))
		}
		if n, err := types.Instantiate(nil, t.Origin(), args, false); err == nil {
			return n
		}
	}
	return t
}

// cutWord is what follows a word, "" if s does not begin with it.
func cutWord(s, word string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(s, word+" ")
	return strings.TrimSpace(rest), ok
}
