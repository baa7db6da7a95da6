package frame

import (
	"slices"
	"strings"
)

// OriginPolicy decides which Origin headers may connect (RFC 6455 section 10.2).
// Browsers send the header and scripts cannot change it; other clients may leave
// it out or forge it, so it protects users of browsers and replaces no
// authentication. Read only once in use.
type OriginPolicy struct {
	AllowAll      bool     // any
	Allowed       []string // exact scheme://host[:port], lower case; nil = same origin only
	RequireOrigin bool     // refuse requests without Origin (non-browsers)
	Secure        bool     // the server itself speaks TLS, so that its own origin is https
}

// AllowOrigins is the policy of a list as users write it: "*" in it allows any
// origin, an empty list is the same as none. It borrows the list.
func AllowOrigins(list []string) *OriginPolicy {
	switch {
	case len(list) == 0:
		return &OriginPolicy{} // an empty Allowed would allow nobody
	case slices.Contains(list, "*"):
		return &OriginPolicy{AllowAll: true}
	}
	return &OriginPolicy{Allowed: list}
}

// Check applies the policy (nil = same origin, absent allowed) to a request:
// nil or a *HandshakeError 403. Scheme and host are compared without regard to
// case, a missing port is the scheme's default. The origin "null" passes only
// with AllowAll.
func (p *OriginPolicy) Check(r *Request) error {
	if p == nil {
		p = &OriginPolicy{}
	}
	if r.Origin == nil {
		if p.RequireOrigin {
			return &HandshakeError{Status: 403, Reason: "an Origin header is needed"}
		}
		return nil
	}
	if p.AllowAll {
		return nil
	}
	o, ok := parseOrigin(string(r.Origin))
	if !ok {
		return &HandshakeError{Status: 403, Reason: "origin not allowed"}
	}
	if p.Allowed == nil && (!p.Secure || o.scheme == "https") {
		// Behind a proxy that ends TLS only the origin knows the scheme, so a
		// Host without a port has the default one of the origin's scheme.
		host, port, ok := splitPort(string(r.Host))
		if port == "" {
			port = defaultPort(o.scheme)
		}
		if ok && port == o.port && o.port != "" && strings.EqualFold(host, o.host) {
			return nil
		}
	}
	for _, allowed := range p.Allowed {
		if a, ok := parseOrigin(allowed); ok && a == o {
			return nil
		}
	}
	return &HandshakeError{Status: 403, Reason: "origin not allowed"}
}

// origin is a parsed Origin, lower case.
type origin struct{ scheme, host, port string }

// parseOrigin splits scheme://host[:port]; anything more is no origin (RFC 6454 section 6.2).
func parseOrigin(s string) (o origin, ok bool) {
	scheme, rest, ok := strings.Cut(strings.ToLower(s), "://")
	if !ok || scheme == "" || !validHost([]byte(rest)) {
		return origin{}, false
	}
	host, port, ok := splitPort(rest)
	if port == "" {
		port = defaultPort(scheme)
	}
	return origin{scheme, host, port}, ok
}

// splitPort splits host[:port]; an IPv6 host keeps its brackets.
func splitPort(s string) (host, port string, ok bool) {
	host = s
	if i := strings.LastIndexByte(s, ':'); i >= 0 && i > strings.LastIndexByte(s, ']') {
		host, port = s[:i], s[i+1:]
		if len(port) == 0 || len(port) > 5 || strings.Trim(port, "0123456789") != "" {
			return "", "", false
		}
	}
	if host == "" || host[0] != '[' && strings.ContainsAny(host, ":[]") {
		return "", "", false
	}
	return host, port, true
}

// defaultPort is "" for schemes that have none, which are never the same origin as a server.
func defaultPort(scheme string) string {
	switch scheme {
	case "http", "ws":
		return "80"
	case "https", "wss":
		return "443"
	}
	return ""
}
