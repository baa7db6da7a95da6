package contract

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"regexp"
	"slices"
	"strings"
)

// shape is a type as the codec writes it.
type shape struct {
	text string
	null bool   // or null
	note string // what the text does not say
}

// or is the whole of it.
func (s shape) or() string {
	if s.null && s.text != "unknown" && s.text != "null" {
		return s.text + " | null"
	}
	return s.text
}

// named is a type of Go that gets a name in TypeScript.
type named struct {
	key, name string
	t         *types.Named
	text      string // the declaration with its comment
	kind      string // "interface" or "type"
}

// converter turns types of Go into TypeScript. In the texts that it makes a named type is its key
// between two zero bytes, until all of them are known and have got names.
type converter struct {
	*program
	problems, notes *remarks
	types           map[string]*named
	at              token.Pos // where the type came from that is converted
}

func newConverter(p *program, problems, notes *remarks) *converter {
	return &converter{program: p, problems: problems, notes: notes,
		types: make(map[string]*named)}
}

// problem reports what cannot be expressed, at the place of o if it is known, else at c.at.
func (c *converter) problem(o types.Object, format string, args ...any) shape {
	c.problems.add(c.fset.Position(c.place(o)), format, args...)
	return shape{text: "never"}
}

func (c *converter) place(o types.Object) token.Pos {
	if o != nil && o.Pos().IsValid() {
		return o.Pos()
	}
	return c.at
}

// known are the types that the codec has words of its own for.
var known = map[string]shape{
	"time.Time":                {text: "string", note: "RFC 3339"},
	"time.Duration":            {text: "number", note: "nanoseconds"},
	"encoding/json.RawMessage": {text: "unknown"},
	"encoding/json.Number":     {text: "number"},
	Root + ".Data":             {text: "unknown"},
}

// of converts a type. o is what has it, for messages.
func (c *converter) of(t types.Type, o types.Object) shape {
	switch t := types.Unalias(t).(type) {
	case *types.Named:
		return c.named(t, o)
	case *types.TypeParam:
		return c.problem(o, "the type parameter %v is not known here: call this function with a "+
			"type in these packages", t)
	case *types.Pointer:
		if m := marshals(t); m.text != "" && marshals(t.Elem()).text == "" {
			return shape{m.text, true, m.note}
		}
		s := c.of(t.Elem(), o)
		s.null = true
		return s
	default:
		if m := marshals(t); m.text != "" { // a struct that embeds one
			return m
		}
		return c.kind(t, o)
	}
}

// named converts a type with a name.
func (c *converter) named(t *types.Named, o types.Object) shape {
	obj := t.Obj()
	path := obj.Name()
	if obj.Pkg() != nil {
		path = obj.Pkg().Path() + "." + obj.Name()
	}
	if text, ok := c.c.Types[path]; ok {
		return shape{text: text}
	}
	if s, ok := known[path]; ok {
		return s
	}
	if types.IsInterface(t) {
		return shape{text: "unknown"}
	}
	d := c.declaration(obj)
	nullable := false
	switch t.Underlying().(type) {
	case *types.Slice, *types.Map, *types.Pointer:
		nullable = true
	}
	if text, ok := directive(d.doc, "ts"); ok {
		if text != "notnull" {
			return shape{text: c.resolved(text, obj.Pkg())}
		}
		nullable = false
	} else if m := marshals(t); m.text != "" {
		if m.text == "unknown" {
			c.notes.add(c.fset.Position(obj.Pos()), "%s writes or reads its JSON itself: it is "+
				"unknown until //smartsocket:ts above the type says what it is", obj.Name())
		}
		m.null = nullable && m.text == "string"
		return m
	}
	key := keyOf(t)
	if c.types[key] == nil {
		n := &named{key: key, t: t}
		c.types[key] = n
		at := c.at
		c.at = obj.Pos()
		c.declare(n, d)
		c.at = at
	}
	return shape{text: "\x00" + key + "\x00", null: nullable}
}

// declare fills in the declaration of a named type.
func (c *converter) declare(n *named, d declaration) {
	doc := ""
	if d.doc != nil {
		doc = d.doc.Text()
	}
	if _, ok := n.t.Underlying().(*types.Struct); ok {
		n.kind = "interface"
		text := c.object(n.t, "\n  ", "\n")
		if text == emptyObject {
			n.kind, text = "type", "= "+text
		}
		n.text = comment(doc, "", "") + "export " + n.kind + " \x00" + n.key + "\x00 " +
			text + end(n.kind)
		return
	}
	n.kind = "type"
	if values := c.constants(n.t); len(values) > 0 {
		n.text = comment(doc, "", "") + "export type \x00" + n.key + "\x00 =" + values + ";\n"
		return
	}
	s := c.of(n.t.Underlying(), n.t.Obj())
	n.text = comment(doc, s.note, "") + "export type \x00" + n.key + "\x00 = " + s.text + ";\n"
}

func end(kind string) string {
	if kind == "type" {
		return ";\n"
	}
	return "\n"
}

// constants is the union of the constants of a text type, "" if it has none.
func (c *converter) constants(t *types.Named) string {
	if !isText(t) {
		return ""
	}
	scope := t.Obj().Parent()
	if t.Obj().Pkg() == nil {
		return ""
	}
	if p := c.sources.of(t.Obj().Pkg().Path()); p != nil &&
		(scope == nil || scope == t.Obj().Pkg().Scope()) {
		scope = p.Types.Scope()
	}
	if scope == nil {
		return ""
	}
	var list []*types.Const
	for _, name := range scope.Names() {
		k, ok := scope.Lookup(name).(*types.Const)
		if !ok || name == "_" || k.Val().Kind() != constant.String {
			continue
		}
		n, ok := types.Unalias(k.Type()).(*types.Named)
		if ok && n.Obj().Name() == t.Obj().Name() && pathOf(n) == pathOf(t) {
			list = append(list, k)
		}
	}
	slices.SortFunc(list, func(a, b *types.Const) int {
		p, q := c.fset.Position(a.Pos()), c.fset.Position(b.Pos())
		return cmpOr(strings.Compare(p.Filename, q.Filename), p.Offset-q.Offset)
	})
	seen := make(map[string]bool)
	var out strings.Builder
	for _, k := range list {
		value := quote(constant.StringVal(k.Val()))
		if seen[value] {
			continue
		}
		seen[value] = true
		doc := ""
		if d := c.declaration(k); d.doc != nil {
			doc = d.doc.Text()
		}
		out.WriteString("\n" + comment(doc, "", "  ") + "  | " + value)
	}
	return out.String()
}

const emptyObject = "Record<string, never>"

// object is the type of a struct, with before in front of each member and after behind the last.
func (c *converter) object(t types.Type, before, after string) string {
	var out strings.Builder
	for _, f := range fieldsOf(t) {
		m := c.member(f)
		mark := ""
		if f.optional {
			mark = "?"
		}
		doc := comment(c.fieldDoc(f.v), m.note, "")
		if before == " " {
			doc = "" // in one line
		} else if doc != "" {
			doc = strings.ReplaceAll(strings.TrimSuffix(doc, "\n"), "\n", before) + before
		}
		fmt.Fprintf(&out, "%s%s%s%s: %s;", before, doc, property(f.name), mark, m.or())
	}
	if out.Len() == 0 {
		return emptyObject
	}
	if before == " " {
		return "{" + strings.TrimSuffix(out.String(), ";") + after + "}"
	}
	return "{" + out.String() + after + "}"
}

// member is the type of a field.
func (c *converter) member(f field) shape {
	tag := f.tag.Get("ts")
	s := c.of(f.v.Type(), f.v)
	switch {
	case tag == "notnull":
		s.null = false
	case tag != "":
		return shape{text: c.resolved(tag, f.v.Pkg())}
	case f.notNil:
		s.null = false
		if p, ok := f.v.Type().Underlying().(*types.Pointer); ok { // to what may be nil
			s.null = c.of(p.Elem(), f.v).null
		}
	}
	if f.quoted && plain(f.v.Type()) {
		s.text, s.note = "string", cond(s.note == "", "within a text: "+s.text, s.note)
		if strings.Contains(s.note, "\x00") {
			s.note = "within a text"
		}
	}
	return s
}

func cond(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}

// plain reports whether the codec writes a type itself.
func plain(t types.Type) bool {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	return marshals(t).text == ""
}

// fieldDoc is the comment of a field.
func (c *converter) fieldDoc(v *types.Var) string {
	if v.Pkg() == nil {
		return ""
	}
	p := c.sources.of(v.Pkg().Path())
	if p == nil {
		return ""
	}
	at := c.fset.Position(v.Pos())
	for _, f := range p.Syntax {
		if c.fset.Position(f.Pos()).Filename != at.Filename {
			continue
		}
		doc := ""
		ast.Inspect(f, func(n ast.Node) bool {
			x, ok := n.(*ast.Field)
			if !ok {
				return true
			}
			for _, id := range x.Names {
				if id.Name == v.Name() && c.fset.Position(id.Pos()).Line == at.Line {
					if g := first(x.Doc, x.Comment); g != nil {
						doc = g.Text()
					}
				}
			}
			return true
		})
		return doc
	}
	return ""
}

var word = regexp.MustCompile(`[\pL_][\pL\pN_]*`)

// resolved is a TypeScript text in which the names of Go types of a package stand for these.
func (c *converter) resolved(text string, pkg *types.Package) string {
	if pkg == nil {
		return text
	}
	return word.ReplaceAllStringFunc(text, func(name string) string {
		if t, ok := pkg.Scope().Lookup(name).(*types.TypeName); ok {
			return c.of(t.Type(), t).text
		}
		return name
	})
}

// marshals is what becomes of a type that writes or reads itself, and no text for another one.
func marshals(t types.Type) shape {
	has := func(t types.Type, name string) bool {
		o, _, _ := types.LookupFieldOrMethod(t, false, nil, name)
		f, ok := o.(*types.Func)
		if !ok {
			return false
		}
		sig := f.Signature()
		switch name {
		case "MarshalJSON", "MarshalText":
			return sig.Params().Len() == 0 && sig.Results().Len() == 2
		}
		return sig.Params().Len() == 1 && sig.Results().Len() == 1
	}
	if types.IsInterface(t) {
		return shape{}
	}
	all := types.Type(t)
	if _, ok := types.Unalias(t).(*types.Pointer); !ok {
		all = types.NewPointer(t)
	}
	switch {
	case has(all, "MarshalJSON"), has(all, "UnmarshalJSON"):
		return shape{text: "unknown"}
	case has(t, "MarshalText"):
		return shape{text: "string"}
	case has(all, "MarshalText"), has(all, "UnmarshalText"):
		return shape{text: "unknown"}
	}
	return shape{}
}

func isByte(t types.Type) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Kind() == types.Uint8
}

// kind converts a type without a name.
func (c *converter) kind(t types.Type, o types.Object) shape {
	switch t := t.(type) {
	case *types.Basic:
		return c.basic(t, o)
	case *types.Interface:
		return shape{text: "unknown"}
	case *types.Slice:
		if isByte(t.Elem()) && marshals(t.Elem()).text == "" {
			return shape{"string", true, "base64"}
		}
		return shape{text: list(c.of(t.Elem(), o).or()), null: true}
	case *types.Array:
		elem := c.of(t.Elem(), o).or()
		if t.Len() > 8 {
			return shape{text: list(elem), note: fmt.Sprintf("%d of them", t.Len())}
		}
		return shape{text: "[" + strings.TrimSuffix(strings.Repeat(elem+", ", int(t.Len())), ", ") +
			"]"}
	case *types.Map:
		return c.mapping(t, o)
	case *types.Struct:
		return shape{text: c.object(t, " ", " ")}
	case *types.Pointer:
		s := c.of(t.Elem(), o)
		s.null = true
		return s
	}
	return c.problem(o, "%v cannot be written as JSON: leave it out with the tag json:\"-\"", t)
}

// list is the type of a list.
func list(elem string) string {
	if strings.ContainsAny(elem, "|&?=") && !strings.HasPrefix(elem, "{") ||
		strings.HasSuffix(elem, "| null") {
		return "(" + elem + ")[]"
	}
	return elem + "[]"
}

func (c *converter) basic(t *types.Basic, o types.Object) shape {
	switch info := t.Info(); {
	case t.Kind() == types.Invalid || t.Kind() == types.UnsafePointer ||
		info&types.IsComplex != 0:
		return c.problem(o, "%v cannot be written as JSON: leave it out with the tag json:\"-\"", t)
	case info&types.IsBoolean != 0:
		return shape{text: "boolean"}
	case info&types.IsString != 0:
		return shape{text: "string"}
	case t.Kind() == types.Int64 || t.Kind() == types.Uint64:
		return shape{text: "number", note: t.Name() + ": exact up to 2 ** 53"}
	case t.Kind() == types.UntypedNil:
		return shape{text: "null"}
	}
	return shape{text: "number"}
}

func (c *converter) mapping(t *types.Map, o types.Object) shape {
	value := c.of(t.Elem(), o).or()
	key := "string"
	b, _ := t.Key().Underlying().(*types.Basic)
	switch {
	case isText(t.Key()):
		n, ok := types.Unalias(t.Key()).(*types.Named)
		if ok && c.constants(n) != "" {
			if k := c.of(n, o); strings.HasPrefix(k.text, "\x00") {
				return shape{text: "{ [key in " + k.text + "]?: " + value + " }", null: true}
			}
		}
	case marshals(t.Key()).text == "string":
	case b != nil && b.Info()&types.IsInteger != 0:
		key = "number"
	default:
		return c.problem(o, "a map with keys of type %v cannot be written as JSON: use texts, "+
			"integers, or a type with MarshalText", t.Key())
	}
	return shape{text: "{ [key: " + key + "]: " + value + " }", null: true}
}
