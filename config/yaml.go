package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// parseYAML reads a YAML document that is one mapping.
func parseYAML(text []byte) (list []entry, err error) {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var document yaml.Node
	switch err := dec.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil, errEmpty
	case err != nil:
		return nil, yamlFault(err)
	}
	top := document.Content[0]
	if top.Kind == yaml.ScalarNode && top.Value == "" {
		return nil, errEmpty
	}
	if top.Kind != yaml.MappingNode || top.Style&yaml.TaggedStyle != 0 {
		return nil, errNoObject
	}
	for i := 0; i < len(top.Content); i += 2 {
		name, v := top.Content[i], top.Content[i+1]
		if name.Kind != yaml.ScalarNode {
			return nil, at(name.Line, "a name is not plain text: write name: value")
		}
		list = append(list, entry{yamlValue(v), name.Value, name.Line})
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is a second document: keep one")
	}
	return list, nil
}

// yamlValue reads a value as JSON would have it.
func yamlValue(n *yaml.Node) value {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch {
	case n.Kind == yaml.ScalarNode:
		return yamlScalar(n)
	case n.Kind == yaml.SequenceNode && n.Style&yaml.TaggedStyle == 0:
		v := value{form: isList, shown: "a list"}
		for _, item := range n.Content {
			if item.Kind == yaml.AliasNode {
				item = item.Alias
			}
			if item.Kind == yaml.ScalarNode {
				v.items = append(v.items, yamlScalar(item))
			} else {
				v.items = append(v.items, value{shown: "a list or a mapping"})
			}
		}
		return v
	case n.Kind == yaml.MappingNode:
		return value{shown: "a mapping"}
	}
	return value{shown: "a value with a tag"}
}

// yamlScalar tells apart strings, numbers, bools and null. Numbers that YAML has and JSON does not,
// such as 0x10 and 010, keep their text, so that no number is taken for another.
func yamlScalar(n *yaml.Node) value {
	v := value{form: isText, text: n.Value, shown: shorten(strconv.Quote(n.Value))}
	switch {
	case n.Style&yaml.TaggedStyle != 0 && n.ShortTag() != "!!str":
		return value{shown: "a value with a tag"}
	case n.Style != 0: // in quotes, a block, or tagged as a string
		return v
	}
	v.shown = shorten(n.Value)
	plain := strings.ReplaceAll(n.Value, "_", "")
	switch tag := n.ShortTag(); {
	case isJSONNumber(plain):
		v.form, v.text = isNumber, plain
	case tag == "!!int" || tag == "!!float":
		v.form, v.text = isOther, n.Value
		v.shown = shorten(n.Value) + " (numbers are written as in JSON)"
	case tag == "!!bool":
		v.form, v.text = isBool, strings.ToLower(n.Value)
	case tag == "!!null":
		v.form = isOther
		v.shown = "null"
	}
	return v
}

// isJSONNumber reports whether text is a number in the grammar of JSON.
func isJSONNumber(text string) bool {
	return text != "" && (text[0] == '-' || '0' <= text[0] && text[0] <= '9') &&
		json.Valid([]byte(text))
}

// yamlError is how the library reports an error of the syntax.
var yamlError = regexp.MustCompile(`(?s)^yaml: (?:line (\d+): )?(.*)$`)

// yamlFault says where in the file an error of the syntax is. The library's messages are fixed
// texts, except for one.
func yamlFault(err error) error {
	m := yamlError.FindStringSubmatch(err.Error())
	if m == nil {
		return err
	}
	if strings.Contains(m[2], "anchor") { // it has the text behind the asterisk, maybe a secret
		return errors.New("an alias has no anchor: put a text that begins with * in quotes")
	}
	line, _ := strconv.Atoi(m[1])
	return at(line, "%s", m[2])
}
