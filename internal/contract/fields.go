package contract

import (
	"fmt"
	"go/types"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// field is a member of the JSON object that a struct becomes.
type field struct {
	name      string
	v         *types.Var
	tag       reflect.StructTag
	index     []int
	tagged    bool
	optional  bool // it may be missing
	notNil    bool // a nil one is missing, so it is never null
	quoted    bool // a number, a bool or a text within a text
	byPointer bool // it is in an embedded struct that a pointer stands for
}

// level is an embedded struct whose fields are looked at.
type level struct {
	t         types.Type
	index     []int
	byPointer bool
}

// fieldsOf lists the fields of a struct that encoding/json sees, by the rules of its typeFields.
func fieldsOf(t types.Type) []field {
	var all []field
	next := []level{{t: t}}
	count := make(map[string]int)
	visited := make(map[string]bool)
	for len(next) > 0 {
		current, times := next, count
		next, count = nil, make(map[string]int)
		for _, l := range current {
			if key := keyOf(l.t); visited[key] {
				continue
			} else {
				visited[key] = true
			}
			found, deeper := l.fields()
			for _, f := range found {
				all = append(all, f)
				if times[keyOf(l.t)] > 1 { // twice, so that they cancel each other
					all = append(all, f)
				}
			}
			for _, d := range deeper {
				if count[keyOf(d.t)]++; count[keyOf(d.t)] == 1 {
					next = append(next, d)
				}
			}
		}
	}
	return dominant(all)
}

// keyOf tells types apart, those within functions too.
func keyOf(t types.Type) string {
	t = types.Unalias(t)
	key := types.TypeString(t, nil)
	if n, ok := t.(*types.Named); ok {
		key += fmt.Sprintf("@%d", n.Obj().Pos())
	}
	return key
}

// fields lists the fields of one struct, and the structs whose fields belong to it.
func (l level) fields() (found []field, deeper []level) {
	s := l.t.Underlying().(*types.Struct)
	for i := range s.NumFields() {
		v, tag := s.Field(i), reflect.StructTag(s.Tag(i))
		ft, pointer := types.Unalias(v.Type()), false
		if p, ok := ft.(*types.Pointer); ok {
			ft, pointer = types.Unalias(p.Elem()), true
		}
		_, isStruct := ft.Underlying().(*types.Struct)
		if !v.Exported() && !(v.Embedded() && isStruct) {
			continue
		}
		text := tag.Get("json")
		if text == "-" {
			continue
		}
		name, opts, _ := strings.Cut(text, ",")
		if !validTag(name) {
			name = ""
		}
		index := append(slices.Clone(l.index), i)
		if name == "" && v.Embedded() && isStruct {
			deeper = append(deeper, level{ft, index, l.byPointer || pointer})
			continue
		}
		f := field{name: name, v: v, tag: tag, index: index, tagged: name != "",
			byPointer: l.byPointer}
		if name == "" {
			f.name = v.Name()
		}
		f.options(strings.Split(opts, ","), ft)
		found = append(found, f)
	}
	return found, deeper
}

// options fills in what the options of the tag say. ft is the type without its pointer.
func (f *field) options(opts []string, ft types.Type) {
	f.optional = f.byPointer
	if slices.Contains(opts, "omitempty") && mayBeEmpty(f.v.Type()) ||
		slices.Contains(opts, "omitzero") {
		f.optional = true
		switch f.v.Type().Underlying().(type) {
		case *types.Pointer, *types.Slice, *types.Map, *types.Interface:
			f.notNil = true
		}
	}
	if b, ok := ft.Underlying().(*types.Basic); ok && slices.Contains(opts, "string") {
		f.quoted = b.Info()&(types.IsBoolean|types.IsInteger|types.IsFloat|types.IsString) != 0
	}
}

// mayBeEmpty reports whether omitempty means something for a type.
func mayBeEmpty(t types.Type) bool {
	switch t := t.Underlying().(type) {
	case *types.Struct:
		return false
	case *types.Array:
		return t.Len() == 0
	}
	return true
}

// validTag is isValidTag of encoding/json.
func validTag(s string) bool {
	if s == "" {
		return false
	}
	for _, c := range s {
		if !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", c) && !unicode.IsLetter(c) &&
			!unicode.IsDigit(c) {
			return false
		}
	}
	return true
}

// dominant drops the fields that Go's rules for embedding hide, with tags going first, and puts the
// rest into the order of the source.
func dominant(all []field) (out []field) {
	slices.SortStableFunc(all, func(a, b field) int {
		tags := 0
		if a.tagged != b.tagged {
			if tags = 1; a.tagged {
				tags = -1
			}
		}
		return cmpOr(strings.Compare(a.name, b.name), len(a.index)-len(b.index), tags,
			slices.Compare(a.index, b.index))
	})
	for i := 0; i < len(all); {
		n := i + 1
		for n < len(all) && all[n].name == all[i].name {
			n++
		}
		if n == i+1 || len(all[i].index) != len(all[i+1].index) ||
			all[i].tagged != all[i+1].tagged {
			out = append(out, all[i])
		}
		i = n
	}
	slices.SortFunc(out, func(a, b field) int { return slices.Compare(a.index, b.index) })
	return out
}
