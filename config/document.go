package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// ReadDocument reads a file that has more structure than settings into dst, as encoding/json does:
// YAML if its name ends in .yaml or .yml, otherwise JSON. It has at most 1 MiB and is one document.
// A name that dst has no field for is an error. Errors name the file, and the line if it is known.
// On an error dst may have been written to in part.
func ReadDocument(path string, dst any) error {
	text, err := readLimited(path)
	if err != nil {
		return err
	}
	text = bytes.TrimPrefix(text, []byte("\uFEFF"))
	line := 0
	if !utf8.Valid(text) {
		err = errors.New("the file is not in UTF-8: save it as UTF-8")
	}
	if ext := strings.ToLower(filepath.Ext(path)); err == nil && (ext == ".yaml" || ext == ".yml") {
		text, err = jsonOfYAML(text)
	}
	if err == nil {
		line, err = decodeStrictly(text, dst)
	}
	if f := (*fault)(nil); errors.As(err, &f) {
		line = f.line
	}
	switch {
	case err == nil:
		return nil
	case line == 0:
		return fmt.Errorf("%s: %w", path, err)
	}
	return fmt.Errorf("%s:%d: %w", path, line, err)
}

// decodeStrictly decodes one value. With an error it returns its line.
func decodeStrictly(text []byte, dst any) (line int, err error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	offset := int64(0)
	err = dec.Decode(dst)
	if err == nil {
		if _, more := dec.Token(); !errors.Is(more, io.EOF) {
			return 0, errors.New("there is more behind the value: keep one")
		}
		return 0, nil
	}
	if e := (*json.SyntaxError)(nil); errors.As(err, &e) {
		offset = e.Offset
	}
	if e := (*json.UnmarshalTypeError)(nil); errors.As(err, &e) {
		offset = e.Offset
		err = fmt.Errorf("%s: %s is of the wrong type: write one that fits %v", e.Field, e.Value,
			e.Type)
	}
	if errors.Is(err, io.EOF) {
		return 0, errors.New("the file is empty")
	}
	if offset == 0 {
		return 0, errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	lines := lineCounter{text: text}
	return lines.at(offset), err
}

// jsonOfYAML returns a YAML document as JSON, with a line for each of its own, so that the lines of
// errors are right.
func jsonOfYAML(text []byte) ([]byte, error) {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var document yaml.Node
	switch err := dec.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil, errors.New("the file is empty")
	case err != nil:
		return nil, yamlFault(err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is a second document: keep one")
	}
	w := jsonWriter{line: 1}
	if err := w.node(document.Content[0]); err != nil {
		return nil, err
	}
	return w.out.Bytes(), nil
}

// jsonWriter writes nodes of YAML as JSON.
type jsonWriter struct {
	out  bytes.Buffer
	line int // of what is written next
}

func (w *jsonWriter) node(n *yaml.Node) error {
	for ; w.line < n.Line; w.line++ {
		w.out.WriteByte('\n')
	}
	if w.out.Len() > maxFile {
		return at(n.Line, "aliases make more than 1 MiB of the file: write less with them")
	}
	switch {
	case n.Kind == yaml.AliasNode:
		return w.node(n.Alias)
	case n.Style&yaml.TaggedStyle != 0 && n.Kind != yaml.ScalarNode:
		return at(n.Line, "tags have no meaning here: remove %s", n.Tag)
	case n.Kind == yaml.SequenceNode:
		return w.list('[', ']', n.Content, func(i int) string { return "," })
	case n.Kind == yaml.MappingNode:
		return w.mapping(n)
	}
	switch v := yamlScalar(n); v.form {
	case isText:
		w.out.WriteString(quote(v.text))
	case isNumber, isBool:
		w.out.WriteString(v.text)
	default:
		if n.ShortTag() != "!!null" {
			return at(n.Line, "%s cannot be used: put a text in quotes", v.shown)
		}
		w.out.WriteString("null")
	}
	return nil
}

func (w *jsonWriter) mapping(n *yaml.Node) error {
	lines := make(map[string]int)
	for i := 0; i < len(n.Content); i += 2 {
		name := n.Content[i]
		if name.Kind != yaml.ScalarNode || name.Value == "<<" {
			return at(name.Line, "a name is not plain text: write name: value")
		}
		if first, twice := lines[name.Value]; twice {
			return at(name.Line, "%s occurs twice: keep one of them, the other is in line %d",
				strconv.Quote(name.Value), first)
		}
		lines[name.Value] = name.Line
		quoted := *name
		quoted.Style = yaml.DoubleQuotedStyle // a name like 1 or true is a text too
		quoted.Tag = "!!str"
		n.Content[i] = &quoted
	}
	return w.list('{', '}', n.Content, func(i int) string { return ",:"[i%2 : i%2+1] })
}

// list writes nodes with what between says before the one with that index.
func (w *jsonWriter) list(begin, end byte, nodes []*yaml.Node, between func(int) string) error {
	w.out.WriteByte(begin)
	for i, n := range nodes {
		if i > 0 {
			w.out.WriteString(between(i))
		}
		if err := w.node(n); err != nil {
			return err
		}
	}
	w.out.WriteByte(end)
	return nil
}
