package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
)

// Source says where settings come from. The zero value has none: Load then changes nothing.
type Source struct {
	// EnvPrefix begins the names of environment variables, as in "GAME_". Every variable that
	// begins with it must be known. "" means that the environment is not read.
	EnvPrefix string
	// Args is the command line without the program's name, os.Args[1:].
	Args []string
	// Environ has the environment as NAME=value; nil means os.Environ().
	Environ []string
	// File is read if neither the flag -config nor the environment names one; "" means none.
	File string
	// Usage begins what Settings.Help writes; "" means a line with the program's name.
	Usage string
	// Help has a line for each setting that has no tag help, by name.
	Help map[string]string
	// Actions are what the program can do instead of its work, with a line of help for each. See
	// Action.
	Actions map[Action]string
	// Words are first words that the program handles itself, before Load. A word that is unknown
	// may be meant for one of these, and then the error says so.
	Words []string
}

// Action is the error with which Load returns if the command line asks for something other than the
// program's work: with a word (game keygen) or with a flag (game -keygen), anywhere in the command
// line. Only that has been read then, and nothing was set. Settings.Read reads the rest, if the
// action needs that.
type Action string

// Help and Print are the actions that every program has.
const (
	Help  Action = "help"         // print Settings.Help; also -h
	Print Action = "print-config" // read, and print Settings.Print
)

// Error names the action as on the command line.
func (a Action) Error() string { return "the command line asks for -" + string(a) }

// Error says which setting is wrong, where its value came from, and what to give instead.
type Error struct {
	Setting string // its name in files
	Origin  string // as Setting.Origin
	Err     error  // without the value if that is a secret
}

// Error returns the message, such as "flag -port: 70000 is no port: write 1 to 65535", or
// "config file game.yaml:3: port: 70000 is no port: write 1 to 65535".
func (e *Error) Error() string {
	switch {
	case e.Origin == "":
		return e.Setting + ": " + e.Err.Error()
	case strings.HasPrefix(e.Origin, configFile):
		return e.Origin + ": " + e.Setting + ": " + e.Err.Error()
	}
	return e.Origin + ": " + e.Err.Error()
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Settings are the settings of a struct, with what is known about each.
type Settings struct {
	source Source
	list   []*setting
	args   []assignment // of the command line
	file   string       // from the flag -config, then what was read
	yaml   bool         // -print-config=yaml
}

// Load sets the fields of dst, a pointer to a struct, from source. What dst has before are the
// defaults. On an error dst is as it was. The error is an Action if the command line asks for one,
// an *Error if a value is wrong, and another if a name is unknown or a file cannot be read.
//
// Load does not know what the program makes of the values. Give its complaints to Settings.Error,
// which adds where a value came from. To read everything again, call Load with a fresh struct and
// the same source, and compare with Settings.Changed.
//
// The settings are nil if dst cannot be used, because it is no pointer to a struct, or because its
// tags are wrong. Otherwise they refer to dst and may be used after an error too.
func Load(dst any, source Source) (*Settings, error) {
	list, err := settingsOf(dst, source)
	if err != nil {
		return nil, err
	}
	s := &Settings{source: source, list: list}
	action, err := s.parseArgs()
	switch {
	case err != nil:
		return s, err
	case action != "":
		return s, action
	}
	return s, s.Read()
}

// LoadOrExit is Load for programs that have no Actions of their own. It answers -help and
// -print-config, and reports an error on the standard error. In these cases the process ends, with
// 0 or 2.
func LoadOrExit(dst any, source Source) *Settings {
	s, code := loadOr(dst, source, os.Stdout, os.Stderr)
	if code >= 0 {
		os.Exit(code)
	}
	return s
}

// loadOr returns the code to exit with, or -1.
func loadOr(dst any, source Source, stdout, stderr io.Writer) (*Settings, int) {
	s, err := Load(dst, source)
	switch {
	case errors.Is(err, Help):
		s.Help(stdout)
		return s, 0
	case errors.Is(err, Print):
		if err = s.Read(); err == nil {
			s.Print(stdout)
			return s, 0
		}
	}
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", program(), err)
		return s, 2
	}
	return s, -1
}

func program() string { return filepath.Base(os.Args[0]) }

// Read sets the fields from file, environment and command line. Load has done so already, unless it
// returned an Action. On an error the fields are as they were.
func (s *Settings) Read() (err error) {
	type state struct {
		value  reflect.Value
		origin string
	}
	before := make([]state, len(s.list))
	for i, x := range s.list {
		before[i] = state{copied(x.v), x.Origin}
	}
	defer func() {
		if err == nil {
			return
		}
		for i, x := range s.list {
			x.v.Set(before[i].value)
			x.Origin = before[i].origin
		}
	}()
	env, envFile, err := s.parseEnv()
	if err != nil {
		return err
	}
	if s.file == "" {
		s.file = envFile
	}
	if s.file == "" {
		s.file = s.source.File
	}
	if s.file != "" {
		if err := s.readFile(s.file); err != nil {
			return err
		}
	}
	for _, a := range slices.Concat(env, s.args) {
		if err := a.apply(); err != nil {
			return err
		}
	}
	for _, x := range s.list {
		x.inForce = copied(x.v)
	}
	return nil
}

// List returns all settings, in the order of the fields.
func (s *Settings) List() []Setting {
	list := make([]Setting, len(s.list))
	for i, x := range s.list {
		list[i] = x.Setting
	}
	return list
}

// Get returns the setting with a name in files, or of a field with a name in Go. It is the zero
// Setting if there is none.
func (s *Settings) Get(name string) Setting {
	for _, x := range s.list {
		if x.Name == name || x.Field == name {
			return x.Setting
		}
	}
	return Setting{}
}

// Error returns an *Error about a setting, which is named as for Get. Without such a setting it
// returns err. err must not contain the value of a secret.
//
//	_, err := smartsocket.New(cfg.Options)
//	var bad *smartsocket.OptionError
//	if errors.As(err, &bad) {
//		err = settings.Error(bad.Field, errors.New(bad.Fix))
//	}
func (s *Settings) Error(name string, err error) error {
	if x := s.Get(name); x.Name != "" {
		return &Error{x.Name, x.Origin, err}
	}
	return err
}

// Changed returns the settings that were read with another value than in old, which are those of a
// struct of the same type. A setting that is not printed is not compared.
func (s *Settings) Changed(old *Settings) (changed []Setting) {
	for i, x := range s.list {
		a, b := x.inForce, old.list[i].inForce
		if x.hook || x.kind == list && a.Len() == 0 && b.Len() == 0 {
			continue
		}
		if !reflect.DeepEqual(a.Interface(), b.Interface()) {
			changed = append(changed, x.Setting)
		}
	}
	return changed
}
