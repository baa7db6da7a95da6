package frame

import "testing"

func TestOriginPolicy(t *testing.T) {
	list := &OriginPolicy{Allowed: []string{"https://good.com", "http://localhost:3000",
		"app://game"}}
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
