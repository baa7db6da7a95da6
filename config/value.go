package config

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// value is what a file has for a setting, whether JSON or YAML.
type value struct {
	form  form
	text  string  // of a string, a number (as in JSON) or a bool
	items []value // of a list
	shown string  // the value as errors show it
}

// form is what kind of value a file has.
type form uint8

const (
	isOther form = iota // null, an object, or what the file's format alone has
	isText
	isNumber
	isBool
	isList
)

// setValue sets the setting to a value from a file.
func (s *setting) setValue(v value) error {
	fits := false
	switch s.kind {
	case text:
		fits = v.form == isText
	case boolean:
		fits = v.form == isBool
	case toggle:
		fits = v.form == isBool || v.form == isText && v.text != "true" && v.text != "false"
	case integer, unsigned, float:
		fits = v.form == isNumber
	case custom, duration:
		fits = v.form == isText || v.form == isNumber
	case list:
		if v.form == isList {
			return s.setItems(v.items)
		}
	}
	switch {
	case fits:
		return s.setText(v.text)
	case s.Secret:
		return fmt.Errorf("the value (hidden) is of the wrong type: write %s", s.wanted())
	}
	return fmt.Errorf("%s is of the wrong type: write %s", v.shown, s.wanted())
}

// wanted says what a file can have for the setting.
func (s *setting) wanted() string {
	switch s.kind {
	case boolean:
		return "true or false"
	case toggle:
		return `true, false or "auto"`
	case list:
		return `a list of strings, as in ["a", "b"]`
	case duration:
		return `a duration, as in "30s", or a number of milliseconds`
	case integer, unsigned:
		return "a whole number, as in 10000"
	case float:
		return "a number, as in 0.5"
	}
	return `a string, as in "text"`
}

func (s *setting) setItems(items []value) error {
	texts := make([]string, 0, len(items))
	for i, item := range items {
		switch {
		case item.form == isText:
			texts = append(texts, item.text)
		case s.Secret:
			return fmt.Errorf("item %d of the list (hidden) is no string: put it in quotes", i+1)
		default:
			return fmt.Errorf("%s in the list is no string: put it in quotes", item.shown)
		}
	}
	s.setList(texts)
	return nil
}

// setList sets a slice of any type of strings.
func (s *setting) setList(texts []string) {
	v := reflect.MakeSlice(s.v.Type(), len(texts), len(texts))
	for i, t := range texts {
		v.Index(i).SetString(t)
	}
	s.v.Set(v)
}

// setText sets the setting to a value written as text.
func (s *setting) setText(given string) error {
	switch s.kind {
	case text:
		s.v.SetString(given)
	case custom, toggle:
		return s.setCustom(given)
	case boolean:
		b, err := strconv.ParseBool(given)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false: write true or false", given)
		}
		s.v.SetBool(b)
	case integer:
		n, err := strconv.ParseInt(digits(given), 10, s.v.Type().Bits())
		if err != nil {
			return wrongNumber(given, err, "is no whole number: write digits, as in 10000")
		}
		s.v.SetInt(n)
	case unsigned:
		n, err := strconv.ParseUint(digits(given), 10, s.v.Type().Bits())
		if err != nil {
			return wrongNumber(given, err,
				"is no whole number of 0 or more: write digits, as in 10000")
		}
		s.v.SetUint(n)
	case float:
		x, err := strconv.ParseFloat(digits(given), s.v.Type().Bits())
		if err != nil || math.IsInf(x, 0) || math.IsNaN(x) {
			return wrongNumber(given, err, "is no number: write one like 0.5")
		}
		s.v.SetFloat(x)
	case duration:
		d, err := parseDuration(given)
		if err != nil {
			return err
		}
		s.v.SetInt(int64(d))
	case list:
		s.setList(splitList(given))
	}
	return nil
}

// digits removes what separates groups of digits.
func digits(text string) string { return strings.ReplaceAll(text, "_", "") }

func wrongNumber(given string, err error, fix string) error {
	if errors.Is(err, strconv.ErrRange) {
		return fmt.Errorf("%q is out of range: write a number nearer to 0", given)
	}
	return fmt.Errorf("%q %s", given, fix)
}

// setCustom lets the type read the text. What it writes before it fails is undone by Read.
func (s *setting) setCustom(given string) error {
	err := s.v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(given))
	switch {
	case err == nil:
		return nil
	case s.Secret:
		return errors.New("the value (hidden) cannot be used")
	case s.kind == toggle:
		return fmt.Errorf("%w: write one of them", err)
	}
	return err
}

// parseDuration reads Go's form, or a plain number of milliseconds.
func parseDuration(text string) (time.Duration, error) {
	const most = int64(math.MaxInt64 / time.Millisecond)
	ms, err := strconv.ParseInt(digits(text), 10, 64)
	if err == nil && ms >= -most && ms <= most {
		return time.Duration(ms) * time.Millisecond, nil
	}
	if err == nil || errors.Is(err, strconv.ErrRange) {
		return 0, fmt.Errorf("%s ms is more than 292 years: write a shorter duration", text)
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is no duration: write 30s, 1m30s or a number of milliseconds",
			text)
	}
	return d, nil
}

// splitList splits at commas and at the ends of lines.
func splitList(text string) []string {
	var list []string
	for item := range strings.FieldsFuncSeq(text, func(r rune) bool {
		return r == ',' || r == '\n'
	}) {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}

// text returns the setting's value in the form that setText takes, and "" for what is not printed.
func (s *setting) text() string {
	switch {
	case s.hook:
		return ""
	case s.kind == custom || s.kind == toggle:
		b, err := s.v.Addr().Interface().(encoding.TextMarshaler).MarshalText()
		if err != nil {
			return ""
		}
		return string(b)
	case s.kind == list:
		return strings.Join(s.items(), ",")
	case s.kind == duration:
		return time.Duration(s.v.Int()).String()
	case s.kind == float:
		return strconv.FormatFloat(s.v.Float(), 'g', -1, s.v.Type().Bits())
	}
	return fmt.Sprint(s.v)
}

// items returns the value of a list.
func (s *setting) items() []string {
	items := make([]string, s.v.Len())
	for i := range items {
		items[i] = s.v.Index(i).String()
	}
	return items
}

// empty reports whether a secret has nothing in it.
func (s *setting) empty() bool { return s.text() == "" }

// hidden reports whether the value must not be printed. An empty secret tells nothing, and a URL
// only if it names a user.
func (s *setting) hidden() bool {
	return s.Secret && !s.empty() && (!s.url || strings.Contains(s.text(), "@"))
}
