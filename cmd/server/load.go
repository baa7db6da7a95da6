package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/smartsocket/smartsocket"
)

const envPrefix = "SMARTSOCKET_"

// command is what the command line asks for.
type command struct {
	config *config
	print  bool // -print-config
	keygen bool // -keygen
	help   bool
	verb   string            // "", "defaultconfig" or "checkconfig"
	source map[string]string // for each setting, where its value came from; for errors
}

// parse reads the configuration: first the defaults, then the file named by -config or
// SMARTSOCKET_CONFIG, then the environment, then the flags. Later ones win.
func parse(args, environ []string) (*command, error) {
	cmd := &command{config: defaultConfig(), source: make(map[string]string)}
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		cmd.verb, args = args[0], args[1:]
		if verbs := []string{"defaultconfig", "checkconfig", "help"}; !slices.Contains(verbs,
			cmd.verb) {
			return nil, fmt.Errorf("unknown command %q%s", cmd.verb, didYouMean(cmd.verb, verbs))
		}
		cmd.help = cmd.verb == "help"
	}
	flags, file, err := cmd.parseFlags(args)
	if err != nil {
		return nil, err
	}
	if cmd.help || cmd.keygen || cmd.verb == "defaultconfig" {
		return cmd, nil
	}
	env, envFile, err := cmd.parseEnv(environ)
	if err != nil {
		return nil, err
	}
	if file == "" {
		file = envFile
	}
	if file != "" {
		if err := cmd.readFile(file); err != nil {
			return nil, err
		}
	}
	for _, given := range [][]assignment{env, flags} {
		for _, a := range given {
			err := cmd.config.setText(a.setting, a.text)
			if err == nil && a.setting.credential() && a.setting.v.Len() == 0 {
				// An empty value may come from a command or a secret that failed. The server would
				// run without a key.
				err = fmt.Errorf("there is no key in it: give one, or do not set %s at all",
					a.setting.name)
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", a.source, err)
			}
			cmd.source[a.setting.name] = a.source
		}
	}
	if cmd.config.Demo {
		cmd.demoDefaults()
	}
	return cmd, cmd.validate()
}

// assignment is a value given as text.
type assignment struct {
	setting setting
	text    string
	source  string // the name as the user wrote it
}

// parseFlags reads -name value, -name=value and -switch. Two dashes work like one.
func (cmd *command) parseFlags(args []string) (list []assignment, file string, err error) {
	byFlag := make(map[string]setting)
	names := []string{"config", "print-config", "keygen", "help"}
	for _, s := range cmd.config.settings() {
		byFlag[s.flag()] = s
		names = append(names, s.flag())
	}
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		name, text, hasText := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-"),
			"=")
		if !strings.HasPrefix(arg, "-") || name == "" {
			if n := len(list); n > 0 && list[n-1].setting.mayBeSecret() {
				return nil, "",
					fmt.Errorf("an unexpected argument (hidden) behind %s: put a list in quotes, "+
						"or leave out its spaces", list[n-1].source)
			}
			return nil, "",
				fmt.Errorf("unexpected argument %q: flags begin with a dash, as in -port 3000", arg)
		}
		switch name {
		case "help", "h":
			cmd.help = true
			continue
		case "print-config":
			cmd.print = true
			continue
		case "keygen":
			cmd.keygen = true
			continue
		}
		s, known := byFlag[name]
		if !known && name != "config" {
			return nil, "", fmt.Errorf("unknown flag -%s%s", name, didYouMean(name, names))
		}
		if !hasText && s.isSwitch() {
			text, hasText = "true", true
		}
		if !hasText {
			if len(args) == 0 {
				return nil, "", fmt.Errorf("flag -%s wants a value: write -%s VALUE", name, name)
			}
			text, args = args[0], args[1:]
		}
		if name == "config" {
			file = text
			continue
		}
		list = append(list, assignment{s, text, "flag -" + name})
	}
	return list, file, nil
}

// isSwitch reports whether the flag needs no value.
func (s setting) isSwitch() bool {
	return s.v.IsValid() && (s.v.Kind() == reflect.Bool || s.v.Type() == toggleType)
}

// parseEnv picks the SMARTSOCKET_ variables out of environ.
func (cmd *command) parseEnv(environ []string) (list []assignment, file string, err error) {
	given := make(map[string]string)
	for _, e := range environ {
		if name, text, ok := strings.Cut(e, "="); ok && strings.HasPrefix(name, envPrefix) {
			given[name] = text
		}
	}
	if _, ok := given[envPrefix+"SERVICE_HOST"]; ok {
		return nil, "",
			fmt.Errorf("%sSERVICE_HOST and its like come from Kubernetes, for a service named "+
				"smartsocket: set enableServiceLinks: false in the pod, or rename the service",
				envPrefix)
	}
	file = given[envPrefix+"CONFIG"]
	delete(given, envPrefix+"CONFIG")
	names := []string{envPrefix + "CONFIG"}
	for _, s := range cmd.config.settings() {
		names = append(names, s.env())
		if text, ok := given[s.env()]; ok {
			list = append(list, assignment{s, text, "environment variable " + s.env()})
			delete(given, s.env())
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		return nil, "", fmt.Errorf("unknown environment variable %s%s", name,
			didYouMean(name, names))
	}
	return list, file, nil
}

// readFile applies a JSON file of settings.
func (cmd *command) readFile(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("config file: %w", err)
	}
	values, err := readObject(text)
	if err != nil {
		return fmt.Errorf("config file %s%s: %w", path, lineOf(text, err), err)
	}
	var names []string
	for _, s := range cmd.config.settings() {
		names = append(names, s.name)
		raw, ok := values[s.name]
		if !ok {
			continue
		}
		delete(values, s.name)
		if err := cmd.config.setJSON(s, raw); err != nil {
			return fmt.Errorf("config file %s: %s: %w", path, s.name, err)
		}
		cmd.source[s.name] = fmt.Sprintf("config file %s: %s", path, s.name)
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		return fmt.Errorf("config file %s: unknown setting %q%s", path, name,
			didYouMean(name, names))
	}
	return nil
}

// readObject reads a file that is one JSON object in which each name occurs once.
func readObject(text []byte) (map[string]json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	first, err := dec.Token()
	if errors.Is(err, io.EOF) {
		return nil, errors.New(
			"the file is empty: write an object, as defaultconfig prints it, or {}")
	}
	if err == nil && first != json.Delim('{') {
		return nil, errors.New("the file is not an object: write one, as defaultconfig prints it")
	}
	values := make(map[string]json.RawMessage)
	for err == nil && dec.More() {
		var name json.Token
		var value json.RawMessage
		if name, err = dec.Token(); err == nil {
			err = dec.Decode(&value)
		}
		if err != nil {
			break
		}
		if _, twice := values[name.(string)]; twice {
			return nil, fmt.Errorf("%q occurs twice: keep one of them", name)
		}
		values[name.(string)] = value
	}
	if err == nil {
		_, err = dec.Token() // the closing brace
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more after the closing brace: keep one object")
	}
	return values, nil
}

// lineOf says where in the file a syntax error is.
func lineOf(text []byte, err error) string {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return ""
	}
	return fmt.Sprintf(":%d", 1+bytes.Count(text[:min(int(syntax.Offset), len(text))],
		[]byte{'\n'}))
}

// validate checks what belongs to this program, and lets the library check its options.
func (cmd *command) validate() error {
	c := cmd.config
	if _, ok := levels[c.LogLevel]; !ok {
		return cmd.reject("logLevel",
			fmt.Errorf("%q is no level: write error, warn, info, debug or trace", c.LogLevel))
	}
	if c.LogFormat != "text" && c.LogFormat != "json" {
		return cmd.reject("logFormat", fmt.Errorf("%q is no format: write text or json",
			c.LogFormat))
	}
	if c.Echo && c.Demo {
		return cmd.reject("echo", errors.New(
			"echo and demo exclude each other: switch one of them off"))
	}
	switch name := c.unheeded(); {
	case name == "":
	case c.Echo:
		return cmd.reject(name, errors.New(
			"echo lets everybody in and encrypts nothing: switch one of them off"))
	case c.Demo:
		return cmd.reject(name, errors.New(
			"the demo's pages are for everybody and know no key: switch one of them off"))
	}
	if c.Port < 0 || c.Port > 65535 {
		return cmd.reject("port",
			fmt.Errorf("%d is no port: write 1 to 65535, or 0 for any free one", c.Port))
	}
	if c.ProfileAddr != "" {
		if _, _, err := net.SplitHostPort(c.ProfileAddr); err != nil {
			return cmd.reject("profileAddr",
				fmt.Errorf("%q is no address: write host:port, as in 127.0.0.1:6060",
					c.ProfileAddr))
		}
	}
	if err := cmd.checkNodes(); err != nil {
		return err
	}
	_, err := smartsocket.New(c.options(nil))
	var bad *smartsocket.OptionError
	if !errors.As(err, &bad) {
		return err
	}
	for _, s := range c.settings() {
		if s.field == bad.Field {
			return cmd.reject(s.name, errors.New(bad.Fix))
		}
	}
	return err
}

// unheeded returns a setting that protects the server, but that echo would ignore and the pages of
// the demo would not satisfy. "" means that there is none.
func (c *config) unheeded() string {
	switch {
	case c.EncryptionKey != "":
		return "encryptionKey"
	case c.PreviousEncryptionKey != "":
		return "previousEncryptionKey"
	case c.EnableEncryption == smartsocket.Enabled:
		return "enableEncryption"
	case len(c.APIKeys) > 0:
		return "apiKeys"
	case c.RequireAuth:
		return "requireAuth"
	}
	return ""
}

// reject returns err with the name of the setting in the form in which the user gave it.
func (cmd *command) reject(name string, err error) error {
	source := cmd.source[name]
	if source == "" {
		source = name
	}
	return fmt.Errorf("%s: %w", source, err)
}

// didYouMean suggests the known name nearest to the unknown one.
func didYouMean(name string, known []string) string {
	best, least := "", 1+len(name)/2
	for _, k := range known {
		if d := distance(strings.ToLower(name), strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	if best == "" {
		return ": run with -help for the known ones"
	}
	return fmt.Sprintf(": did you mean %s?", best)
}

// distance returns the Levenshtein distance of two strings, in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// demoDefaults sets what the demo needs and the user did not set.
func (cmd *command) demoDefaults() {
	unset := func(name string) bool { return cmd.source[name] == "" }
	if unset("rateLimitMaxRequests") {
		cmd.config.RateLimitMaxRequests = demoMaxRequests
	}
	if unset("enableMessageCache") {
		cmd.config.EnableMessageCache = true
	}
	if unset("sendBufferBytes") {
		cmd.config.SendBufferBytes = demoSendBuffer
	}
}
