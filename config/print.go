package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Print writes the settings as a config file, with secrets as "(hidden)": as JSON, or with the flag
// -print-config=yaml as YAML, where a comment behind each value says where it came from.
func (s *Settings) Print(w io.Writer) {
	var b bytes.Buffer
	if s.yaml {
		for _, x := range s.list {
			if !x.hook {
				fmt.Fprintf(&b, "%s: %s%s\n", x.Name, x.literal(), comment(x.Origin))
			}
		}
	} else {
		b.WriteByte('{')
		between := ""
		for _, x := range s.list {
			if !x.hook {
				fmt.Fprintf(&b, "%s\n  %q: %s", between, x.Name, x.literal())
				between = ","
			}
		}
		b.WriteString("\n}\n")
	}
	_, _ = w.Write(b.Bytes()) // as fmt.Print, it has nobody to tell
}

// comment tells where a value came from. The name of a file may have any characters.
func comment(origin string) string {
	if origin == "" {
		return ""
	}
	text := quote(origin)
	return " # from " + text[1:len(text)-1]
}

// literal writes the value in a form that JSON and YAML read alike.
func (s *setting) literal() string {
	switch text := s.text(); {
	case s.hidden():
		return `"(hidden)"`
	case s.kind == boolean || s.kind == integer || s.kind == unsigned || s.kind == float,
		s.kind == toggle && (text == "true" || text == "false"):
		return text
	case s.kind == list:
		items := s.items()
		for i := range items {
			items[i] = quote(items[i])
		}
		return "[" + strings.Join(items, ",") + "]"
	default:
		return quote(text)
	}
}

// quote writes a string in quotes, with escapes that JSON and YAML share.
func quote(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		return `""`
	}
	var b strings.Builder
	for _, r := range string(quoted) {
		// YAML does not print these, JSON does.
		if 0x7f <= r && r <= 0x9f || r == 0xfeff || r == 0xfffe || r == 0xffff {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Help writes what can be set: Source.Usage, then a line for each flag with its help, the default
// and the name in the environment. A secret can also be given by a flag and a variable with the
// name of a file, -name-file and NAME_FILE.
func (s *Settings) Help(w io.Writer) {
	var b bytes.Buffer
	usage := s.source.Usage
	if usage == "" {
		usage = fmt.Sprintf("%s [flags]\n", program())
	}
	b.WriteString(usage)
	width := len(Print) + len("[=yaml]")
	for _, x := range s.list {
		width = max(width, len(x.Flag))
	}
	line := func(flag, help, env string) {
		text := fmt.Sprintf("  -%-*s %s", width, flag, help)
		if env != "" {
			text += "   [" + env + "]"
		}
		b.WriteString(strings.TrimRight(text, " ") + "\n")
	}
	env := ""
	if s.source.EnvPrefix != "" {
		env = s.source.EnvPrefix + "CONFIG"
	}
	b.WriteByte('\n')
	line("config FILE", "read settings from a JSON or YAML file", env)
	line(string(Print)+"[=yaml]", "print the settings in force, and exit; yaml tells their origins",
		"")
	line(string(Help), "print this, and exit", "")
	for _, a := range s.ownActions() {
		line(string(a), s.source.Actions[a]+", and exit", "")
	}
	for _, x := range s.list {
		help, env := x.Help, x.Env
		if x.initial != "" {
			help += " (" + x.initial + ")"
		}
		if x.Secret && env != "" {
			env += ", " + env + "_FILE"
		}
		line(x.Flag, strings.TrimSpace(help), env)
	}
	_, _ = w.Write(b.Bytes())
}
