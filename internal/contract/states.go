package contract

import (
	"fmt"
	"go/types"
	"reflect"
	"strings"
)

// statePath is the package whose types states consist of.
const statePath = Root + "/room/state"

// ofStates begins the keys of types as states have them. It sorts behind all paths.
const ofStates = "~state "

// describers are the functions whose first type argument is the type of a state, by package.
var describers = map[string][]string{
	Root + "/room": {"Register"},
	statePath:      {"Describe", "NewEncoder", "NewDecoder"},
}

// states converts the types of the states that the program has, by their tags.
func (c *converter) states() {
	for _, call := range c.calls {
		f := callee(call.pkg.TypesInfo, call.expr.Fun)
		if f == nil || f.Pkg() == nil {
			continue
		}
		for _, name := range describers[f.Pkg().Path()] {
			list := typeArgs(call.pkg.TypesInfo, call.expr.Fun)
			if f.Name() != name || list == nil || list.Len() == 0 {
				continue
			}
			t, ok := types.Unalias(list.At(0)).(*types.Named)
			if !ok || len(stateFields(t)) == 0 {
				continue // a room whose state stays on the server
			}
			c.at = call.expr.Pos()
			c.stateOf(t)
		}
	}
}

// stateField is a field with a tag.
type stateField struct {
	v             *types.Var
	name, options string
}

// stateFields are the fields of a struct that travel.
func stateFields(t types.Type) (list []stateField) {
	s, ok := t.Underlying().(*types.Struct)
	if !ok {
		return nil
	}
	for i := range s.NumFields() {
		if tag, ok := reflect.StructTag(s.Tag(i)).Lookup("state"); ok {
			name, options, _ := strings.Cut(tag, ",")
			list = append(list, stateField{s.Field(i), name, options})
		}
	}
	return list
}

// option is the value of an option of the tag, "" if it has none, and whether it is there.
func (f stateField) option(name string) (value string, ok bool) {
	for o := range strings.SplitSeq(f.options, ",") {
		if word, value, _ := strings.Cut(o, "="); word == name {
			return value, true
		}
	}
	return "", false
}

// stateOf is a struct of a state, by its name if it has one.
func (c *converter) stateOf(t types.Type) string {
	n, ok := types.Unalias(t).(*types.Named)
	if !ok {
		return c.stateObject(t, " ", " ")
	}
	key := ofStates + keyOf(n)
	if c.types[key] == nil {
		one := &named{key: key, t: n, kind: "interface"}
		c.types[key] = one
		doc := ""
		if d := c.declaration(n.Obj()); d.doc != nil {
			doc = d.doc.Text()
		}
		at := c.at
		c.at = n.Obj().Pos()
		one.text = comment(doc, "", "") + "export interface \x00" + key + "\x00 " +
			c.stateObject(n, "\n  ", "\n") + "\n"
		c.at = at
	}
	return "\x00" + key + "\x00"
}

// stateObject is the type of a struct, with before in front of each member and after behind the
// last.
func (c *converter) stateObject(t types.Type, before, after string) string {
	var out strings.Builder
	for _, f := range stateFields(t) {
		note := ""
		if _, ok := f.option("owner"); ok {
			note = "zero for all but the owner"
		}
		doc := ""
		if before != " " {
			doc = strings.ReplaceAll(comment(c.fieldDoc(f.v), note, ""), "\n", before)
		}
		fmt.Fprintf(&out, "%s%sreadonly %s: %s;", before, doc, property(f.name), c.stateValue(f))
	}
	if out.Len() == 0 {
		return "{}"
	}
	return "{" + out.String() + after + "}"
}

// stateValue is the type of a field.
func (c *converter) stateValue(f stateField) string {
	t := types.Unalias(f.v.Type())
	if n, ok := t.(*types.Named); ok && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == statePath {
		args := n.TypeArgs()
		if n.Obj().Name() == "List" {
			return "readonly " + list(c.stateElement(args.At(0), f))
		}
		key := "number"
		if isText(args.At(0)) {
			key = "string"
		}
		return "ReadonlyMap<" + key + ", " + c.stateElement(args.At(1), f) + ">"
	}
	if s, ok := t.Underlying().(*types.Slice); ok {
		if isByte(s.Elem()) {
			return "Uint8Array"
		}
		return "readonly " + list(c.stateElement(s.Elem(), f))
	}
	return c.stateElement(t, f)
}

// stateElement is the type of a value that a field has, or the elements of which it consists.
func (c *converter) stateElement(t types.Type, f stateField) string {
	if words, ok := f.option("enum"); ok {
		all := strings.Split(words, "|")
		for i, w := range all {
			all[i] = quote(w)
		}
		return strings.Join(all, " | ")
	}
	switch u := t.Underlying().(type) {
	case *types.Struct:
		return c.stateOf(t)
	case *types.Basic:
		switch info := u.Info(); {
		case info&types.IsBoolean != 0:
			return "boolean"
		case info&types.IsString != 0:
			return "string"
		case info&(types.IsInteger|types.IsFloat) != 0:
			return "number"
		}
	}
	return c.problem(f.v, "%v cannot be in a state: use numbers, bools, texts, bytes, slices of "+
		"them, structs, state.Map and state.List, or leave it out without a tag", t).text
}
