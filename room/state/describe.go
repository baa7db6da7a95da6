package state

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/smartsocket/smartsocket/message"
)

// Schema is what both ends know of a state's type. It never changes and may be shared.
type Schema struct {
	root *plan
	text []byte
}

// JSON returns the schema as it is sent to clients. The bytes are borrowed and must not be changed.
func (s *Schema) JSON() []byte { return s.text }

var described sync.Map // from reflect.Type to *Schema

// Describe reads the tags of the struct T. The result is cached, and calls may be concurrent. The
// error is an ERR_MSG_001 that names the field and says what to change.
func Describe[T any]() (*Schema, error) { return describe(reflect.TypeFor[T]()) }

func describe(t reflect.Type) (*Schema, error) {
	if s, ok := described.Load(t); ok {
		return s.(*Schema), nil
	}
	c := compiler{}
	root, err := c.compile(t, 0, t.String(), false)
	if err != nil {
		return nil, err
	}
	root.place(root)
	s := &Schema{root: root, text: schemaText(c.plans)}
	if len(s.text) > maxSchema {
		return nil, invalid(t.String(), "its schema has %d bytes, and the limit is %d: shorten "+
			"names and words of enums", len(s.text), maxSchema)
	}
	described.Store(t, s)
	return s, nil
}

// invalid returns the error about the field at path.
func invalid(path, format string, args ...any) error {
	return message.New(message.CodeInvalidFormat,
		"state: "+path+": "+fmt.Sprintf(format, args...))
}

// compiler makes the plans of one state.
type compiler struct {
	types  []reflect.Type
	plans  []*plan // the first plan of each type
	inside []reflect.Type
	count  int
}

// compile makes the plan of the struct t, which begins off bytes after its record's struct.
func (c *compiler) compile(t reflect.Type, off uintptr, path string, entry bool) (*plan, error) {
	if t.Kind() != reflect.Struct {
		return nil, invalid(path, "%s is no struct: wrap it in one", t)
	}
	if slices.Contains(c.inside, t) {
		return nil, invalid(path, "%s contains itself: refer to entries by their keys", t)
	}
	if len(c.inside) == maxDepth {
		return nil, invalid(path, "nested deeper than %d: flatten the state", maxDepth)
	}
	c.inside = append(c.inside, t)
	defer func() { c.inside = c.inside[:len(c.inside)-1] }()
	p := &plan{name: t.Name(), key: -1}
	known := slices.Index(c.types, t)
	if known < 0 {
		known = len(c.types)
		if known == maxTypes {
			return nil, invalid(path, "more than %d types: split the state", maxTypes)
		}
		c.types, c.plans = append(c.types, t), append(c.plans, p)
	}
	p.number = known
	for i := range t.NumField() {
		if err := c.add(p, t.Field(i), off, path, entry); err != nil {
			return nil, err
		}
	}
	if len(p.fields) == 0 {
		return nil, invalid(path, "%s has no field with a tag: write `state:\"name\"` behind the "+
			"fields that clients see", t)
	}
	return p, nil
}

// add gives the plan the field s, if it has a tag.
func (c *compiler) add(p *plan, s reflect.StructField, off uintptr, path string, entry bool) error {
	tag, ok := s.Tag.Lookup("state")
	if !ok || tag == "-" {
		return nil
	}
	path += "." + s.Name
	if !s.IsExported() {
		return invalid(path, "unexported fields stay on the server: export it, or remove its tag")
	}
	f := field{off: off + s.Offset}
	options, err := f.readTag(tag, path)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(p.fields, func(o field) bool { return o.name == f.name }) {
		return invalid(path, "the name %q is taken: each field needs its own", f.name)
	}
	if c.count++; c.count > maxPlan {
		return invalid(path, "more than %d fields with everything nested: split the state", maxPlan)
	}
	if len(p.fields) == maxFields {
		return invalid(path, "more than %d fields in a struct: group some in a nested struct",
			maxFields)
	}
	if f.owner && !entry {
		return invalid(path, "owner needs an entry of a map or list, which can belong to "+
			"somebody: remove it, or move the field there")
	}
	if err := c.typed(&f, s.Type, options, path, entry); err != nil {
		return err
	}
	if options.key {
		if p.key >= 0 {
			return invalid(path, "%s is the key already: a struct has one", p.fields[p.key].name)
		}
		if err := f.checkKey(path); err != nil {
			return err
		}
		p.key = len(p.fields)
	}
	p.fields = append(p.fields, f)
	return nil
}

// checkKey tells whether the field can be the key of a list's entries.
func (f *field) checkKey(path string) error {
	switch {
	case f.owner:
		return invalid(path, "a key is seen by all: remove owner")
	case f.kind != kindString && f.kind != kindInt && f.kind != kindUint || f.ranged || f.bounded:
		return invalid(path, "a key is a string or an integer without a range: change its type, "+
			"or remove min and max")
	}
	return nil
}

// typed finds the kind of the field from its type.
func (c *compiler) typed(f *field, t reflect.Type, o options, path string, entry bool) error {
	if holder, ok := reflect.New(t).Interface().(interface{ described() contents }); ok {
		return c.container(f, holder.described(), o, path)
	}
	switch t.Kind() {
	case reflect.Struct:
		f.kind = kindStruct
		if err := o.none(path, f.kind); err != nil {
			return err
		}
		var err error
		f.sub, err = c.compile(t, f.off, path, entry)
		return err
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			f.kind = kindBytes
			return o.none(path, f.kind)
		}
		if t.Elem().Kind() == reflect.Struct {
			return invalid(path, "a slice of structs cannot tell what changed: make it a "+
				"state.List[%s]", t.Elem().Name())
		}
		f.kind, f.entry = kindScalars, t
		f.el = &field{size: t.Elem().Size()}
		return f.el.scalar(t.Elem(), o, path)
	case reflect.Map:
		return invalid(path, "a map cannot tell what changed: make it a state.Map[%s, %s]",
			t.Key().Name(), t.Elem().Name())
	}
	return f.scalar(t, o, path)
}

// container finds out about a map or list.
func (c *compiler) container(f *field, has contents, o options, path string) error {
	f.add, f.remove, f.entry = has.add, has.remove, has.value
	f.kind = kindMap
	if has.key == nil {
		f.kind = kindList
	}
	if f.kind == kindMap {
		f.keyKind = keyKindOf(has.key)
		if v := has.value; v.Kind() != reflect.Struct {
			el := field{}
			if err := el.scalar(v, o, path); err != nil {
				return err
			}
			f.sub = &plan{fields: []field{el}, scalar: true, key: -1}
			return nil
		}
	}
	if err := o.none(path, f.kind); err != nil {
		return err
	}
	var err error
	if f.sub, err = c.compile(has.value, 0, path, true); err != nil || f.kind == kindMap {
		return err
	}
	if f.sub.key < 0 {
		return invalid(path, "%s needs a field that tells entries apart: add the option key to "+
			"its tag, as in `state:\"id,key\"`", has.value)
	}
	key := &f.sub.fields[f.sub.key]
	key.key, f.keyKind = true, key.kind
	return nil
}

func keyKindOf(t reflect.Type) kind {
	switch k := t.Kind(); {
	case k == reflect.String:
		return kindString
	case k >= reflect.Int && k <= reflect.Int64:
		return kindInt
	}
	return kindUint
}

// scalar finds the kind of a value that contains no others.
func (f *field) scalar(t reflect.Type, o options, path string) error {
	f.mem = t.Kind()
	if len(o.words) > 0 {
		return f.enum(t, o, path)
	}
	switch k := t.Kind(); {
	case k == reflect.Bool:
		f.kind = kindBool
	case k == reflect.String:
		f.kind = kindString
	case k >= reflect.Int && k <= reflect.Int64:
		f.kind = kindInt
	case k >= reflect.Uint && k <= reflect.Uint64:
		f.kind = kindUint
	case k == reflect.Float32 && o.step == "":
		f.kind = kindF32
	case k == reflect.Float64 && o.step == "":
		f.kind = kindF64
	case k == reflect.Float32 || k == reflect.Float64:
		f.kind = kindFixed
	default:
		return invalid(path, "%s cannot be sent: use bool, a number, a string, a slice of those, "+
			"[]byte, a struct, state.Map or state.List", t)
	}
	if err := f.limits(o, path); err != nil {
		return err
	}
	f.settle()
	return nil
}

// enum makes the field one of words.
func (f *field) enum(t reflect.Type, o options, path string) error {
	f.kind, f.words = kindEnum, o.words
	o.words = nil
	if err := o.none(path, f.kind); err != nil {
		return err
	}
	if k := t.Kind(); k != reflect.String && (k < reflect.Int || k > reflect.Uint64) {
		return invalid(path, "an enum is a string or an integer, not %s", t)
	}
	for i, w := range f.words {
		if w == "" || slices.Index(f.words, w) != i {
			return invalid(path, "the words of an enum are unique and not empty, see %s",
				strings.Join(f.words, "|"))
		}
	}
	f.settle()
	return nil
}
