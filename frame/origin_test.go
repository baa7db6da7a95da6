package frame

import (
	"errors"
	"strings"
	"testing"
)

func TestOriginPolicy(t *testing.T) {
	list := &OriginPolicy{Allowed: []string{"https://good.com", "http://localhost:3000",
		"app://game"}}
	shops := AllowOrigins([]string{"https://*.shop.example"})
	for _, c := range []struct {
		name         string
		policy       *OriginPolicy
		origin, host string // "-" means absent
		ok           bool
	}{
		{"absent", nil, "-", "h", true},
		{"absent but required", &OriginPolicy{RequireOrigin: true}, "-", "h", false},
		{"required and there", &OriginPolicy{RequireOrigin: true}, "http://h", "h", true},
		{"absent, required, all", &OriginPolicy{RequireOrigin: true, AllowAll: true}, "-", "h",
			false},
		{"same", nil, "http://h", "h", true},
		{"same, zero policy", &OriginPolicy{}, "http://h", "h", true},
		{"same, https", nil, "https://h", "h", true},
		{"same port", nil, "http://h:8080", "h:8080", true},
		{"no list", AllowOrigins(nil), "http://h", "h", true},
		{"empty list", AllowOrigins([]string{}), "http://h", "h", true},
		{"empty list, elsewhere", AllowOrigins([]string{}), "http://other", "h", false},
		{"list with a star", AllowOrigins([]string{"https://good.com", "*"}), "http://other", "h",
			true},
		{"list", AllowOrigins(list.Allowed), "https://good.com", "h", true},
		{"list, elsewhere", AllowOrigins(list.Allowed), "http://other", "h", false},
		{"default port in the host", nil, "http://h", "h:80", true},
		{"default port of https in the host", nil, "https://h", "h:443", true},
		{"default port in the origin", nil, "https://h:443", "h", true},
		{"case", nil, "HTTP://H.Example", "h.eXAMPLE", true},
		{"IPv6", nil, "http://[::1]:80", "[::1]", true},
		{"IDN", nil, "https://xn--bcher-kva.example", "xn--bcher-kva.example", true},
		{"other port", nil, "http://h:81", "h", false},
		{"other default port", nil, "https://h", "h:80", false},
		{"other host", nil, "http://evil.com", "h", false},
		{"suffix", nil, "http://evil-h", "h", false},
		{"subdomain", nil, "http://a.h", "h", false},
		{"prefix", nil, "http://h.evil.com", "h", false},
		{"null", nil, "null", "h", false},
		{"null and all", &OriginPolicy{AllowAll: true}, "null", "h", true},
		{"empty", nil, "", "h", false},
		{"no scheme", nil, "h", "h", false},
		{"no scheme but slashes", nil, "://h", "h", false},
		{"path", nil, "http://h/", "h", false},
		{"user", nil, "http://h@evil.com", "h", false},
		{"no host", nil, "http://", "h", false},
		{"empty port", nil, "http://h:", "h", false},
		{"port of letters", nil, "http://h:x", "h:x", false},
		{"two", nil, "http://h http://h", "h", false},
		{"scheme without a port", nil, "file://h", "h", false},
		{"listed", list, "https://good.com", "h", true},
		{"listed, case", list, "https://GOOD.com", "h", true},
		{"listed, default port", list, "https://good.com:443", "h", true},
		{"listed, own scheme", list, "app://game", "h", true},
		{"listed, port", list, "http://localhost:3000", "h", true},
		{"listed, other port", list, "http://localhost:3001", "h", false},
		{"listed, other scheme", list, "http://good.com", "h", false},
		{"listed, evil suffix", list, "https://good.com.evil.com", "h", false},
		{"listed, evil subdomain", list, "https://good.evil.com", "h", false},
		{"listed, same origin is not implied", list, "http://h", "h", false},
		{"listed, null", list, "null", "h", false},
		{"empty list", &OriginPolicy{Allowed: []string{}}, "http://h", "h", false},
		{"all", &OriginPolicy{AllowAll: true}, "http://any", "h", true},
		{"wildcard", shops, "https://a.shop.example", "h",
			true},
		{"wildcard, deeper", shops,
			"https://a.b.SHOP.example", "h", true},
		{"wildcard, the host itself", shops,
			"https://shop.example", "h", false},
		{"wildcard, suffix", shops,
			"https://evilshop.example", "h", false},
		{"wildcard, empty label", shops,
			"https://.shop.example", "h", false},
		{"wildcard, other scheme", shops,
			"http://a.shop.example", "h", false},
		{"wildcard, other port", shops,
			"https://a.shop.example:8443", "h", false},
		{"wildcard with a port", AllowOrigins([]string{"https://*.shop.example:8443"}),
			"https://a.shop.example:8443", "h", true},
		{"an origin cannot be a wildcard", AllowOrigins([]string{"https://a.shop.example"}),
			"https://*.shop.example", "h", false},
		{"null by name", AllowOrigins([]string{"null"}), "null", "h", true},
		{"null by name, another", AllowOrigins([]string{"null"}), "http://h", "h", false},
		{"TLS, https", &OriginPolicy{Secure: true}, "https://h", "h", true},
		{"TLS, https port", &OriginPolicy{Secure: true}, "https://h:8443", "h:8443", true},
		{"TLS, http", &OriginPolicy{Secure: true}, "http://h", "h", false},
		{"TLS, http port", &OriginPolicy{Secure: true}, "http://h:8443", "h:8443", false},
		{"TLS, listed http", &OriginPolicy{Secure: true, Allowed: list.Allowed},
			"http://localhost:3000", "h", true},
	} {
		r := &Request{Host: []byte(c.host)}
		if c.origin != "-" {
			r.Origin = []byte(c.origin)
		}
		err := c.policy.Check(r)
		if (err == nil) != c.ok || err != nil && status(err) != 403 {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestCheckOrigin(t *testing.T) {
	for s, ok := range map[string]bool{
		"*": true, "null": true, "https://a.example": true, "https://a.example:8443": true,
		"https://*.a.example": true, "https://*.a.example:1": true, "app://game": true,
		"HTTP://[::1]:3000": true,
		"**":                false, "https://*": false, "https://*.": false,
		"https://a.*.example": false,
		"https://*a.example":  false, "https://*.*.example": false, "*.a.example": false,
		"*://a.example": false, "https://a.example:*": false, "https://a.example/": false,
		"https://a.example/x": false, "a.example": false, "": false, "NULL": false,
		"https://u@a.example": false, "https://": false,
		"http://a:65535": true, "http://a:65536": false, "http://a:0": false, "http://a:080": false,
		"http://[::1": false, "http://[::1]x": false, "http://[]": false, "http://[::g]": false,
		"http://[0:0::1]": false, "http://[::ffff:7f00:1]": true, "http://[127.0.0.1]": false,
		"http://[fe80::1%25eth0]": false, "http://a%": false, "https://.": false,
		"https://*..a": false, "https://a..b": false, "https://a.example.": true,
	} {
		err := CheckOrigin(s)
		if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "write scheme://") {
			t.Errorf("%q: %v", s, err)
		}
	}
	for s, ok := range map[string]bool{
		"a.example": true, "a.example:80": true, "*.a.example": true, "[::1]:80": true,
		"10.0.0.1": true,
		"*":        false, "*.": false, "a.*": false, "https://a.example": false,
		"a.example/": false,
		"":           false, "::1": false, "a:b": false,
		"A.Example": true, "a.": true, "[::1": false, "[::1]x": false, "a:65536": false,
		"a:0": false, "a:080": false, "*..a": false, ".": false, "*.a:80": true,
	} {
		if err := CheckHost(s); (err == nil) != ok {
			t.Errorf("host %q: %v", s, err)
		}
	}
}

// Under which names a server may be reached: the list, or on a loopback address what can only be
// this machine, because a page's own name may lead there as well (DNS rebinding).
func TestHosts(t *testing.T) {
	list := &OriginPolicy{Hosts: []string{"a.example", "b.example:81", "*.c.example"}}
	local, listedLocal := &OriginPolicy{Loopback: true}, &OriginPolicy{Loopback: true,
		Hosts: []string{"a.example"}}
	for _, c := range []struct {
		policy       *OriginPolicy
		origin, host string // origin "-" means absent
		forwarded    string
		cause        Cause
	}{
		{list, "-", "a.example", "", Causes},
		{list, "-", "A.example:8080", "", Causes},
		{list, "-", "a.example.", "", Causes},
		{&OriginPolicy{Hosts: []string{"A.example."}}, "-", "a.example", "", Causes},
		{list, "http://a.example", "a.example", "", Causes},
		{list, "-", "b.example:81", "", Causes},
		{list, "-", "b.example", "", CauseHost},
		{list, "-", "x.c.example:1", "", Causes},
		{list, "-", "c.example", "", CauseHost},
		{list, "http://evil.example", "evil.example", "", CauseHost},
		{list, "-", "localhost", "", CauseHost},
		{list, "http://evil.example", "a.example", "", CauseOrigin},
		{local, "http://evil.example:3000", "evil.example:3000", "", CauseHost},
		{local, "http://localhost.evil.example", "localhost.evil.example", "", CauseHost},
		{local, "http://127.0.0.1.evil.example", "127.0.0.1.evil.example", "", CauseHost},
		{local, "http://localhost:3000", "localhost:3000", "", Causes},
		{local, "http://app.localhost", "app.localhost", "", Causes},
		{local, "http://localhost.", "localhost.", "", Causes},
		{local, "http://127.0.0.1:3000", "127.0.0.1:3000", "", Causes},
		{local, "http://127.9.9.9", "127.9.9.9", "", Causes},
		{local, "http://[::1]:3000", "[::1]:3000", "", Causes},
		{local, "http://0.0.0.0:3000", "0.0.0.0:3000", "", CauseHost},
		{local, "http://192.168.0.1", "192.168.0.1", "", CauseHost},
		{local, "http://evil.example", "localhost", "", CauseOrigin},
		{local, "-", "evil.example", "", Causes},                     // no page
		{local, "https://a.example", "a.example", "1.2.3.4", Causes}, // a proxy passed it on
		{listedLocal, "http://a.example", "a.example", "", Causes},
		{listedLocal, "http://localhost", "localhost", "", CauseHost},
		{nil, "http://evil.example", "evil.example", "", Causes}, // not on loopback
		{&OriginPolicy{Loopback: true, Allowed: []string{"https://a.example"}}, "https://a.example",
			"a.example", "", Causes},
	} {
		r := &Request{Host: []byte(c.host)}
		if c.origin != "-" {
			r.Origin = []byte(c.origin)
		}
		if c.forwarded != "" {
			r.ForwardedFor = []byte(c.forwarded)
		}
		err, cause := c.policy.Check(r), Causes
		var e *HandshakeError
		if errors.As(err, &e) {
			cause = e.Cause
		}
		if cause != c.cause || e != nil && e.Status != 403 {
			t.Errorf("origin %s, host %s: %v", c.origin, c.host, err)
		}
	}
}
