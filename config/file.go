package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// entry is a name in a file, with its value.
type entry struct {
	value
	name string
	line int
}

// fault is an error at a line of a file; 0 means that the line is not known.
type fault struct {
	line int
	err  error
}

func (f *fault) Error() string { return f.err.Error() }

// at makes a fault.
func at(line int, format string, args ...any) error {
	return &fault{line, fmt.Errorf(format, args...)}
}

// configFile begins the origins of values from a file.
const configFile = "config file "

// readFile applies a file of settings.
func (s *Settings) readFile(path string) error {
	text, err := readLimited(path)
	if err != nil {
		return fmt.Errorf("config file: %w", err)
	}
	return s.applyFile(path, text)
}

// applyFile applies the text of a file, in the order of the fields.
func (s *Settings) applyFile(path string, text []byte) error {
	where := func(line int) string {
		if line == 0 {
			return configFile + path
		}
		return fmt.Sprintf("%s%s:%d", configFile, path, line)
	}
	entries, err := parseFile(path, text)
	if err != nil {
		line := 0
		if f := (*fault)(nil); errors.As(err, &f) {
			line = f.line
		}
		return fmt.Errorf("%s: %w", where(line), err)
	}
	names, given := []string{}, make(forms)
	for _, x := range s.list {
		for i, name := range x.names(x.Name, "File") {
			names = append(names, name)
			e, ok := entries[name]
			if !ok {
				continue
			}
			delete(entries, name)
			a := assignment{setting: x, isFile: i == 1, origin: where(e.line)}
			if err := given.add(a); err != nil {
				return err
			}
			if err := a.take(e.value); err != nil {
				return err
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		return fmt.Errorf("%s: unknown setting %q%s", where(entries[name].line), name,
			didYouMean(name, names))
	}
	return nil
}

// take sets the setting to a value from a file, or to what the file has that the value names.
func (a assignment) take(v value) error {
	if a.isFile {
		if v.form != isText {
			return &Error{a.Name, a.origin, fmt.Errorf(
				"%sFile has a value of the wrong type: write the name of a file", a.Name)}
		}
		a.text = v.text
		return a.apply()
	}
	if err := a.setValue(v); err != nil {
		return &Error{a.Name, a.origin, err}
	}
	a.Origin = a.origin
	return nil
}

// parseFile reads a file that is one object in which each name occurs once.
func parseFile(path string, text []byte) (map[string]entry, error) {
	text = bytes.TrimPrefix(text, []byte("\uFEFF"))
	if !utf8.Valid(text) {
		return nil, errors.New("the file is not in UTF-8: save it as UTF-8")
	}
	var list []entry
	var err error
	switch strings.ToLower(filepath.Ext(path)) {
	case ".yaml", ".yml":
		list, err = parseYAML(text)
	default:
		list, err = parseJSON(text)
	}
	if err != nil {
		return nil, err
	}
	entries := make(map[string]entry, len(list))
	for _, e := range list {
		if first, twice := entries[e.name]; twice {
			return nil, at(e.line, "%q occurs twice: keep one of them, the other is in line %d",
				e.name, first.line)
		}
		entries[e.name] = e
	}
	return entries, nil
}

var (
	errEmpty = errors.New(
		"the file is empty: write an object, as -print-config prints it, or {}")
	errNoObject = errors.New("the file is not an object: write one, as -print-config prints it")
)

// parseJSON reads a JSON object.
func parseJSON(text []byte) (list []entry, err error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	first, err := dec.Token()
	if errors.Is(err, io.EOF) {
		return nil, errEmpty
	}
	if err == nil && first != json.Delim('{') {
		return nil, errNoObject
	}
	lines := lineCounter{text: text}
	for err == nil && dec.More() {
		var name json.Token
		var raw json.RawMessage
		if name, err = dec.Token(); err != nil {
			break
		}
		line := lines.at(dec.InputOffset())
		if err = dec.Decode(&raw); err == nil {
			list = append(list, entry{jsonValue(raw), name.(string), line})
		}
	}
	if err == nil {
		_, err = dec.Token() // the closing brace
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
		lines = lineCounter{text: text}
		return nil, &fault{lines.at(syntax.Offset), err}
	}
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more after the closing brace: keep one object")
	}
	return list, nil
}

// jsonValue reads a value whose syntax is right.
func jsonValue(raw json.RawMessage) value {
	v := value{text: string(raw), shown: shorten(string(raw))}
	switch ch := raw[0]; {
	case ch == '"':
		v.form = isText
		v.text = jsonText(raw)
	case ch == 't' || ch == 'f':
		v.form = isBool
	case ch == '-' || '0' <= ch && ch <= '9':
		v.form = isNumber
	case ch == '[':
		var items []json.RawMessage
		if json.Unmarshal(raw, &items) != nil {
			return v
		}
		v.form = isList
		for _, item := range items {
			i := value{form: isOther, shown: shorten(string(item))}
			if item[0] == '"' {
				i.form, i.text = isText, jsonText(item)
			}
			v.items = append(v.items, i)
		}
	}
	return v
}

func jsonText(raw json.RawMessage) (text string) {
	if json.Unmarshal(raw, &text) != nil {
		return ""
	}
	return text
}

// shorten cuts what an error shows of a value.
func shorten(text string) string {
	const most = 80
	if len(text) <= most {
		return text
	}
	cut := most
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}

// lineCounter tells in which line an offset is. Offsets must not go back.
type lineCounter struct {
	text   []byte
	offset int
	lines  int // before offset
}

func (c *lineCounter) at(offset int64) int {
	next := max(c.offset, min(int(offset), len(c.text)))
	c.lines += bytes.Count(c.text[c.offset:next], []byte{'\n'})
	c.offset = next
	return 1 + c.lines
}
