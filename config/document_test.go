package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

type document struct {
	Name  string            `json:"name"`
	Items []documentItem    `json:"items"`
	Any   any               `json:"any"`
	Map   map[string]string `json:"map"`
}

type documentItem struct {
	Rate float64 `json:"rate"`
	On   bool    `json:"on"`
}

func writeDocument(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadDocument(t *testing.T) {
	want := document{Name: "a: b", Items: []documentItem{{2.5, true}, {Rate: 1000}},
		Any: map[string]any{"x": []any{"1", 2.0, nil}}, Map: map[string]string{"1": "true"}}
	for name, text := range map[string]string{
		"x.json": `{"name": "a: b", "items": [{"rate": 2.5, "on": true}, {"rate": 1000}],
			"any": {"x": ["1", 2, null]}, "map": {"1": "true"}}`,
		"x.yaml": `
name: "a: b"
items:
  - rate: 2.5
    on: true
  - &base {rate: 1_000}
any: {x: ["1", 2, null]}
map:
  1: "true"
`,
	} {
		var got document
		if err := ReadDocument(writeDocument(t, name, text), &got); err != nil ||
			!reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestDocumentErrors(t *testing.T) {
	for text, want := range map[string]string{
		"name: a\nitems:\n  - rate: fast\n": "x.yaml:3: items.rate: string is of the wrong type",
		"name: a\nnames: b\n":               `unknown field "names"`,
		"name: a\nname: b\n":                `x.yaml:2: "name" occurs twice`,
		"name: [a\n":                        "x.yaml:",
		"name: !!binary YQ==\n":             "x.yaml:1: a value with a tag",
		"name: a\n---\nname: b\n":           "second document",
		"":                                  "the file is empty",
		"any: 0x10\n":                       "numbers are written as in JSON",
		"any:\n  <<: {a: 1}\n":              "x.yaml:2: a name is not plain text",
		"map: {a: \"\xff\"}":                "not in UTF-8",
		"any: &a [&b [1,2,3,4,5,6,7,8,9]]\nitems: *c": "an alias has no anchor",
	} {
		err := ReadDocument(writeDocument(t, "x.yaml", text), new(document))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, which should say %q", text, err, want)
		}
	}
	for text, want := range map[string]string{
		"{\n\"name\": 1}":  "x.json:2: name: number is of the wrong type",
		"{\n\n\"name\" 1}": "x.json:3: invalid character",
		"{} {}":            "more behind",
		"":                 "the file is empty",
	} {
		err := ReadDocument(writeDocument(t, "x.json", text), new(document))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, which should say %q", text, err, want)
		}
	}
}

// A few aliases can make gigabytes of a small file.
func TestDocumentOfAliases(t *testing.T) {
	text := "any:\n  - &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := '1'; i <= '9'; i++ {
		item := "*a" + string(i-1)
		text += "  - &a" + string(i) + " [" + strings.Repeat(item+", ", 9) + item + "]\n"
	}
	err := ReadDocument(writeDocument(t, "x.yaml", text), new(document))
	if err == nil || !strings.Contains(err.Error(), "1 MiB") {
		t.Error(err)
	}
}
