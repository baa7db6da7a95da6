package config

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestMistakesAreNamed(t *testing.T) {
	file := func(name, text string) []string {
		return []string{"-config", write(t, name, text)}
	}
	for _, test := range []struct {
		name string
		env  []string
		args []string
		want []string // each must be part of the message
	}{
		{"unknown flag", nil, []string{"-prot", "5"}, []string{"-prot", "did you mean port?"}},
		{"unknown variable", []string{"GAME_PROT=1"}, nil,
			[]string{"GAME_PROT", "did you mean GAME_PORT?"}},
		{"unknown and like nothing", nil, []string{"-zzzzzz=5"}, []string{"-zzzzzz:", "-help"}},
		{"Kubernetes", []string{"GAME_SERVICE_HOST=10.0.0.1"}, nil,
			[]string{"a service named game", "enableServiceLinks"}},
		{"unknown in JSON", nil, file("c.json", "{\n\"prt\": 1}"),
			[]string{`c.json:2: unknown setting "prt": did you mean port?`}},
		{"unknown in YAML", nil, file("c.yaml", "host: h\n\nPort: 1\n"),
			[]string{`c.yaml:3: unknown setting "Port": did you mean port?`}},
		{"twice in JSON", nil, file("c.json", "{\"port\": 1,\n\n\"p\\u006frt\": 2}"),
			[]string{`c.json:3: "port" occurs twice`, "line 1"}},
		{"twice in YAML", nil, file("c.yaml", "port: 1\nhost: h\n'port': 2\n"),
			[]string{`c.yaml:3: "port" occurs twice`, "line 1"}},
		{"line of a value", nil, file("c.yaml", "host: h\nport: http\n"),
			[]string{"config file ", "c.yaml:2: port: http is of the wrong type: write a whole"}},
		{"syntax of JSON", nil, file("c.json", "{\n\"port\": 1,\n}"),
			[]string{"c.json:3: invalid"}},
		{"syntax of YAML", nil, file("c.yaml", "port: 1\nhost: [\n"), []string{"c.yaml:"}},
		{"two objects", nil, file("c.json", `{} {}`), []string{"keep one object"}},
		{"two documents", nil, file("c.yaml", "port: 1\n---\nport: 2\n"),
			[]string{"second document"}},
		{"list", nil, file("c.yaml", "- port"), []string{"not an object"}},
		{"text", nil, file("c.yaml", "port"), []string{"not an object"}},
		{"empty YAML", nil, file("c.yaml", "# nothing\n"), []string{"is empty"}},
		{"empty document", nil, file("c.yaml", "---\n"), []string{"is empty"}},
		{"empty JSON", nil, file("c.json", " \n"), []string{"is empty"}},
		{"not UTF-8", nil, file("c.json", "{\"host\": \"\xff\"}"), []string{"UTF-8"}},
		{"large", nil, file("c.json", strings.Repeat(" ", 1<<20)+"{}"), []string{"1 MiB"}},
		{"missing", nil, []string{"-config", "/no/such/file"}, []string{"/no/such/file"}},
		{"a key that is no text", nil, file("c.yaml", "? [port]\n: 1\n"), []string{"c.yaml:1"}},
		{"merge", nil, file("c.yaml", "<<: {port: 1}\n"), []string{`unknown setting "<<"`}},
		{"yes", nil, file("c.yaml", "verbose: yes\n"), []string{"yes", "true or false"}},
		{"octal", nil, file("c.yaml", "port: 010\n"), []string{"010", "as in JSON"}},
		{"hex", nil, file("c.yaml", "port: 0x10\n"), []string{"0x10", "as in JSON"}},
		{"infinite", nil, file("c.yaml", "ratio: .inf\n"), []string{".inf", "as in JSON"}},
		{"tag", nil, file("c.yaml", "host: !here h\n"), []string{"a value with a tag"}},
		{"null", nil, file("c.yaml", "host:\n"), []string{"null is of the wrong type"}},
		{"number for a string", nil, file("c.yaml", "host: 5\n"), []string{"5", "a string"}},
		{"number in quotes", nil, file("c.yaml", "port: '5'\n"), []string{`"5"`, "whole number"}},
		{"toggle in quotes", nil, file("c.json", `{"cache": "true"}`),
			[]string{`"true"`, `"auto"`}},
		{"deep", nil, file("c.yaml", "names: [[a]]\n"), []string{"a list or a mapping"}},
		{"mapping", nil, file("c.yaml", "host: {a: b}\n"), []string{"a mapping"}},
		{"long", nil, file("c.json", `{"port": "`+strings.Repeat("é", 100)+`"}`),
			[]string{"é…"}},
		{"small", nil, []string{"-small", "128"}, []string{`"128" is out of range`}},
		{"negative size", nil, []string{"-size", "-1"}, []string{`"-1"`, "0 or more"}},
		{"size", nil, []string{"-size", "65536"}, []string{"out of range"}},
		{"ratio", nil, []string{"-ratio", "NaN"}, []string{`"NaN"`, "0.5"}},
		{"switch", nil, []string{"-verbose=2"}, []string{`"2"`, "true or false"}},
		{"duration", nil, []string{"-wait", "soon"}, []string{`"soon"`, "1m30s"}},
		{"long duration", nil, []string{"-wait", "99999999999999999"}, []string{"292 years"}},
		{"longer", nil, []string{"-wait", "-99999999999999999999"}, []string{"292 years"}},
		{"level", nil, []string{"-level", "loud"}, []string{"flag -level: ", "loud"}},
		{"no value", nil, []string{"-port"}, []string{"-port wants a value"}},
		{"stray", nil, []string{"-port", "1", "stray"}, []string{`"stray"`}},
		{"dashes", nil, []string{"--"}, []string{`"--"`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := load(defaults(), test.env, test.args...)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the message lacks %q: %v", want, err)
				}
			}
		})
	}
}

func TestYAMLIsReadAsJSON(t *testing.T) {
	for text, want := range map[string]string{ // host
		"host: 2026-01-02":                      "2026-01-02",
		"host: yes":                             "yes",
		"host: !!str 5":                         "5",
		"host: \"5\"":                           "5",
		"host: |\n  a\n  b\n":                   "a\nb\n",
		"host: h # comment":                     "h",
		"---\nhost: h\n...\n":                   "h",
		"\uFEFFhost: h":                         "h",
		"names: [&x h]\nhost: *x":               "h",
		"{host: h, \"port\": 1}":                "h",
		"host: \"\\u0068\\x68\"":                "hh",
		"host: 1.2.3.4":                         "1.2.3.4",
		"host: .5.":                             ".5.",
		"host: ''":                              "",
		"host: h\nnames: &n [a]\napiKeys: *n\n": "h",
	} {
		c := defaults()
		_, err := load(c, nil, "-config", write(t, "c.yaml", text))
		if err != nil || c.Host != want {
			t.Errorf("%q: %q, %v", text, c.Host, err)
		}
	}
}

func TestSecretsFromFiles(t *testing.T) {
	key, keys := write(t, "key", "s3cret\n\n"), write(t, "keys", "first\r\nsecond\r\n")
	for name, test := range map[string]struct {
		env, args []string
		key       string
	}{
		"environment": {env: []string{"GAME_SEALING_KEY_FILE=" + key}, key: "s3cret\n"},
		"flag":        {args: []string{"-sealing-key-file", key}, key: "s3cret\n"},
		"file": {args: []string{"-config", write(t, "c.yaml", "sealingKeyFile: "+key+"\n")},
			key: "s3cret\n"},
		"flag over environment": {env: []string{"GAME_SEALING_KEY_FILE=" + key},
			args: []string{"-sealing-key", "k"}, key: "k"},
		"environment over file": {env: []string{"GAME_SEALING_KEY_FILE=" + key},
			args: []string{"-config", write(t, "c.json", `{"sealingKey": "k"}`)}, key: "s3cret\n"},
		"CR and LF": {args: []string{"-sealing-key-file", write(t, "key", "k\r\n")}, key: "k"},
		"only CR":   {args: []string{"-sealing-key-file", write(t, "key", "k\r")}, key: "k\r"},
		"list":      {env: []string{"GAME_API_KEYS_FILE=" + keys, "GAME_SEALING_KEY=k"}, key: "k"},
	} {
		c := defaults()
		if _, err := load(c, test.env, test.args...); err != nil || c.Key != test.key {
			t.Errorf("%s: %q, %v", name, c.Key, err)
		}
		if name == "list" && !slices.Equal(c.Keys, []string{"first", "second"}) {
			t.Errorf("the list is %q", c.Keys)
		}
	}
	empty, missing := write(t, "empty", "\n"), filepath.Join(t.TempDir(), "missing")
	for name, test := range map[string]struct {
		env, args []string
		want      []string
	}{
		"both": {env: []string{"GAME_SEALING_KEY=s3cret", "GAME_SEALING_KEY_FILE=" + key},
			want: []string{"GAME_SEALING_KEY too", "GAME_SEALING_KEY_FILE"}},
		"both flags": {args: []string{"-sealing-key-file", key, "-sealing-key=s3cret"},
			want: []string{"-sealing-key:", "-sealing-key-file too"}},
		"both in a file": {args: []string{"-config", write(t, "c.json", `{"sealingKey": "s3cret",`+
			` "sealingKeyFile": "`+key+`"}`)}, want: []string{"sealingKey: ", "c.json", "too"}},
		"empty": {env: []string{"GAME_SEALING_KEY_FILE=" + empty},
			want: []string{"environment variable GAME_SEALING_KEY_FILE: ", empty, "empty"}},
		"empty URL": {env: []string{"GAME_DATABASE_FILE=" + empty},
			want: []string{"DATABASE", empty}},
		"missing": {args: []string{"-api-keys-file", missing},
			want: []string{"flag -api-keys-file: ", missing}},
		"folder": {args: []string{"-api-keys-file", t.TempDir()},
			want: []string{"flag -api-keys-file: "}},
		"no name": {args: []string{"-api-keys-file="}, want: []string{"name of the file is empty"}},
		"type": {args: []string{"-config", write(t, "c.json", `{"sealingKeyFile": 5}`)},
			want: []string{"sealingKeyFile", "name of a file"}},
		"empty variable": {env: []string{"GAME_SEALING_KEY="},
			want: []string{"GAME_SEALING_KEY", "no key"}},
		"empty list": {args: []string{"-api-keys", ", "}, want: []string{"-api-keys", "no key"}},
		"list of nothing": {env: []string{"GAME_API_KEYS_FILE=" + write(t, "keys", ",\n")},
			want: []string{"GAME_API_KEYS_FILE", "no key"}},
		"not a secret": {args: []string{"-host-file", key}, want: []string{"-host-file"}},
	} {
		_, err := load(defaults(), test.env, test.args...)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		for _, want := range test.want {
			if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%s: the message lacks %q: %v", name, want, err)
			}
		}
	}
	// An empty URL is not a mistake, because it means none.
	c := defaults()
	c.Database = "db://"
	if _, err := load(c, []string{"GAME_DATABASE="}); err != nil || c.Database != "" {
		t.Errorf("%q, %v", c.Database, err)
	}
}

// A wrong value in a place for secrets may be a secret too.
func TestErrorsDoNotRepeatSecrets(t *testing.T) {
	const secret = "hunter2"
	for _, test := range []struct{ name, text string }{
		{"c.json", `{"apiKeys": "` + secret + `"}`},
		{"c.json", `{"apiKeys": ["a", {"key": "` + secret + `"}]}`},
		{"c.json", `{"sealingKey": ["` + secret + `"]}`},
		{"c.json", `{"sealingKey": {"` + secret + `": 1}}`},
		{"c.json", `{"database": ["` + secret + `"]}`},
		{"c.json", `{"sealingKey": "` + secret},
		{"c.json", `{"token": "` + secret + `"}`},
		{"c.yaml", "sealingKey: *" + secret},
		{"c.yaml", "sealingKey: !" + secret + " x"},
		{"c.yaml", "sealingKey: !" + secret + "!x y"},
		{"c.yaml", "sealingKey: &" + secret + " [a]"},
		{"c.yaml", "sealingKey: \"" + secret},
		{"c.yaml", "sealingKey: \"\\q" + secret + "\""},
		{"c.yaml", "sealingKey: @" + secret},
		{"c.yaml", "sealingKey: a: " + secret},
		{"c.yaml", "sealingKey: [" + secret + "]"},
		{"c.yaml", "sealingKey: |" + secret},
		{"c.yaml", "apiKeys:\n- {" + secret + ": a}\n"},
		{"c.yaml", "apiKeys: " + secret},
		{"c.yaml", "apiKeys: [1, *" + secret + "]"},
		{"c.yaml", "sealingKey: a\n" + secret},
		{"", "-token=" + secret},
		{"", "-api-keys a, " + secret},
		{"", "-sealing-key a " + secret},
	} {
		args := strings.Fields(test.text)
		if test.name != "" {
			args = []string{"-config", write(t, test.name, test.text)}
		}
		c := defaults()
		if _, err := load(c, nil, args...); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", test.text, err)
		}
		if c.Token.text != "" {
			t.Errorf("%s: the token is %q", test.text, c.Token.text)
		}
	}
	c := defaults()
	s, err := load(c, nil, "-sealing-key", secret, "-api-keys", secret, "-token", "7182",
		"-database", "db://u:"+secret+"@host")
	if err != nil {
		t.Fatal(err)
	}
	for _, s.yaml = range []bool{false, true} {
		var b bytes.Buffer
		s.Print(&b)
		if strings.Contains(b.String(), secret) || strings.Contains(b.String(), "7182") ||
			strings.Count(b.String(), `"(hidden)"`) != 4 {
			t.Errorf("printed:\n%s", &b)
		}
	}
	c.Database = "db://host"
	var b bytes.Buffer
	if s.Print(&b); !strings.Contains(b.String(), `"db://host"`) &&
		!strings.Contains(b.String(), "database: ") {
		t.Errorf("a URL without a user is hidden:\n%s", &b)
	}
}

// What is printed can be read, and is the same then.
func TestPrintedFormsAreRead(t *testing.T) {
	for _, name := range []string{"c.json", "c.yaml"} {
		c := defaults()
		s, err := load(c, nil, "-cache", "-names", "a\x7f\u2028\ufeff\U0001F600,\"#'",
			"-ratio", "1e21", "-host", "a: b # \t", "-wait", "1500", "-peer", "::1")
		if err != nil {
			t.Fatal(err)
		}
		s.yaml = name == "c.yaml"
		var b bytes.Buffer
		s.Print(&b)
		again := defaults()
		if _, err := load(again, nil, "-config", write(t, name, b.String())); err != nil {
			t.Fatalf("%v\n%s", err, &b)
		}
		if !same(c, again) {
			t.Errorf("%s: %+v\nwant %+v", name, again, c)
		}
	}
}

// same compares what a file can set. A list that is empty is like none.
func same(a, b *settings) bool {
	x, y := *a, *b
	x.Pair, y.Pair = pair{}, pair{}
	for _, c := range []*settings{&x, &y} {
		c.Names, c.Keys = append([]string{}, c.Names...), append([]string{}, c.Keys...)
	}
	return reflect.DeepEqual(x, y)
}

// asYAML writes a value of a JSON file as YAML, in the block style at the top.
func asYAML(b *strings.Builder, v any) {
	switch v := v.(type) {
	case nil:
		b.WriteString("~")
	case bool:
		b.WriteString(map[bool]string{true: "True", false: "false"}[v])
	case json.Number:
		b.WriteString(v.String())
	case string:
		b.WriteString(quote(v))
	case []any:
		b.WriteByte('[')
		for _, item := range v {
			asYAML(b, item)
			b.WriteString(" , ")
		}
		b.WriteByte(']')
	case map[string]any:
		b.WriteByte('{')
		for _, name := range slices.Sorted(maps.Keys(v)) {
			b.WriteString(quote(name) + " : ")
			asYAML(b, v[name])
			b.WriteByte(',')
		}
		b.WriteByte('}')
	}
}

// FuzzFile holds three laws. Any file gives an error or a value. A value that is printed can be
// read back. JSON and YAML that say the same are the same, errors included.
func FuzzFile(f *testing.F) {
	for _, text := range []string{
		`{"port": 1, "host": "h", "names": ["a", "b"], "wait": "30s", "cache": true}`,
		`{"port": 1e3, "ratio": 1e400, "wait": 5, "size": -1, "verbose": null}`,
		`{"names": [1, null, [], {"a": "b"}], "level": "INFO+2", "peer": "::1"}`,
		`{"sealingKey": "k", "apiKeys": [], "token": "5", "database": "db://a:b@c", "pair": "a/b"}`,
		`{"host": "\ud83d\ude00\u0085\u2028"}`, `{"a": {"b": [1.50, -0]}}`,
		`{"port": 1, "port": 2}`,
		"port: 10_000\nhost: h\nnames:\n- a\n- 'b'\nwait: 30s\ncache: auto\n",
		"a: &a [*a]\nb: *a\n<<: *a\n", "? a\n: - b\n", "%YAML 1.2\n---\nhost: !!str 5\n...\n",
		"host: |\n  a\n   b\nratio: .5\npeer: ~\n", "--- # empty\n", "\uFEFF{}", "",
	} {
		f.Add([]byte(text), false)
		f.Add([]byte(text), true)
	}
	f.Fuzz(func(t *testing.T, text []byte, yaml bool) {
		read := func(name string, text []byte) (*Settings, *settings, error) {
			c := defaults()
			list, err := settingsOf(c, Source{})
			if err != nil {
				t.Fatal(err)
			}
			s := &Settings{list: list}
			return s, c, s.applyFile(name, text)
		}
		name := "c.json"
		if yaml {
			name = "c.yaml"
		}
		if bytes.Contains(text, []byte("File")) {
			t.Skip("it may name a file of this machine")
		}
		s, c, err := read(name, text)
		if err == nil {
			printedForms(t, s, c, read)
		}
		var object map[string]any
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.UseNumber()
		if yaml || dec.Decode(&object) != nil {
			return
		}
		if _, parsed := parseFile(name, text); parsed != nil {
			return
		}
		var b strings.Builder
		asYAML(&b, object)
		if _, other, err2 := read("c.yaml", []byte(b.String())); (err == nil) != (err2 == nil) ||
			err == nil && !same(c, other) {
			t.Errorf("as JSON  %+v, %v\nas YAML  %+v, %v\n%s", c, err, other, err2, &b)
		}
	})
}

func printedForms(t *testing.T, s *Settings, c *settings,
	read func(string, []byte) (*Settings, *settings, error),
) {
	for _, x := range s.list { // hidden values cannot be read back
		x.Secret = false
	}
	for _, s.yaml = range []bool{false, true} {
		var b bytes.Buffer
		s.Print(&b)
		name := "c.json"
		if s.yaml {
			name = "c.yaml"
		}
		if _, again, err := read(name, b.Bytes()); err != nil || !same(c, again) {
			t.Errorf("%s: %+v, %v\nwant %+v\n%s", name, again, err, c, &b)
		}
	}
}

func TestMain(m *testing.M) {
	for _, e := range os.Environ() {
		if strings.HasPrefix(e, "GAME_") {
			name, _, _ := strings.Cut(e, "=")
			os.Unsetenv(name)
		}
	}
	os.Exit(m.Run())
}
