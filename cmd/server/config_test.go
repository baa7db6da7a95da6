package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/config"
)

func writeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLaterSourcesWin(t *testing.T) {
	file := writeFile(t,
		`{"port": 4001, "maxConnections": 11, "connectionTimeout": 45000, "ackTimeout": "2m", `+
			`"allowedOrigins": ["https://a.example"], "echo": true}`)
	env := []string{"PATH=/bin", "SMARTSOCKET_CONFIG=" + file, "SMARTSOCKET_MAX_CONNECTIONS=12",
		"SMARTSOCKET_COMPRESSION_LEVEL=3",
		"SMARTSOCKET_ALLOWED_ORIGINS=https://b.example, https://c.example"}
	c, err := parse([]string{"-compression-level=4", "--log-level", "debug", "-echo=false",
		"-addr", ":4002"}, env)
	if err != nil {
		t.Fatal(err)
	}
	for _, check := range []struct {
		name      string
		got, want any
	}{
		{"port (flag -addr over file)", c.Port, 4002},
		{"host (flag -addr)", c.Host, "0.0.0.0"},
		{"maxConnections (environment over file)", c.MaxConnections, 12},
		{"compressionLevel (flag over environment)", c.CompressionLevel, 4},
		{"connectionTimeout (file, milliseconds)", c.ConnectionTimeout, 45 * time.Second},
		{"ackTimeout (file, Go syntax)", c.AckTimeout, 2 * time.Minute},
		{"allowedOrigins (environment over file)", c.AllowedOrigins,
			[]string{"https://b.example", "https://c.example"}},
		{"echo (flag over file)", c.Echo, false},
		{"logLevel (flag)", c.LogLevel, "debug"},
		{"maxMessageBytes (default)", c.MaxMessageBytes, 16 << 20},
	} {
		if !reflect.DeepEqual(check.got, check.want) {
			t.Errorf("%s = %v, want %v", check.name, check.got, check.want)
		}
	}
}

func TestConfigFlagWinsOverConfigVariable(t *testing.T) {
	flagged, fromEnv := writeFile(t, `{"port": 5001}`), writeFile(t, `{"port": 5002}`)
	c, err := parse([]string{"-config", flagged}, []string{"SMARTSOCKET_CONFIG=" + fromEnv})
	if err != nil {
		t.Fatal(err)
	}
	if c.Port != 5001 {
		t.Errorf("port = %d, want 5001 of the file named by the flag", c.Port)
	}
}

func TestMistakesAreNamed(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		env  []string
		file string
		want []string // each must be part of the message
	}{
		{"unknown flag", []string{"-max-conections", "5"}, nil, "",
			[]string{"-max-conections", "did you mean max-connections?"}},
		{"unknown variable", nil, []string{"SMARTSOCKET_PROT=1"}, "",
			[]string{"SMARTSOCKET_PROT", "did you mean SMARTSOCKET_PORT?"}},
		{"variables of Kubernetes", nil, []string{"SMARTSOCKET_SERVICE_HOST=10.0.0.1",
			"SMARTSOCKET_PORT=tcp://10.0.0.1:3000"}, "",
			[]string{"Kubernetes", "enableServiceLinks"}},
		{"unknown key", nil, nil, `{"maxConnection": 5}`,
			[]string{`"maxConnection"`, "did you mean maxConnections?"}},
		{"key in the wrong case", nil, nil, `{"MaxConnections": 5}`,
			[]string{`"MaxConnections"`, "did you mean maxConnections?"}},
		{"unknown and like nothing", []string{"-zzzzzz", "5"}, nil, "",
			[]string{"-zzzzzz", "-help"}},
		{"unknown command", []string{"chekconfig"}, nil, "",
			[]string{"chekconfig", "did you mean checkconfig?"}},
		{"stray argument", []string{"-port", "1", "stray"}, nil, "", []string{`"stray"`}},
		{"no value", []string{"-port"}, nil, "", []string{"-port", "wants a value"}},
		{"text for a number in a flag", []string{"-port", "http"}, nil, "",
			[]string{"-port", `"http"`, "digits"}},
		{"text for a number in a variable", nil, []string{"SMARTSOCKET_PORT=http"}, "",
			[]string{"SMARTSOCKET_PORT", `"http"`}},
		{"string for a number in a file", nil, nil, `{"port": "3000"}`,
			[]string{"port", `"3000"`, "whole number"}},
		{"fraction", nil, nil, `{"port": 30.5}`, []string{"port", "30.5"}},
		{"number for a string", nil, nil, `{"host": 5}`, []string{"host", "5", "string"}},
		{"null", nil, nil, `{"host": null}`, []string{"host", "null"}},
		{"string for a switch", nil, nil, `{"echo": "yes"}`,
			[]string{"echo", `"yes"`, "true or false"}},
		{"text for a list", nil, nil, `{"allowedOrigins": "*"}`,
			[]string{"allowedOrigins", "list"}},
		{"number in a list", nil, nil, `{"allowedOrigins": [1]}`, []string{"allowedOrigins", "1"}},
		{"no duration", []string{"-ack-timeout", "soon"}, nil, "",
			[]string{"-ack-timeout", `"soon"`, "30s"}},
		{"duration out of range", []string{"-ack-timeout", "99999999999999999"}, nil, "",
			[]string{"-ack-timeout", "99999999999999999"}},
		{"port out of range", nil, nil, `{"port": 70000}`, []string{"port", "70000", "65535"}},
		{"negative port", []string{"-port", "-2"}, nil, "", []string{"-port", "-2"}},
		{"library's range", nil, []string{"SMARTSOCKET_COMPRESSION_LEVEL=12"}, "",
			[]string{"SMARTSOCKET_COMPRESSION_LEVEL", "12", "1..9"}},
		{"library's range in a file", nil, nil, `{"connectionTimeout": 1}`,
			[]string{"connectionTimeout", "1ms", "at least"}},
		{"origin", []string{"-allowed-origins", "example.com"}, nil, "",
			[]string{"-allowed-origins", "example.com", "scheme://"}},
		{"level", []string{"-log-level", "loud"}, nil, "", []string{"-log-level", "loud", "trace"}},
		{"format", []string{"-log-format", "xml"}, nil, "", []string{"-log-format", "xml", "json"}},
		{"two modes", []string{"-echo", "-demo"}, nil, "", []string{"echo", "demo"}},
		{"echo and keys", []string{"-echo", "-api-keys", "first-secret-key"}, nil, "",
			[]string{"-api-keys", "everybody"}},
		{"demo and keys", []string{"-demo", "-api-keys", "first-secret-key"}, nil, "",
			[]string{"-api-keys", "pages"}},
		{"echo and encryption", []string{"-echo"},
			[]string{"SMARTSOCKET_ENCRYPTION_KEY=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}, "",
			[]string{"SMARTSOCKET_ENCRYPTION_KEY", "encrypts nothing"}},
		{"echo and authentication", nil, nil, `{"echo": true, "requireAuth": true}`,
			[]string{"requireAuth", "everybody"}},
		{"key without certificate", []string{"-tls-key", "key.pem"}, nil, "",
			[]string{"-tls-key", "both files"}},
		{"certificate that is not there", []string{"-tls-cert", "no/cert.pem", "-tls-key",
			"key.pem"}, nil, "", []string{"-tls-cert", "no/cert.pem"}},
		{"address", []string{"-addr", "3000"}, nil, "", []string{"-addr", "3000", "host:port"}},
		{"profile address", []string{"-profile-addr", "6060"}, nil, "",
			[]string{"-profile-addr", "6060"}},
		{"broken file", nil, nil, "{\n\"port\": 1,\n}", []string{"config.json:3"}},
		{"two objects", nil, nil, `{} {}`, []string{"config.json", "one object"}},
		{"no object", nil, nil, `[]`, []string{"config.json", "not an object"}},
		{"empty file", nil, nil, "\n", []string{"config.json", "empty"}},
		{"cut file", nil, nil, `{"port": 1`, []string{"config.json", "unexpected EOF"}},
		{"name twice", nil, nil, `{"port": 1, "host": "::1", "port": 2}`,
			[]string{"config.json", `"port" occurs twice`}},
		{"empty key in a variable", nil, []string{"SMARTSOCKET_ENCRYPTION_KEY="}, "",
			[]string{"SMARTSOCKET_ENCRYPTION_KEY", "no key"}},
		{"empty list of keys in a flag", []string{"-api-keys", ", "}, nil, "",
			[]string{"-api-keys", "no key"}},
		{"more than an origin", []string{"-allowed-origins", "https://a.example?x"}, nil, "",
			[]string{"-allowed-origins", "nothing more"}},
		{"previous key alone", []string{"-previous-encryption-key",
			"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}, nil, "",
			[]string{"-previous-encryption-key", "precedes"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := test.args
			if test.file != "" {
				args = append(args, "-config", writeFile(t, test.file))
			}
			var stdout, stderr bytes.Buffer
			if code := run(context.Background(), args, test.env, &stdout, &stderr, nil); code != 2 {
				t.Errorf("exit code %d, want 2", code)
			}
			for _, want := range test.want {
				if !strings.Contains(stderr.String(), want) {
					t.Errorf("the message lacks %q: %s", want, stderr.String())
				}
			}
		})
	}
}

func TestMissingFileIsNamed(t *testing.T) {
	_, err := parse([]string{"-config", "/nonexistent/config.json"}, nil)
	if err == nil || !strings.Contains(err.Error(), "/nonexistent/config.json") {
		t.Errorf("error = %v, want one that names the file", err)
	}
}

func TestDefaultConfigRoundTrips(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := run(context.Background(), []string{"defaultconfig"}, nil, &stdout, &stderr,
		nil); code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	c, err := parse([]string{"-config", writeFile(t, stdout.String())}, nil)
	if err != nil {
		t.Fatalf("the printed defaults are refused: %v\n%s", err, stdout.String())
	}
	var again bytes.Buffer
	if c.loaded.Print(&again); !bytes.Equal(again.Bytes(), stdout.Bytes()) {
		t.Errorf("read and printed again:\n%s\nwant\n%s", &again, &stdout)
	}
}

func TestPrintConfigShowsWhatIsInForce(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := run(context.Background(), []string{"-port", "4321", "-print-config"}, nil, &stdout,
		&stderr, nil); code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	if !strings.Contains(stdout.String(), `"port": 4321`) {
		t.Errorf("no port 4321 in %s", stdout.String())
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	const key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	var stdout, stderr bytes.Buffer
	code := run(context.Background(), []string{"-print-config"},
		[]string{"SMARTSOCKET_ENCRYPTION_KEY=" + key}, &stdout, &stderr, nil)
	if code != 0 || !strings.Contains(stdout.String(), "(hidden)") {
		t.Errorf("exit code %d: %s%s", code, stdout.String(), stderr.String())
	}
	run(context.Background(), []string{"checkconfig", "-encryption-key", key[:20]}, nil, &stdout,
		&stderr, nil)
	if text := stdout.String() + stderr.String(); strings.Contains(text, key[:20]) {
		t.Errorf("the key is printed: %s", text)
	}
}

// The command line may contain keys, so the profiles' address does not show it.
func TestProfilesDoNotShowTheCommandLine(t *testing.T) {
	for path, want := range map[string]int{"/debug/pprof/cmdline": 404,
		"/debug/pprof/goroutine": 200} {
		w := httptest.NewRecorder()
		profileMux().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
}

// A wrong value in a place for secrets may be a secret too.
func TestMistakesDoNotRepeatSecrets(t *testing.T) {
	const secret = "hunter2-and-more"
	for _, test := range []struct {
		file string
		args []string
		want string // must be part of the message
	}{
		{file: `{"apiKeys": "` + secret + `"}`, want: "apiKeys"},
		{file: `{"apiKeys": ["first-secret-key", {"key": "` + secret + `"}]}`, want: "item 2"},
		{file: `{"encryptionKey": ["` + secret + `"]}`, want: "encryptionKey"},
		{file: `{"previousEncryptionKey": {"` + secret + `": 1}}`, want: "previousEncryptionKey"},
		{file: `{"nats": ["nats://user:` + secret + `@127.0.0.1"]}`, want: "nats"},
		{file: `{"nats": "nats://user:` + secret + `@127.0.0.1:port"}`, want: "nats"},
		{file: `{"encryptionKey": "` + secret + ``, want: "config.json"},
		{args: []string{"-api-keys", "first-secret-key,", secret}, want: "-api-keys"},
		{args: []string{"-encryption-key", "a", secret}, want: "-encryption-key"},
	} {
		args := append([]string{"checkconfig"}, test.args...)
		if test.file != "" {
			args = append(args, "-config", writeFile(t, test.file))
		}
		var stdout, stderr bytes.Buffer
		if code := run(context.Background(), args, nil, &stdout, &stderr, nil); code != 2 {
			t.Errorf("%s%v: exit code %d, want 2", test.file, test.args, code)
		}
		if text := stdout.String() + stderr.String(); strings.Contains(text, secret) ||
			!strings.Contains(text, test.want) {
			t.Errorf("%s%v: %s", test.file, test.args, text)
		}
	}
}

func TestCheckConfig(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := run(context.Background(), []string{"checkconfig", "-port", "4321"}, nil, &stdout,
		&stderr, nil); code != 0 {
		t.Errorf("exit code %d for a valid configuration: %s", code, stderr.String())
	}
	if code := run(context.Background(), []string{"checkconfig", "-port", "99999"}, nil, &stdout,
		&stderr, nil); code != 2 {
		t.Errorf("exit code %d for an invalid one, want 2", code)
	}
}

// TestDefaultsAreTheLibrarys provokes the library's complaint about each numeric option, because
// that names the default.
func TestDefaultsAreTheLibrarys(t *testing.T) {
	compared := 0
	defaults := reflect.ValueOf(smartsocket.DefaultOptions())
	for _, f := range reflect.VisibleFields(defaults.Type()) {
		value := defaults.FieldByIndex(f.Index)
		if !value.CanInt() || value.IsZero() {
			continue
		}
		var o smartsocket.Options
		reflect.ValueOf(&o).Elem().FieldByIndex(f.Index).SetInt(-7)
		_, err := smartsocket.New(o)
		if err == nil {
			t.Errorf("%s: the library takes -7", f.Name)
			continue
		}
		_, named, ok := strings.Cut(err.Error(), "the default ")
		if !ok {
			continue
		}
		if compared++; named != fmt.Sprint(value) {
			t.Errorf("%s: default %v, the library's is %s", f.Name, value, named)
		}
	}
	if compared < 8 {
		t.Errorf("only %d defaults compared: the library's messages have changed", compared)
	}
}

// TestEverySettingCanBeGiven sets each setting, from the environment and by flag, to the value that
// it has.
func TestEverySettingCanBeGiven(t *testing.T) {
	values := printed(t, "defaultconfig")
	list := settingsList(t)
	if len(list) < 60 {
		t.Fatalf("only %d settings", len(list))
	}
	for _, s := range list {
		text, ok := values[s.Name]
		if !ok && s.Name != "addr" {
			t.Errorf("%s is not printed", s.Name)
		}
		const key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
		var args []string
		switch {
		case s.Name == "addr":
			text = "localhost:3000"
		case s.Secret && s.Name != "nats":
			// An empty credential is refused, and so is a previous one that precedes nothing.
			text, args = key, []string{"-encryption-key", key}
		}
		if _, err := parse(append(args, "-"+s.Flag+"="+text), nil); err != nil {
			t.Errorf("flag: %v", err)
		}
		if _, err := parse(args, []string{s.Env + "=" + text}); err != nil {
			t.Errorf("environment: %v", err)
		}
	}
}

// printed runs the program and returns the settings that it prints, as text.
func printed(t *testing.T, args ...string) map[string]string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := run(context.Background(), args, nil, &stdout, &stderr, nil); code != 0 {
		t.Fatalf("exit code %d: %s", code, &stderr)
	}
	var object map[string]any
	dec := json.NewDecoder(&stdout)
	dec.UseNumber()
	if err := dec.Decode(&object); err != nil {
		t.Fatal(err)
	}
	values := make(map[string]string)
	for name, v := range object {
		if values[name] = fmt.Sprint(v); values[name] == "[]" {
			values[name] = ""
		}
	}
	return values
}

func settingsList(t *testing.T) []config.Setting {
	t.Helper()
	c, err := parse(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.loaded.List()
}

func TestHelpNamesOnlyRealSettings(t *testing.T) {
	known := make(map[string]bool)
	for _, s := range settingsList(t) {
		known[s.Name] = true
	}
	for name := range optionHelp {
		if !known[name] {
			t.Errorf("help for %q, which is no setting", name)
		}
	}
	var stdout, stderr bytes.Buffer
	if code := run(context.Background(), []string{"-help"}, nil, &stdout, &stderr,
		nil); code != 0 || !strings.Contains(stdout.String(), "-max-connections") {
		t.Errorf("-help: code %d, %s", code, stdout.String())
	}
}

// The longest-standing names. Package config has the rules.
func TestNames(t *testing.T) {
	names := make(map[string]config.Setting)
	for _, s := range settingsList(t) {
		names[s.Name] = s
	}
	for name, want := range map[string]string{"maxMessageBytes": "max-message-bytes",
		"maxJSONElements": "max-json-elements", "apiKeys": "api-keys", "tlsCert": "tls-cert"} {
		s := names[name]
		if s.Flag != want ||
			s.Env != "SMARTSOCKET_"+strings.ToUpper(strings.ReplaceAll(want, "-", "_")) {
			t.Errorf("names %s and %s", s.Env, s.Flag)
		}
	}
	for name, secret := range map[string]bool{"encryptionKey": true, "previousEncryptionKey": true,
		"apiKeys": true, "nats": true, "tlsKey": false} {
		if names[name].Secret != secret {
			t.Errorf("secret %s: %v", name, !secret)
		}
	}
}

// The settings, whatever they are written in, are the same.
func TestYAMLAndSecretsFromFiles(t *testing.T) {
	key := writeFile(t, "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n")
	file := filepath.Join(t.TempDir(), "server.yaml")
	text := "# comment\naddr: ':4003'\nmaxConnections: 11\nconnectionTimeout: 45000\n" +
		"ackTimeout: 2m\nenableRateLimiting: false\nallowedOrigins:\n- https://a.example\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := parse([]string{"-config", file}, []string{"SMARTSOCKET_ENCRYPTION_KEY_FILE=" + key})
	if err != nil {
		t.Fatal(err)
	}
	if c.Port != 4003 || c.MaxConnections != 11 || c.ConnectionTimeout != 45*time.Second ||
		c.AckTimeout != 2*time.Minute || c.EnableRateLimiting != smartsocket.Disabled ||
		!slices.Equal(c.AllowedOrigins, []string{"https://a.example"}) ||
		len(c.EncryptionKey) != 44 {
		t.Errorf("%+v", c.Options)
	}
	var b bytes.Buffer
	run(context.Background(), []string{"-config", file, "-print-config=yaml"}, nil, &b, &b, nil)
	for _, want := range []string{"maxConnections: 11 # from config file " + file + ":3\n",
		"ackTimeout: \"2m0s\" # from", "enableRateLimiting: false # from", "workers: 0\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not printed:\n%s", want, &b)
		}
	}
}

// TestPortZeroIsAnyPort starts a server twice on port 0.
func TestPortZeroIsAnyPort(t *testing.T) {
	for range 2 {
		s := start(t, "-port", "0")
		if s.addr.(*net.TCPAddr).Port == 0 {
			t.Error("bound to port 0")
		}
	}
}

func TestKeygenPrintsAKeyThatWorks(t *testing.T) {
	var keys []string
	for range 2 {
		var stdout, stderr bytes.Buffer
		if code := run(context.Background(), []string{"-keygen"},
			[]string{"SMARTSOCKET_ENCRYPTION_KEY=broken"}, &stdout, &stderr, nil); code != 0 {
			t.Fatalf("exit code %d: %s", code, stderr.String())
		}
		key := strings.TrimSpace(stdout.String())
		if _, err := parse(nil, []string{"SMARTSOCKET_ENCRYPTION_KEY=" + key}); err != nil {
			t.Errorf("the printed key is refused: %v", err)
		}
		keys = append(keys, key)
	}
	if keys[0] == keys[1] {
		t.Error("two calls gave the same key")
	}
	if _, err := parse(nil, []string{"SMARTSOCKET_ENCRYPTION_KEY=broken"}); err == nil ||
		strings.Contains(err.Error(), "broken") {
		t.Errorf("a broken key: %v", err)
	}
}
