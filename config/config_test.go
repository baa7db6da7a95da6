package config

import (
	"bytes"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// onOff is a type like smartsocket.Toggle.
type onOff uint8

func (o *onOff) UnmarshalText(b []byte) error {
	words := map[string]onOff{"auto": 0, "true": 1, "false": 2}
	v, ok := words[string(b)]
	if !ok {
		return errors.New(string(b) + " is none of true, false and auto")
	}
	*o = v
	return nil
}

func (o onOff) MarshalText() ([]byte, error) {
	return []byte([]string{"auto", "true", "false"}[o]), nil
}

// pair stands for two other settings. It cannot be printed.
type pair struct{ to *library }

func (p *pair) UnmarshalText(b []byte) error {
	host, path, ok := strings.Cut(string(b), "/")
	if !ok {
		return errors.New("there is no slash")
	}
	p.to.Host, p.to.Path = host, path
	return nil
}

type library struct {
	Host  string        `config:"host"`
	Path  string        `config:"path"`
	Port  int           `config:"port"`
	Wait  time.Duration `config:"wait"`
	Cache onOff         `config:"cache"`
	Hook  func()        `config:"-"`
	Plain int           // has no tag
}

type settings struct {
	Pair pair `config:"pair"`
	library
	Verbose  bool         `config:"verbose" help:"say more"`
	Small    int8         `config:"small"`
	Size     uint16       `config:"size"`
	Ratio    float64      `config:"ratio"`
	Names    []string     `config:"names"`
	Level    slog.Level   `config:"level"`
	Peer     netip.Addr   `config:"peer"`
	Key      string       `config:"sealingKey" secret:"true"`
	Keys     []string     `config:"apiKeys" secret:"true"`
	Database string       `config:"database" secret:"url"`
	Token    secretNumber `config:"token" secret:"true"`
}

// secretNumber repeats in its errors what it was given.
type secretNumber struct{ text string }

func (n *secretNumber) UnmarshalText(b []byte) error {
	n.text = string(b) // half way
	if strings.Trim(string(b), "0123456789") != "" {
		return errors.New("bad number " + string(b))
	}
	return nil
}

func (n secretNumber) MarshalText() ([]byte, error) { return []byte(n.text), nil }

func defaults() *settings {
	c := &settings{library: library{Host: "localhost", Port: 3000, Wait: time.Minute}}
	c.Pair.to = &c.library
	return c
}

// load reads with the prefix GAME_.
func load(c *settings, env []string, args ...string) (*Settings, error) {
	return Load(c, Source{EnvPrefix: "GAME_", Environ: append([]string{}, env...), Args: args})
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestEveryTypeFromEveryPlace(t *testing.T) {
	want := defaults()
	want.Host, want.Path, want.Port, want.Wait, want.Cache = "h", "p", 10_000, 90*time.Second, 2
	want.Verbose, want.Small, want.Size, want.Ratio = true, -8, 65535, 0.25
	want.Names, want.Level = []string{"a", "b c"}, slog.LevelWarn
	want.Peer, want.Key = netip.MustParseAddr("10.0.0.1"), "k"
	want.Keys, want.Database, want.Token.text = []string{"x", "y"}, "db://u:p@h", "42"
	json := `{"host": "h", "path": "p", "port": 10000, "wait": "90s", "cache": false,
		"verbose": true, "small": -8, "size": 65535, "ratio": 0.25, "names": ["a", "b c"],
		"level": "warn", "peer": "10.0.0.1", "sealingKey": "k", "apiKeys": ["x", "y"],
		"database": "db://u:p@h", "token": "42"}`
	yaml := "# every type\nhost: h\npath: 'p'\nport: 10_000\nwait: 90s\ncache: false\n" +
		"verbose: true\nsmall: -8\nsize: 65535\nratio: 0.25\nnames:\n- a\n- b c\nlevel: warn\n" +
		"peer: 10.0.0.1\nsealingKey: k\napiKeys: [x, y]\ndatabase: db://u:p@h\ntoken: \"42\"\n"
	var env, args []string
	flat := []string{"host=h", "path=p", "port=10_000", "wait=90000", "cache=false",
		"verbose=true", "small=-8", "size=65_535", "ratio=.25", "names= a,b c,", "level=warn",
		"peer=10.0.0.1", "sealing-key=k", "api-keys=x\ny\n", "database=db://u:p@h", "token=42"}
	for _, f := range flat {
		name, value, _ := strings.Cut(f, "=")
		env = append(env, "GAME_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))+"="+value)
		args = append(args, "--"+name+"="+value)
	}
	for name, args := range map[string][]string{
		"json": {"-config", write(t, "c.json", json)}, "yaml": {"-config", write(t, "c.yml", yaml)},
		"json in yaml": {"-config", write(t, "c.YAML", json)},
		"environment":  nil, "flags": args,
	} {
		t.Run(name, func(t *testing.T) {
			from := []string{}
			if args == nil {
				from = env
			}
			c := defaults()
			if _, err := load(c, from, args...); err != nil {
				t.Fatal(err)
			}
			c.Pair = want.Pair
			if !reflect.DeepEqual(c, want) {
				t.Errorf("got  %+v\nwant %+v", c, want)
			}
		})
	}
}

// One setting is given in all places, and each time one less.
func TestPrecedenceAndOrigin(t *testing.T) {
	file := write(t, "game.yaml", "# first\nport: 1\n")
	env := []string{"PATH=/bin", "GAME_CONFIG=" + file}
	for _, test := range []struct {
		env, args []string
		port      int
		origin    string
	}{
		{append(env, "GAME_PORT=2"), []string{"-port", "3"}, 3, "flag -port"},
		{append(env, "GAME_PORT=2"), nil, 2, "environment variable GAME_PORT"},
		{env, nil, 1, "config file " + file + ":2"},
		{nil, nil, 3000, ""},
	} {
		c := defaults()
		s, err := load(c, test.env, test.args...)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Get("Port"); c.Port != test.port || got.Origin != test.origin {
			t.Errorf("port %d from %q, want %d from %q", c.Port, got.Origin, test.port, test.origin)
		}
	}
}

func TestWhichFile(t *testing.T) {
	first, second, third := write(t, "a.json", `{"port": 1}`), write(t, "b.yaml", "port: 2"),
		write(t, "c", `{"port": 3}`)
	source := Source{EnvPrefix: "GAME_", Environ: []string{"GAME_CONFIG=" + second}, File: third,
		Args: []string{"-config", first}}
	for want := 1; want <= 3; want++ {
		c := defaults()
		if _, err := Load(c, source); err != nil || c.Port != want {
			t.Errorf("port %d, %v; want %d", c.Port, err, want)
		}
		if source.Args = nil; want == 2 {
			source.Environ = []string{}
		}
	}
	t.Setenv("GAME_PORT", "4")
	source.Environ = nil
	c := defaults()
	if _, err := Load(c, source); err != nil || c.Port != 4 {
		t.Errorf("port %d, %v; want that of the process's environment", c.Port, err)
	}
}

// The zero Source reads nothing, whatever the environment has.
func TestZeroSource(t *testing.T) {
	t.Setenv("PORT", "4")
	c := defaults()
	if _, err := Load(c, Source{}); err != nil || !reflect.DeepEqual(c, defaults()) {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestSettingThatStandsForOthers(t *testing.T) {
	c := defaults()
	s, err := load(c, []string{"GAME_PAIR=a/b", "GAME_HOST=c"})
	if err != nil || c.Host != "c" || c.Path != "b" {
		t.Errorf("host %q, path %q, %v", c.Host, c.Path, err)
	}
	var b bytes.Buffer
	if s.Print(&b); strings.Contains(b.String(), "pair") {
		t.Errorf("it is printed: %s", b.String())
	}
	// Its field is not tried with true and false, for which it would need what it stands for.
	if s.Get("pair").Flag != "pair" {
		t.Error("it is not listed")
	}
}

// After an error everything is as before, also what was set before the mistake was met.
func TestErrorChangesNothing(t *testing.T) {
	for _, args := range [][]string{
		{"-port", "5", "-pair", "a/b", "-wait", "soon"},
		{"-port", "5", "-token", "none"},
		{"-port", "5", "-level", "loud"},
		{"-config", write(t, "c.json", `{"port": 5, "names": ["a"], "zzz": 1}`)},
	} {
		c := defaults()
		s, err := load(c, nil, args...)
		if err == nil || !reflect.DeepEqual(c, defaults()) || s.Get("port").Origin != "" {
			t.Errorf("%v: %+v, %v", args, c, err)
		}
	}
}

func TestErrorsAreTyped(t *testing.T) {
	c := defaults()
	s, err := load(c, []string{"GAME_PORT=http"})
	var bad *Error
	if !errors.As(err, &bad) || bad.Setting != "port" ||
		bad.Origin != "environment variable GAME_PORT" ||
		err.Error() != `environment variable GAME_PORT: "http" is no whole number: write digits, `+
			`as in 10000` {
		t.Errorf("%#v", err)
	}
	fix := errors.New("no good")
	for name, want := range map[string]string{"port": "port: no good", "Cache": "cache: no good",
		"Nothing": "no good"} {
		if err := s.Error(name, fix); err.Error() != want || !errors.Is(err, fix) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := load(c, nil, "-port", "7"); err != nil {
		t.Fatal(err)
	}
}

// A reload is another Load with the same source.
func TestReadAgain(t *testing.T) {
	file := write(t, "game.yaml", "port: 1\nsealingKey: a\n")
	source := Source{File: file}
	first, err := Load(defaults(), source)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"port: 1\nsealingKey: a\n": "", "port: 2\nsealingKey: b\n": "port sealingKey ",
		"port: 1\nsealingKey: a\nnames: [x]\ncache: false\n": "cache names ",
		"port: 1\nsealingKey: a\nnames: []\npair: a/b\n":     "host path ",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		second, err := Load(defaults(), source)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, x := range second.Changed(first) {
			got += x.Name + " "
		}
		if got != want {
			t.Errorf("%q: %q changed, want %q", text, got, want)
		}
	}
}

func TestActions(t *testing.T) {
	source := Source{EnvPrefix: "GAME_", Environ: []string{"GAME_PORT=x"},
		Actions: map[Action]string{"keygen": "print a key", "check": "check"},
		Words:   []string{"serve"}}
	for _, test := range []struct {
		args string
		want error
	}{
		{"-help", Help}, {"-h", Help}, {"help", Help}, {"-keygen -help", Help},
		{"-port 1 check", Action("check")}, {"-port 1 check -port 2", Action("check")},
		{"--keygen", Action("keygen")}, {"keygen", Action("keygen")}, {"-print-config", Print},
		{"check -port 1", Action("check")}, {"-print-config=yaml", Print},
	} {
		source.Args = strings.Fields(test.args)
		c := defaults()
		// The environment has a mistake that does not matter.
		if _, err := Load(c, source); err != test.want || c.Port != 3000 {
			t.Errorf("%s: %v", test.args, err)
		}
	}
	source.Environ = []string{"GAME_PORT=5"}
	c := defaults()
	s, err := Load(c, source)
	if err != Print || s.Read() != nil || c.Port != 5 {
		t.Errorf("%v, port %d", err, c.Port)
	}
	for args, want := range map[string]string{
		"keygn":             `unknown command "keygn": did you mean keygen?`,
		"serv":              `unknown command "serv": did you mean serve?`,
		"-keygn":            "unknown flag -keygn: did you mean keygen?",
		"-print-config=xml": `flag -print-config: "xml" is no form: write json or yaml`,
	} {
		source.Args = []string{args}
		if _, err := Load(c, source); err == nil || err.Error() != want {
			t.Errorf("%s: %v", args, err)
		}
	}
}

func TestLoadOr(t *testing.T) {
	for _, test := range []struct {
		args           string
		code           int
		stdout, stderr string
	}{
		{"-port 5", -1, "", ""},
		{"-port x", 2, "", `flag -port: "x" is no whole number`},
		{"-help", 0, "-max-conns", ""},
		{"-print-config -max-conns 5", 0, `"maxConns": 5`, ""},
		{"-print-config=yaml -max-conns 5", 0, "maxConns: 5 # from flag -max-conns\n", ""},
		{"-print-config -port x", 2, "", "-port"},
	} {
		var stdout, stderr bytes.Buffer
		c := struct {
			Port     int `config:"port"`
			MaxConns int `config:"maxConns"`
		}{}
		source := Source{Args: strings.Fields(test.args)}
		if _, code := loadOr(&c, source, &stdout, &stderr); code != test.code ||
			!strings.Contains(stdout.String(), test.stdout) ||
			!strings.Contains(stderr.String(), test.stderr) {
			t.Errorf("%s: %d\n%s\n%s", test.args, code, &stdout, &stderr)
		}
	}
}

func TestHelp(t *testing.T) {
	c := defaults()
	c.Key, c.Database = "hunter2", "db://localhost"
	s, err := Load(c, Source{EnvPrefix: "GAME_", Environ: []string{}, Usage: "game: a game\n",
		Help: map[string]string{"port": "where to listen", "verbose": "not this"},
		Args: []string{"-help"}, Actions: map[Action]string{"keygen": "print a key"}})
	if err != Help {
		t.Fatal(err)
	}
	var b bytes.Buffer
	s.Help(&b)
	for _, want := range []string{
		"game: a game\n", "where to listen (3000)   [GAME_PORT]\n", "say more (false)   [GAME_V",
		"(hidden)   [GAME_SEALING_KEY, GAME_SEALING_KEY_FILE]\n", "(db://localhost)",
		"see config.library.Wait (1m0s)", "-keygen ", "print a key, and exit\n", "[GAME_CONFIG]",
		"-pair  ",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the help lacks %q:\n%s", want, &b)
		}
	}
	if strings.Contains(b.String(), "hunter2") {
		t.Error("the help has a secret")
	}
}

func TestMistakesOfTheProgram(t *testing.T) {
	type embedded struct{ A int }
	var none *settings
	for name, test := range map[string]struct {
		dst  any
		want string
	}{
		"no pointer":  {settings{}, "pointer to a struct"},
		"nil":         {nil, "pointer to a struct"},
		"nil pointer": {none, "pointer to a struct"},
		"type": {&struct {
			A chan int `config:"a"`
		}{}, "chan int"},
		"slice": {&struct {
			A []int `config:"a"`
		}{}, "[]int"},
		"not exported": {&struct {
			a int `config:"a"`
		}{}, "not exported"},
		"name": {&struct {
			A int `config:"max-a"`
		}{}, `"max-a"`},
		"twice": {&struct {
			A int `config:"maxA"`
			B int `config:"maxa"`
			C int `config:"maxA"`
		}{}, "the field A and the field C"},
		"the file's": {&struct {
			A string `config:"key" secret:"true"`
			B string `config:"keyFile"`
		}{}, "key-file"},
		"config": {&struct {
			A string `config:"config"`
		}{}, "the flag -config"},
		"secret": {&struct {
			A string `config:"a" secret:"yes"`
		}{}, `secret:"yes"`},
		"secret number": {&struct {
			A int `config:"a" secret:"true"`
		}{}, "make it a string"},
		"pointer": {&struct{ *embedded }{}, "embed the struct itself"},
	} {
		s, err := Load(test.dst, Source{})
		if err == nil || s != nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]string{
		"port": "port", "maxMessageBytes": "max-message-bytes",
		"maxJSONElements": "max-json-elements",
		"allowedIPs":      "allowed-ips", "apiURL": "api-url", "http2Port": "http2-port",
		"useSHA256": "use-sha256", "aB": "a-b",
	} {
		if got := separate(name, '-'); got != want {
			t.Errorf("%s is separated as %s, want %s", name, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"port", "prot", 2}, {"kitten", "sitting", 3},
		{"same", "same", 0}} {
		if got := distance(test.a, test.b); got != test.want {
			t.Errorf("distance(%q, %q) = %d, want %d", test.a, test.b, got, test.want)
		}
	}
}
