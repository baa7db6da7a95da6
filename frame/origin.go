package frame

import (
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// OriginPolicy decides which Origin headers may connect (RFC 6455 section 10.2). Browsers send the
// header and scripts cannot change it, but other clients can omit or forge it. The policy therefore
// protects the users of browsers and does not replace authentication. Do not change a policy that
// is in use.
type OriginPolicy struct {
	AllowAll bool // any origin
	// Allowed holds what CheckOrigin accepts, apart from "*": scheme://host[:port], where the host
	// may begin with "*." for all its subdomains, or "null". nil means same origin only.
	Allowed       []string
	RequireOrigin bool // refuse requests without Origin, which do not come from browsers
	Secure        bool // the server itself speaks TLS, so its own origin is https
	// Hosts holds what CheckHost accepts: the values of Host under which the server may be reached,
	// from browsers and others. nil means any, see Loopback.
	Hosts []string
	// Loopback says that the server listens on a loopback address. Then a page of the same origin
	// passes only under a loopback name, unless Hosts says otherwise, because any page can make
	// its own name resolve to 127.0.0.1 (DNS rebinding). A request that a proxy has passed on, as
	// X-Forwarded-For or Forwarded tells, is not a page's own: no page can set those.
	Loopback bool
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
// case, and a missing port means the default of the scheme. The origin "null" passes if it is
// listed or with AllowAll.
func (p *OriginPolicy) Check(r *Request) error {
	if p == nil {
		p = &OriginPolicy{}
	}
	if len(p.Hosts) > 0 && !listsHost(p.Hosts, string(r.Host)) {
		return errHost
	}
	if r.Origin == nil {
		if p.RequireOrigin {
			return &HandshakeError{Status: 403, Cause: CauseOrigin,
				Reason: "an Origin header is needed"}
		}
		return nil
	}
	if p.AllowAll {
		return nil
	}
	o, ok := parseOrigin(string(r.Origin))
	if !ok {
		if string(r.Origin) == "null" && slices.Contains(p.Allowed, "null") {
			return nil
		}
		return errOrigin
	}
	if p.Allowed == nil && (!p.Secure || o.scheme == "https") {
		// Behind a proxy that terminates TLS only the origin knows the scheme. A Host without a
		// port therefore gets the default port of the origin's scheme.
		host, port, ok := splitPort(string(r.Host))
		if port == "" {
			port = defaultPort(o.scheme)
		}
		if ok && port == o.port && o.port != "" && strings.EqualFold(host, o.host) {
			if p.Loopback && len(p.Hosts) == 0 && r.ForwardedFor == nil && r.Forwarded == nil &&
				!isLoopbackName(o.host) {
				return errHost
			}
			return nil
		}
	}
	for _, allowed := range p.Allowed {
		if a, ok := parseOrigin(allowed); ok && a.matches(o) {
			return nil
		}
	}
	return errOrigin
}

// The refusals name the option that would let the request pass.
var (
	errOrigin = &HandshakeError{Status: 403, Cause: CauseOrigin, Reason: "this page's origin is " +
		"not allowed: the server's allowedOrigins must list it"}
	errHost = &HandshakeError{Status: 403, Cause: CauseHost, Reason: "this Host is not allowed: " +
		"the server's allowedHosts must list it"}
)

// CheckOrigin reports why s is no entry of a list of origins as users write it, or nil.
func CheckOrigin(s string) error {
	if s == "*" || s == "null" {
		return nil
	}
	o, ok := parseOrigin(s)
	scheme := strings.Trim(o.scheme, "abcdefghijklmnopqrstuvwxyz0123456789+-.")
	if ok && scheme == "" && canMatch(o.host, o.port) {
		return nil
	}
	return errors.New(strconv.Quote(s) + " is no origin: write scheme://host[:port] and nothing " +
		"more, scheme://*.host for all subdomains of a host, null, or *")
}

// CheckHost reports why s is no entry of OriginPolicy.Hosts, or nil.
func CheckHost(s string) error {
	host, port, ok := splitPort(strings.ToLower(s))
	if ok && validHost([]byte(host)) && canMatch(host, port) {
		return nil
	}
	return errors.New(strconv.Quote(s) + " is no host: write host or host:port as in a browser's " +
		"address bar, or *.host for all its subdomains")
}

// canMatch reports whether a browser can send host and port, in lower case, as they are. host may
// begin with "*.". Browsers write IPv6 addresses and ports in their shortest form.
func canMatch(host, port string) bool {
	if n, err := strconv.ParseUint(port, 10, 16); port != "" &&
		(err != nil || n == 0 || strconv.FormatUint(n, 10) != port) {
		return false
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		a, err := netip.ParseAddr(inner)
		return ok && err == nil && a.Is6() && a.Zone() == "" &&
			(a.String() == inner || a.Is4In6())
	}
	name := strings.TrimSuffix(strings.TrimPrefix(host, "*."), ".")
	return name != "" && !strings.ContainsAny(name, "*%[]") && !strings.HasPrefix(name, ".") &&
		!strings.Contains(name, "..")
}

// matches reports whether o is the origin that a allows, or one of its subdomains.
func (a origin) matches(o origin) bool {
	return a.scheme == o.scheme && a.port == o.port && coversHost(a.host, o.host)
}

// coversHost reports whether host is the one of the pattern, or below it if that begins with "*.".
// Both are in lower case.
func coversHost(pattern, host string) bool {
	if parent, ok := strings.CutPrefix(pattern, "*."); ok {
		below, ok := strings.CutSuffix(host, "."+parent)
		return ok && below != ""
	}
	return pattern == host
}

// listsHost reports whether a list of CheckHost's form contains the value of a Host. An entry
// without a port means all ports.
func listsHost(list []string, value string) bool {
	host, port, ok := splitPort(strings.ToLower(value))
	if !ok {
		return false
	}
	for _, entry := range list {
		h, p, _ := splitPort(strings.ToLower(entry))
		h, host := strings.TrimSuffix(h, "."), strings.TrimSuffix(host, ".")
		if coversHost(h, host) && (p == "" || p == port) {
			return true
		}
	}
	return false
}

// isLoopbackName reports whether a host in lower case can only be this machine (RFC 6761 section
// 6.3).
func isLoopbackName(host string) bool {
	host = strings.TrimSuffix(host, ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && a.Unmap().IsLoopback()
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
