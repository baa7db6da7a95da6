package config

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// assignment is a value for a setting, given as text.
type assignment struct {
	*setting
	text   string
	isFile bool   // text is the name of a file that has the value
	origin string // see Setting.Origin
}

// apply sets the setting.
func (a assignment) apply() (err error) {
	given := a.text
	if a.isFile {
		given, err = readSecret(a.text)
	}
	if err == nil {
		err = a.setText(given)
	}
	if err == nil && a.Secret && !a.url && !a.hook && a.empty() {
		// An empty value may come from a command or a secret that failed. The program would run
		// without a key.
		err = fmt.Errorf("there is no key or password in it: give one, or do not set %s at all",
			a.Name)
	}
	if err != nil {
		return &Error{a.Name, a.origin, err}
	}
	a.Origin = a.origin
	return nil
}

// forms remembers which settings have got a value in one place, and in which form.
type forms map[*setting]assignment

// add returns an error if the setting has its value and the name of a file.
func (f forms) add(a assignment) error {
	if first, twice := f[a.setting]; twice && first.isFile != a.isFile {
		return &Error{a.Name, a.origin, fmt.Errorf("there is a value from %s too: keep one of them",
			first.origin)}
	}
	f[a.setting] = a
	return nil
}

// parseArgs reads -name value, -name=value and -switch. Two dashes work like one. An action may be
// a word without a dash.
func (s *Settings) parseArgs() (action Action, err error) {
	args, given := s.source.Args, make(forms)
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") && !s.isAction(Action(args[0])) {
		return "", fmt.Errorf("unknown command %q%s", args[0],
			didYouMean(args[0], append(s.actions(), s.source.Words...)))
	}
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		name, text, hasText := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-"),
			"=")
		word := !strings.HasPrefix(arg, "-")
		if name == "" || word && !s.isAction(Action(arg)) {
			return "", s.stray(arg)
		}
		if a := Action(name); s.isAction(a) || name == "h" {
			if err := s.choose(&action, a, text); err != nil {
				return "", err
			}
			continue
		}
		x, isFile := s.flag(name)
		if x == nil && name != "config" {
			return "", fmt.Errorf("unknown flag -%s%s", name, didYouMean(name, s.flags()))
		}
		if !hasText && x != nil && (x.kind == boolean || x.kind == toggle) {
			text, hasText = "true", true
		}
		if !hasText {
			if len(args) == 0 {
				return "", fmt.Errorf("flag -%s wants a value: write -%s VALUE", name, name)
			}
			text, args = args[0], args[1:]
		}
		if x == nil {
			s.file = text
			continue
		}
		a := assignment{x, text, isFile, "flag -" + name}
		if err := given.add(a); err != nil {
			return "", err
		}
		s.args = append(s.args, a)
	}
	return action, nil
}

// choose notes an action of the command line, of which Help wins.
func (s *Settings) choose(action *Action, a Action, text string) error {
	if a == "h" {
		a = Help
	}
	if a == Print {
		if s.yaml = text == "yaml"; !s.yaml && text != "" && text != "json" {
			return fmt.Errorf("flag -%s: %q is no form: write json or yaml", string(a), text)
		}
	}
	if *action != Help {
		*action = a
	}
	return nil
}

// stray returns the error about an argument that belongs to no flag. Behind a secret it may be a
// part of it.
func (s *Settings) stray(arg string) error {
	if n := len(s.args); n > 0 && s.args[n-1].Secret {
		return fmt.Errorf("an unexpected argument (hidden) behind %s: put a list in quotes, "+
			"or leave out its spaces", s.args[n-1].origin)
	}
	return fmt.Errorf("unexpected argument %q: flags begin with a dash, as in -name value", arg)
}

func (s *Settings) isAction(a Action) bool {
	_, known := s.source.Actions[a]
	return known || a == Help || a == Print
}

// actions lists the names of all actions.
func (s *Settings) actions() []string {
	names := []string{string(Help), string(Print)}
	for _, a := range s.ownActions() {
		names = append(names, string(a))
	}
	return names
}

// flag returns the setting with that flag, or nil.
func (s *Settings) flag(name string) (x *setting, isFile bool) {
	for _, x := range s.list {
		if i := slices.Index(x.names(x.Flag, "-file"), name); i >= 0 {
			return x, i == 1
		}
	}
	return nil, false
}

// ownActions lists the program's actions by name.
func (s *Settings) ownActions() []Action { return slices.Sorted(maps.Keys(s.source.Actions)) }

// flags lists the names of all flags.
func (s *Settings) flags() []string {
	names := append(s.actions(), "config")
	for _, x := range s.list {
		names = append(names, x.names(x.Flag, "-file")...)
	}
	return names
}

// parseEnv picks the variables that begin with the prefix out of the environment, in the order of
// the settings. file is what PREFIX_CONFIG says.
func (s *Settings) parseEnv() (assigned []assignment, file string, err error) {
	prefix := s.source.EnvPrefix
	if prefix == "" {
		return nil, "", nil
	}
	environ := s.source.Environ
	if environ == nil {
		environ = os.Environ()
	}
	variables := make(map[string]string)
	for _, e := range environ {
		if name, text, ok := strings.Cut(e, "="); ok && strings.HasPrefix(name, prefix) {
			variables[name] = text
		}
	}
	names := []string{prefix + "CONFIG"}
	file = variables[names[0]]
	delete(variables, names[0])
	given := make(forms)
	for _, x := range s.list {
		for i, name := range x.names(x.Env, "_FILE") {
			names = append(names, name)
			text, ok := variables[name]
			if !ok {
				continue
			}
			delete(variables, name)
			a := assignment{x, text, i == 1, "environment variable " + name}
			if err := given.add(a); err != nil {
				return nil, "", err
			}
			assigned = append(assigned, a)
		}
	}
	return assigned, file, s.unknownVariable(variables, names)
}

// unknownVariable returns an error if variables are left over.
func (s *Settings) unknownVariable(variables map[string]string, known []string) error {
	prefix := s.source.EnvPrefix
	if _, ok := variables[prefix+"SERVICE_HOST"]; ok {
		service := strings.ReplaceAll(strings.ToLower(strings.TrimSuffix(prefix, "_")), "_", "-")
		return fmt.Errorf("%sSERVICE_HOST and its like come from Kubernetes, for a service named "+
			"%s: set enableServiceLinks: false in the pod, or rename the service", prefix, service)
	}
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		return fmt.Errorf("unknown environment variable %s%s", name, didYouMean(name, known))
	}
	return nil
}

// maxFile limits what is read of one file.
const maxFile = 1 << 20

// readLimited reads a file. The error names it.
func readLimited(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s has more than 1 MiB: give the right file", path)
	}
	return text, err
}

// readSecret reads the file of a secret, without the newline at its end.
func readSecret(path string) (string, error) {
	if path == "" {
		return "", errors.New("the name of the file is empty: give one, or do not set this at all")
	}
	b, err := readLimited(path)
	if err != nil {
		return "", err
	}
	text, hasEnd := strings.CutSuffix(string(b), "\n")
	if hasEnd {
		text = strings.TrimSuffix(text, "\r")
	}
	if text == "" {
		return "", fmt.Errorf("the file %s is empty: put the secret in it", path)
	}
	return text, nil
}
