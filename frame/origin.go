package frame

import (
	"slices"
	"strings"
)

// OriginPolicy decides which Origin headers may connect (RFC 6455 section 10.2). Browsers send the
// header and scripts cannot change it, but other clients can omit or forge it. The policy therefore
// protects the users of browsers and does not replace authentication. Do not change a policy that
// is in use.
type OriginPolicy struct {
	AllowAll      bool     // any origin
	Allowed       []string // exact scheme://host[:port] in lower case; nil means same origin only
	RequireOrigin bool     // refuse requests without Origin, which do not come from browsers
	Secure        bool     // the server itself speaks TLS, so its own origin is https
}

// AllowOrigins returns the policy for a list as users write it. "*" in the list allows any origin;
// an empty list means the same origin only. It borrows the list.
func AllowOrigins(list []string) *OriginPolicy {
	switch {
	case len(list) == 0:
		return &OriginPolicy{} // an empty Allowed that is not nil would allow nobody
	case slices.Contains(list, "*"):
		return &OriginPolicy{AllowAll: true}
	}
	return &OriginPolicy{Allowed: list}
}

// Check applies the policy to a request and returns nil or a *HandshakeError with status 403. A nil
// policy allows the same origin and requests without Origin. Scheme and host are compared ignoring
// case, and a missing port means the default of the scheme. The origin "null" passes only with
// AllowAll.
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
		// Behind a proxy that terminates TLS only the origin knows the scheme. A Host without a
		// port therefore gets the default port of the origin's scheme.
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

// origin is a parsed Origin in lower case.
type origin struct{ scheme, host, port string }

// parseOrigin splits scheme://host[:port]. Anything longer is not an origin (RFC 6454 section 6.2).
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

// splitPort splits host[:port]. An IPv6 host keeps its brackets.
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

// defaultPort returns "" for schemes without a default port. Those never match the origin of a
// server.
func defaultPort(scheme string) string {
	switch scheme {
	case "http", "ws":
		return "80"
	case "https", "wss":
		return "443"
	}
	return ""
}
