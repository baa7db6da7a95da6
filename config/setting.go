package config

import (
	"cmp"
	"encoding"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Setting describes one setting.
type Setting struct {
	Name   string // in files, such as maxConnections
	Flag   string // on the command line behind a dash, such as max-connections
	Env    string // in the environment, such as GAME_MAX_CONNECTIONS; "" means not there
	Field  string // the field's name in Go, such as MaxConnections
	Help   string // from the tag help or Source.Help
	Secret bool   // the value must not be shown

	// Origin is where the value came from, such as "flag -port", "environment variable GAME_PORT"
	// or "config file game.yaml:3". "" means that it is the default.
	Origin string
}

// setting is a Setting with its field.
type setting struct {
	Setting
	v       reflect.Value
	kind    kind
	url     bool   // secret:"url"
	hook    bool   // can be set, but not printed
	initial string // the default as text, for the help

	// inForce is the value that was read, or the default, whatever became of the struct since.
	inForce reflect.Value
}

// kind is how a setting is written.
type kind uint8

const (
	text     kind = iota
	custom        // by its UnmarshalText
	toggle        // by its UnmarshalText, which takes true and false
	boolean       // true or false
	integer       // digits
	unsigned      // digits without a sign
	float         // a number
	duration      // 30s or milliseconds
	list          // several texts
)

var durationType = reflect.TypeFor[time.Duration]()

// settingsOf lists the settings of dst. An error is a mistake of the program.
func settingsOf(dst any, source Source) ([]*setting, error) {
	v := reflect.ValueOf(dst)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return nil, fmt.Errorf("config: Load wants a pointer to a struct, and %T is none", dst)
	}
	c := collector{source: source, taken: map[string]string{"config": "the flag -config"}}
	c.take(string(Help), "the flag -help")
	c.take("h", "the flag -h")
	c.take(string(Print), "the flag -print-config")
	for a := range source.Actions {
		c.take(string(a), "the action "+string(a))
	}
	c.collect(v.Elem(), false)
	return c.list, c.err
}

// collector gathers the settings of a struct, and the names that are in use.
type collector struct {
	source Source
	list   []*setting
	taken  map[string]string // flags, and what has them
	err    error             // the first mistake
}

func (c *collector) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("config: "+format, args...)
	}
}

func (c *collector) take(flag, what string) {
	if by, twice := c.taken[flag]; twice {
		c.fail("%s and %s have the same name %s", by, what, flag)
	}
	c.taken[flag] = what
}

func (c *collector) collect(v reflect.Value, embedded bool) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		tag, help := f.Tag.Get("config"), ""
		if embedded {
			help = "see " + v.Type().String() + "." + f.Name
		}
		switch {
		case tag == "-":
		case tag != "":
			c.add(v.Field(i), f, help)
		case f.Anonymous && f.Type.Kind() == reflect.Struct:
			c.collect(v.Field(i), true)
		case f.Anonymous && f.Type.Kind() == reflect.Pointer &&
			f.Type.Elem().Kind() == reflect.Struct:
			c.fail("%s is embedded as a pointer: embed the struct itself, or tag it "+
				`config:"-"`, f.Name)
		}
	}
}

// add takes a field with the tag config. help is for one that has no other.
func (c *collector) add(v reflect.Value, f reflect.StructField, help string) {
	name := f.Tag.Get("config")
	s := &setting{v: v}
	s.Name, s.Field = name, f.Name
	s.Help = cmp.Or(f.Tag.Get("help"), c.source.Help[name], help)
	s.Flag = separate(name, '-')
	if c.source.EnvPrefix != "" {
		s.Env = c.source.EnvPrefix + strings.ToUpper(separate(name, '_'))
	}
	secret := f.Tag.Get("secret")
	s.Secret, s.url = secret != "" && secret != "false", secret == "url"
	var known bool
	s.kind, s.hook, known = kindOf(f.Type)
	switch {
	case !f.IsExported():
		c.fail("the field %s has a tag, but is not exported", f.Name)
		return
	case !goodName(name):
		c.fail("%q of the field %s is no name: write it like maxConnections", name, f.Name)
	case secret != "" && secret != "true" && secret != "false" && secret != "url":
		c.fail("secret:%q of the field %s is unknown: write true or url", secret, f.Name)
	case s.Secret && s.kind != text && s.kind != list && s.kind != custom,
		s.url && s.kind != text:
		c.fail("the secret %s cannot be of type %s: make it a string", f.Name, f.Type)
	case !known:
		c.fail("the field %s has the type %s, which cannot be configured: give it UnmarshalText, "+
			`or tag it config:"-"`, f.Name, f.Type)
		return
	}
	if s.initial = s.text(); s.hidden() {
		s.initial = "hidden"
	}
	s.inForce = copied(s.v)
	for _, flag := range s.names(s.Flag, "-file") {
		c.take(flag, "the field "+f.Name)
	}
	c.list = append(c.list, s)
}

// copied returns a copy of a value, without what it refers to.
func copied(v reflect.Value) reflect.Value {
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	return c
}

// names returns a name of the setting and, for a secret, that of the file that has its value.
func (s *setting) names(name, suffix string) []string {
	if s.Secret {
		return []string{name, name + suffix}
	}
	return []string{name}
}

// kindOf returns how a type is written, and whether it can be set only.
func kindOf(t reflect.Type) (k kind, hook, known bool) {
	if u, ok := reflect.New(t).Interface().(encoding.TextUnmarshaler); ok {
		_, prints := reflect.New(t).Interface().(encoding.TextMarshaler)
		if prints && isToggle(u, t) {
			return toggle, false, true
		}
		return custom, !prints, true
	}
	switch t.Kind() {
	case reflect.String:
		return text, false, true
	case reflect.Bool:
		return boolean, false, true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if t == durationType {
			return duration, false, true
		}
		return integer, false, true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return unsigned, false, true
	case reflect.Float32, reflect.Float64:
		return float, false, true
	case reflect.Slice:
		return list, false, t.Elem().Kind() == reflect.String
	}
	return 0, false, false
}

// isToggle reports whether a type reads true and false, but not every word.
func isToggle(zero encoding.TextUnmarshaler, t reflect.Type) bool {
	reads := func(u encoding.TextUnmarshaler, word string) bool {
		return u.UnmarshalText([]byte(word)) == nil
	}
	fresh := func() encoding.TextUnmarshaler {
		return reflect.New(t).Interface().(encoding.TextUnmarshaler)
	}
	return reads(zero, "true") && reads(fresh(), "false") && !reads(fresh(), "neither of them")
}

// goodName reports whether a name is letters and digits, with a small letter in front.
func goodName(name string) bool {
	for i, ch := range []byte(name) {
		small, capital, digit := 'a' <= ch && ch <= 'z', 'A' <= ch && ch <= 'Z',
			'0' <= ch && ch <= '9'
		if !small && (i == 0 || !capital && !digit) {
			return false
		}
	}
	return name != ""
}

// separate turns camelCase into lower-case words joined by sep. Capitals in a row are one word,
// also in the plural: maxJSONElements becomes max-json-elements, allowedIPs allowed-ips.
func separate(name string, sep byte) string {
	is := func(i int, low, high byte) bool {
		return i >= 0 && i < len(name) && low <= name[i] && name[i] <= high
	}
	var b strings.Builder
	for i := range len(name) {
		ch := name[i]
		if is(i, 'A', 'Z') {
			plural := is(i+1, 's', 's') && !is(i+2, 'a', 'z')
			begins := !is(i-1, 'A', 'Z') || is(i+1, 'a', 'z') && !plural
			if i > 0 && begins {
				b.WriteByte(sep)
			}
			ch += 'a' - 'A'
		}
		b.WriteByte(ch)
	}
	return b.String()
}
