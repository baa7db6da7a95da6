package bounds

import (
	"errors"
	"strings"
	"testing"
)

func TestRules(t *testing.T) {
	odd := func(s string) error {
		if s == "odd" {
			return errors.New("odd: be even")
		}
		return nil
	}
	const noRequest = " is a path of no request: write it without query, and escaped"
	for what, c := range map[string]struct {
		got        *Violation
		field, fix string // no field = no violation
	}{
		"a condition that holds": {When(true, "F", "fix"), "F", "fix"},
		"one that does not":      {When(false, "F", "fix"), "", ""},
		"the least number":       {AtLeast(-1, "N", -1, "is no number"), "", ""},
		"below it": {
			AtLeast(-1, "N", -2, "is no number: use -1"), "N", "-2 is no number: use -1",
		},
		"any port":         {Port("P", -1), "", ""},
		"the highest port": {Port("P", 65535), "", ""},
		"no port": {Port("P", 65536), "P",
			"65536 is no port: use 1..65535, or -1 for any free one"},
		"a path":     {Path("H", "/healthz"), "", ""},
		"a path off": {Path("H", "off"), "", ""},
		"no path": {
			Path("H", "up"), "H", `"up" is no path: begin with a slash, or write off`,
		},
		"a path with a query": {Path("H", "/up?x"), "H", `"/up?x"` + noRequest},
		"a path with a space": {Path("H", "/a b"), "H", `"/a b"` + noRequest},
		"a path of letters":   {Path("H", "/é"), "H", `"/é"` + noRequest},
		"an escaped path":     {Path("H", "/%C3%A9"), "", ""},
		"an empty path": {
			Path("H", ""), "H", `"" is no path: begin with a slash, or write off`,
		},
		"both":            {Both("A", "1", "B", "2", "fix"), "", ""},
		"neither":         {Both("A", "", "B", "", "fix"), "", ""},
		"the first alone": {Both("A", "1", "B", "", "fix"), "A", "fix"},
		"the other alone": {Both("A", "", "B", "2", "fix"), "B", "fix"},
		"all pass":        {Each("L", []string{"a", "b"}, odd), "", ""},
		"one does not":    {Each("L", []string{"a", "odd"}, odd), "L", "odd: be even"},
		"long enough":     {Longer(2, "K", []string{"ab", "abc"}, "fix"), "", ""},
		"too short":       {Longer(2, "K", []string{"ab", "a"}, "fix"), "K", "fix"},
	} {
		checkViolation(t, what, c.got, c.field, c.fix)
	}
}

func TestHosts(t *testing.T) {
	for _, host := range []string{
		"localhost", "example.org", "127.0.0.1", "::1", "[::1]", "0.0.0.0", "unix:/run/s.sock",
		"unix:" + strings.Repeat("x", maxSocketPath),
	} {
		checkViolation(t, host, Host("Host", host), "", "")
	}
	const no = " is no host, and the port is an option of its own: " +
		"write a name, an IP address, or unix:/path"
	for host, fix := range map[string]string{
		"localhost:80": `"localhost:80"` + no,
		"a b":          `"a b"` + no,
		"a]":           `"a]"` + no,
		"*":            `"*"` + no,
		"a\n":          `"a\n"` + no,
		"a,b":          `"a,b"` + no,
		"http://a":     `"http://a"` + no,
		"[a]": `"[a]" is no IPv6 address in brackets` +
			`: write a name, an IP address, or unix:/path`,
		"[::1": `"[::1" is no IPv6 address in brackets` +
			`: write a name, an IP address, or unix:/path`,
		"unix:": "the path of a Unix socket has 1 to 100 bytes, and this has 0",
		"unix:" + strings.Repeat("x", 101): "the path of a Unix socket has 1 to 100 bytes, " +
			"and this has 101",
	} {
		checkViolation(t, host, Host("Host", host), "Host", fix)
	}
}

func checkViolation(t *testing.T, what string, got *Violation, field, fix string) {
	t.Helper()
	switch {
	case field == "" && got != nil:
		t.Errorf("%s: %+v, want none", what, *got)
	case field != "" && (got == nil || *got != Violation{field, fix}):
		t.Errorf("%s: %+v, want %s: %s", what, got, field, fix)
	}
}

func TestFirstViolation(t *testing.T) {
	a, b := &Violation{Field: "A"}, &Violation{Field: "B"}
	if got := First(nil, a, nil, b); got != a {
		t.Errorf("the first is %v", got)
	}
	if got := First(nil, nil); got != nil {
		t.Errorf("of none the first is %v", got)
	}
}
