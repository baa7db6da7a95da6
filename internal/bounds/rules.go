package bounds

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// The rules below check what no range can express. Each returns nil or the Violation of one field.

// First returns the first violation of a list, nil if there is none.
func First(found ...*Violation) *Violation {
	for _, v := range found {
		if v != nil {
			return v
		}
	}
	return nil
}

// When is a violation if the condition holds.
func When(holds bool, field, fix string) *Violation {
	if !holds {
		return nil
	}
	return &Violation{field, fix}
}

// AtLeast wants a number of at least least. The fix follows the number: "is no …: use …".
func AtLeast(least int, field string, n int, fix string) *Violation {
	return When(n < least, field, fmt.Sprint(n, " ", fix))
}

// Port wants a port, or -1 for any free one.
func Port(field string, n int) *Violation {
	return When(n < -1 || n > 65535, field,
		fmt.Sprintf("%d is no port: use 1..65535, or -1 for any free one", n))
}

// Path wants a path as a request of HTTP can have it, or "off".
func Path(field, path string) *Violation {
	if strings.ContainsFunc(path, func(c rune) bool {
		return c <= ' ' || c > '~' || c == '?' || c == '#'
	}) {
		return &Violation{field, fmt.Sprintf("%q is a path of no request: write it without query, "+
			"and escaped", path)}
	}
	return When(path != "off" && !strings.HasPrefix(path, "/"), field,
		fmt.Sprintf("%q is no path: begin with a slash, or write off", path))
}

// Both wants two values to be given together or not at all. It names the field that is given.
func Both(fieldA, a, fieldB, b, fix string) *Violation {
	if a == "" {
		fieldA = fieldB
	}
	return When((a == "") != (b == ""), fieldA, fix)
}

// Each wants all values of a list to pass a check, whose error is the fix.
func Each(field string, list []string, check func(string) error) *Violation {
	for _, value := range list {
		if err := check(value); err != nil {
			return &Violation{field, err.Error()}
		}
	}
	return nil
}

// Longer wants all texts of a list to have at least least bytes.
func Longer(least int, field string, list []string, fix string) *Violation {
	for _, text := range list {
		if len(text) < least {
			return &Violation{field, fix}
		}
	}
	return nil
}

// maxSocketPath is how long the path of a Unix socket may be everywhere.
const maxSocketPath = 100

// noHost reports whether c is in no name or address.
func noHost(c rune) bool { return c <= ' ' || c == 0x7f || strings.ContainsRune(`[]/*?#@,;"`, c) }

// Host wants what can be listened on: a name, an IP address, or unix: and a path.
func Host(field, host string) *Violation {
	const fix = ": write a name, an IP address, or unix:/path"
	if path, ok := strings.CutPrefix(host, "unix:"); ok {
		return When(path == "" || len(path) > maxSocketPath, field,
			fmt.Sprintf("the path of a Unix socket has 1 to %d bytes, and this has %d",
				maxSocketPath, len(path)))
	}
	name := host
	if inner, ok := strings.CutPrefix(host, "["); ok {
		if inner, ok = strings.CutSuffix(inner, "]"); !ok || !strings.Contains(inner, ":") {
			return &Violation{field, fmt.Sprintf("%q is no IPv6 address in brackets"+fix, host)}
		}
		name = inner
	}
	_, err := netip.ParseAddr(name)
	strange := strings.Contains(name, ":") && err != nil || strings.ContainsFunc(name, noHost)
	return When(strange, field,
		fmt.Sprintf("%q is no host, and the port is an option of its own"+fix, host))
}

// Choice finds text among words, of which "" is the first, and returns its index.
func Choice(text string, words ...string) (int, error) {
	if i := slices.Index(words, text); i >= 0 || text == "" {
		return max(i, 0), nil
	}
	return 0, fmt.Errorf("%q is none of %s", text, strings.Join(words, ", "))
}
