package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/smartsocket/smartsocket"
)

// config is everything that can be set: the options of the library, and what only this program has.
// The config tag of a field is its name in files. The names in the environment and on the command
// line are derived from it (see setting).
type config struct {
	smartsocket.Options

	// Echo serves a bare WebSocket echo instead of events.
	Echo bool `config:"echo"`
	// Demo serves the arena, the chat and their pages on the same port.
	Demo bool `config:"demo"`
	// LogLevel is error, warn, info, debug or trace.
	LogLevel string `config:"logLevel"`
	// LogFormat is text or json.
	LogFormat string `config:"logFormat"`
	// ProfileAddr serves net/http/pprof; "" means off.
	ProfileAddr string `config:"profileAddr"`

	level slog.LevelVar           // level of the logger
	again func() (*config, error) // reads the configuration again; nil means that it cannot change
	// NATS is the URL of a NATS server that joins several servers into one. "" means off.
	NATS string `config:"nats"`
	// NodeName is this server's name among them. "" means the host name and the process id.
	NodeName string `config:"nodeName"`
}

// defaultConfig returns the defaults of the library and of this program.
func defaultConfig() *config {
	return &config{Options: smartsocket.DefaultOptions(), LogLevel: "info", LogFormat: "text"}
}

// help has a line for each setting that its name does not explain.
var help = map[string]string{
	"addr":        "host:port, instead of host and port",
	"host":        "address to bind to; 0.0.0.0 for all, unix:/path for a Unix socket",
	"port":        "port to listen on; 0 = any free one",
	"echo":        "serve a bare WebSocket echo instead of events",
	"demo":        "serve the demo too: an arena and a chat, with their pages",
	"logLevel":    "error, warn, info, debug or trace",
	"logFormat":   "text or json",
	"profileAddr": "host:port for net/http/pprof; empty = off",
	"nats": "URL of a NATS server that joins several servers for " +
		"broadcasts; prefer the environment when it has a password",
	"nodeName": "this server's name among them; empty = host name and process " +
		"id",
	"enableEncryption":      "auto = on exactly when a key is given",
	"encryptionKey":         "base64 of 32 random bytes; prefer the environment to a flag",
	"previousEncryptionKey": "accepted too while clients change keys",
	"apiKeys": "keys of which a client must present one; prefer the " +
		"environment",
	"requireAuth": "sockets must authenticate by the event auth",
	"authTimeout": "time for the event auth",
	"tlsCert": "PEM file with the certificate chain: serve wss; read again " +
		"when it changes",
	"tlsKey":                       "PEM file with the certificate's private key",
	"trustedProxies":               "addresses, prefixes, unix: whose X-Forwarded-For is believed",
	"maxConnectionsPerAddress":     "connections of one address; 0 = no limit",
	"acceptRate":                   "connections accepted in a second; 0 = no limit",
	"maxUnauthenticated":           "connections that have not authenticated yet",
	"maxUnauthenticatedPerAddress": "those of one address; 0 = a share, -1 = no limit",
	"maxFrameRate":                 "data frames of a connection in a second",
	"maxInflateRate":               "bytes a second that a connection's messages inflate to",
	"enableConnectionPooling":      "false allocates every buffer anew, for comparison",
	"enableMessageCache":           "keep sessions and missed events for clients that come back",
	"messageCacheSize":             "events kept for one client",
	"messageCacheBytes":            "bytes kept for one client",
	"messageCacheAge":              "how long events are kept and a client may be away",
	"messageCacheTotalBytes":       "bytes kept for all clients",
	"encryptionAlgorithm":          "aes-256-cbc or aes-256-gcm (faster)",
	"enableRateLimiting":           "false switches all rate limits off",
	"rateLimitWindow":              "window in which a socket's events are counted",
	"rateLimitMaxRequests":         "events of one socket in a window; the demo's default is 1200",
	"maxConnections":               "hard cap on live connections",
	"connectionTimeout":            "close a peer that was silent so long",
	"handshakeTimeout":             "time for the opening handshake",
	"ackTimeout":                   "default wait for a client's acknowledgement",
	"maxMessageBytes":              "largest decoded message",
	"proxyProtocol":                "trustedProxies begin connections with a PROXY preamble",
	"allowedHosts":                 "names of this server, host[:port] or *.host; empty = any",
	"maxHeaderBytes":               "bytes of a request head",
	"maxHeaderLines":               "header lines of a request",
	"maxHeaderLineBytes":           "bytes of one header line; 0 = no limit",
	"failureLimit":                 "failed authentications of an address at once; -1 = no limit",
	"healthPath":                   "path that tells that the server runs; off = none",
	"readyPath":                    "path that tells whether it takes clients; off = none",
	"maxJSONElements":              "values and keys in the JSON of one message",
	"compressionThreshold":         "compress messages larger than this; -1 = never",
	"compressionLevel":             "1 (fast) to 9 (small)",
	"allowedOrigins":               "scheme://[*.]host[:port] list, null or *; empty = same origin",
	"maxOutboxBytes":               "bytes that may wait for a slow peer",
	"maxOutboxAge":                 "time that bytes may wait for a slow peer",
	"maxBufferedBytes":             "bytes that may wait in the whole server; 0 = by memory",
	"sendBufferBytes":              "what the kernel may hold for one peer",
	"loops":                        "event loops; 0 = GOMAXPROCS",
	"workers":                      "goroutines for blocking handlers; 0 = 64 × GOMAXPROCS",
	"inlineBudget":                 "report inline handlers that take longer",
	"shutdownTimeout":              "time to drain at SIGTERM",
}

// setting is one configurable value of a config.
type setting struct {
	name  string // camelCase, as in files
	field string // name of the field in Go
	v     reflect.Value
}

// env returns the setting's name in the environment, such as SMARTSOCKET_MAX_CONNECTIONS.
func (s setting) env() string { return envPrefix + strings.ToUpper(separate(s.name, '_')) }

// flag returns the setting's name on the command line without the dash, such as max-connections.
func (s setting) flag() string { return separate(s.name, '-') }

// separate turns camelCase into lower-case words joined by sep.
func separate(name string, sep byte) string {
	var b strings.Builder
	for i := range len(name) {
		ch := name[i]
		if 'A' <= ch && ch <= 'Z' {
			b.WriteByte(sep)
			ch += 'a' - 'A'
		}
		b.WriteByte(ch)
	}
	return b.String()
}

// settings lists what can be set. addr comes first, so that host and port win if they are given
// too.
func (c *config) settings() []setting {
	list := []setting{{name: "addr", field: "Addr"}}
	return appendSettings(list, reflect.ValueOf(c).Elem())
}

func appendSettings(list []setting, v reflect.Value) []setting {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous {
			list = appendSettings(list, v.Field(i))
			continue
		}
		if name := f.Tag.Get("config"); name != "" && name != "-" {
			list = append(list, setting{name, f.Name, v.Field(i)})
		}
	}
	return list
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	toggleType   = reflect.TypeFor[smartsocket.Toggle]()
)

// setText sets the setting to a value written as text, in the environment or in a flag.
func (c *config) setText(s setting, text string) error {
	switch {
	case s.name == "addr":
		return c.setAddr(text)
	case s.v.Type() == durationType:
		d, err := parseDuration(text)
		if err != nil {
			return err
		}
		s.v.SetInt(int64(d))
	case s.v.Type() == toggleType:
		if err := s.v.Addr().Interface().(*smartsocket.Toggle).UnmarshalText(
			[]byte(text)); err != nil {
			return fmt.Errorf("%w: write one of them", err)
		}
	case s.v.Kind() == reflect.String:
		s.v.SetString(text)
	case s.v.Kind() == reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false: write true or false", text)
		}
		s.v.SetBool(b)
	case s.v.CanInt():
		n, err := strconv.ParseInt(strings.ReplaceAll(text, "_", ""), 10, s.v.Type().Bits())
		if err != nil {
			return fmt.Errorf("%q is no whole number: write digits, as in 10000", text)
		}
		s.v.SetInt(n)
	case s.v.Type() == reflect.TypeFor[[]string]():
		s.v.Set(reflect.ValueOf(splitList(text)))
	default:
		return fmt.Errorf("values of type %s cannot be given as text: set it in a Go program",
			s.v.Type())
	}
	return nil
}

// setJSON sets the setting to a value from a JSON file.
func (c *config) setJSON(s setting, raw json.RawMessage) error {
	var value any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&value); err != nil {
		return err
	}
	isText := s.name == "addr" || s.v.Kind() == reflect.String
	isBool := !isText && s.v.Kind() == reflect.Bool
	isToggle := !isText && s.v.Type() == toggleType
	isList := !isText && s.v.Kind() == reflect.Slice
	isDuration := !isText && s.v.Type() == durationType
	switch value := value.(type) {
	case string:
		if isText || isDuration || isToggle && value == "auto" {
			return c.setText(s, value)
		}
	case bool:
		if isBool || isToggle {
			return c.setText(s, strconv.FormatBool(value))
		}
	case json.Number:
		if !isText && !isBool && !isToggle && !isList {
			return c.setText(s, value.String())
		}
	case []any:
		if isList {
			return s.setList(value)
		}
	}
	want := "a whole number, as in 10000"
	switch {
	case isText:
		want = `a string, as in "text"`
	case isBool:
		want = "true or false"
	case isToggle:
		want = `true, false or "auto"`
	case isList:
		want = `a list of strings, as in ["a", "b"]`
	case isDuration:
		want = `a duration, as in "30s", or a number of milliseconds`
	}
	if s.mayBeSecret() {
		return fmt.Errorf("the value (hidden) is of the wrong type: write %s", want)
	}
	return fmt.Errorf("%s is of the wrong type: write %s", raw, want)
}

func (s setting) setList(values []any) error {
	list := make([]string, 0, len(values))
	for i, item := range values {
		text, ok := item.(string)
		if !ok && s.mayBeSecret() {
			return fmt.Errorf("item %d of the list (hidden) is no string: put it in quotes", i+1)
		}
		if !ok {
			return fmt.Errorf("%v in the list is no string: put it in quotes", item)
		}
		list = append(list, text)
	}
	s.v.Set(reflect.ValueOf(list))
	return nil
}

func (c *config) setAddr(text string) error {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return fmt.Errorf("%q is no address: write host:port, as in localhost:3000 or :3000", text)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return fmt.Errorf("%q has no numeric port: write host:port, as in localhost:3000", text)
	}
	if host == "" {
		host = "0.0.0.0"
	}
	c.Host, c.Port = host, n
	return nil
}

// parseDuration reads Go's form, or a plain number of milliseconds.
func parseDuration(text string) (time.Duration, error) {
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil {
		if ms > int64(time.Duration(1<<63-1)/time.Millisecond) ||
			ms < -int64(time.Duration(1<<63-1)/time.Millisecond) {
			return 0, fmt.Errorf("%s ms is more than 292 years: write a shorter duration", text)
		}
		return time.Duration(ms) * time.Millisecond, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is no duration: write 30s, 1m30s or a number of milliseconds",
			text)
	}
	return d, nil
}

func splitList(text string) []string {
	var list []string
	for _, item := range strings.Split(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}

// text returns the setting's value in the form that setText takes.
func (s setting) text() string {
	switch v := s.v.Interface().(type) {
	case smartsocket.Toggle:
		return fmt.Sprint(toggleValue(v))
	case []string:
		return strings.Join(v, ",")
	default:
		return fmt.Sprint(v)
	}
}

// secret reports whether the value must never be printed.
func (s setting) secret() bool {
	if s.name == "nats" {
		return strings.Contains(s.v.String(), "@") // the name and the password of a user
	}
	return s.credential()
}

// credential reports whether the setting consists of nothing but keys. tlsKey does not, because it
// is the name of a file.
func (s setting) credential() bool {
	return s.name != "tlsKey" && (strings.HasSuffix(strings.ToLower(s.name), "key") ||
		strings.HasSuffix(strings.ToLower(s.name), "keys"))
}

// mayBeSecret reports whether a value given for the setting, right or wrong, must not be repeated
// in an error.
func (s setting) mayBeSecret() bool { return s.name == "nats" || s.credential() }

// json returns the configuration in the form of a file. Secrets that are set are hidden.
func (c *config) json() []byte {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, s := range c.settings()[1:] {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "\n  %q: ", s.name)
		var value any
		if s.secret() && s.v.Len() > 0 {
			b.WriteString(`"(hidden)"`)
			continue
		}
		switch v := s.v.Interface().(type) {
		case time.Duration:
			value = v.String()
		case smartsocket.Toggle:
			value = toggleValue(v)
		case []string:
			value = append([]string{}, v...)
		default:
			value = v
		}
		text, err := json.Marshal(value)
		if err != nil {
			text = []byte("null")
		}
		b.Write(text)
	}
	b.WriteString("\n}\n")
	return b.Bytes()
}

func toggleValue(t smartsocket.Toggle) any {
	if t == smartsocket.Auto {
		return "auto"
	}
	return t == smartsocket.Enabled
}

// levels are the values of logLevel.
var levels = map[string]slog.Level{
	"error": slog.LevelError,
	"warn":  slog.LevelWarn,
	"info":  slog.LevelInfo,
	"debug": slog.LevelDebug,
	"trace": smartsocket.LevelTrace,
}
