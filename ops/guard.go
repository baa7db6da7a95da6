package ops

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/smartsocket/smartsocket/reactor"
)

// Listen binds addr, host:port or unix:/path, for a server of Handler. Without a token it refuses
// an address that other machines reach. The file of a Unix socket is for its owner alone, and that
// of one that nobody listens on any more is replaced.
func Listen(addr, token string) (net.Listener, error) {
	if err := CheckAddr(addr, token); err != nil {
		return nil, err
	}
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		l, err := reactor.BindUnix(path)
		if err != nil {
			return nil, err
		}
		if err := os.Chmod(path, 0o600); err != nil {
			l.Close()
			return nil, err
		}
		return l, nil
	}
	return net.Listen("tcp", addr)
}

// CheckAddr returns what Listen would refuse before it binds: an address that cannot be read, one
// that other machines reach without a token, or a token that can be guessed.
func CheckAddr(addr, token string) error {
	if token != "" && len(token) < MinToken {
		return fmt.Errorf("ops: the token has fewer than %d bytes and can be guessed: use a "+
			"random one, as of: openssl rand -hex 32", MinToken)
	}
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		if path == "" {
			return fmt.Errorf("ops: %q names no file: write unix:/run/smartsocket/ops.sock", addr)
		}
		return nil
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("ops: %q is no address: write host:port, as in 127.0.0.1:9090, or "+
			"unix:/path", addr)
	}
	if token == "" && !isLoopback(host) {
		return fmt.Errorf("ops: other machines reach %q, and whoever does may disconnect "+
			"everybody: give a token, or use 127.0.0.1 or unix:/path", addr)
	}
	return nil
}

// isLoopback reports whether a host, with brackets or without, is this machine.
func isLoopback(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// guard lets a request through, or says why not. Pages of other sites change nothing, whoever has
// opened them, because a browser says where a request comes from. They read nothing either: with a
// token they do not know it, and without one the name that they were loaded from is none of this
// machine's, however it resolves.
func (h *handler) guard(w http.ResponseWriter, r *http.Request) error {
	if err := h.cross.Check(r); err != nil {
		h.refused(r, "a page of another site")
		return problem(http.StatusForbidden, codeForbidden,
			"this request comes from a page of another site: use the page of this address")
	}
	if embedded(r) {
		h.refused(r, "embedded in a page of another site")
		return problem(http.StatusForbidden, codeForbidden,
			"a page of another site embeds this: open it by itself")
	}
	if h.Token != "" {
		if h.page != nil && isPage(r) {
			return nil
		}
		if !h.presents(r) {
			if !wonders(r) {
				h.refused(r, "no token, or a wrong one")
			}
			w.Header().Set("WWW-Authenticate", `Bearer realm="smartsocket operations"`)
			return problem(http.StatusUnauthorized, codeForbidden,
				"present the token (opsToken), as in Authorization: Bearer …")
		}
		return nil
	}
	if why := h.strange(r); why != "" {
		h.refused(r, why)
		return problem(http.StatusForbidden, codeForbidden, "without a token (opsToken) only "+
			"this machine is answered, under a name of its own: "+why)
	}
	return nil
}

// embedded reports whether a page of another site asks, other than by a link that somebody follows.
// It could not read the answer, but take the places of those who tail, or record profiles.
func embedded(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		return r.Header.Get("Sec-Fetch-Dest") != "document"
	}
	return false
}

// isPage reports whether r asks for a file of the page, which has no secrets.
func isPage(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	p := r.URL.Path
	for _, known := range []string{"/api", "/metrics", "/stats", "/debug"} {
		if p == known || strings.HasPrefix(p, known+"/") {
			return false
		}
	}
	return true
}

// wonders reports whether r is how the page finds out that there is a token to ask for. That is
// nothing to warn of.
func wonders(r *http.Request) bool {
	return r.Method == http.MethodGet && r.URL.Path == "/api/info" &&
		r.Header.Get("Authorization") == ""
}

// presents reports whether r has the token. How long that takes says nothing of the token.
func (h *handler) presents(r *http.Request) bool {
	given := ""
	if kind, rest, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok &&
		strings.EqualFold(kind, "bearer") {
		given = strings.TrimSpace(rest)
	} else if _, password, ok := r.BasicAuth(); ok {
		given = password
	}
	sum := sha256.Sum256([]byte(given))
	return subtle.ConstantTimeCompare(sum[:], h.token[:]) == 1
}

// traces are what proxies add to a request.
var traces = []string{"X-Forwarded-For", "Forwarded", "X-Real-IP", "Via", "X-Forwarded-Host",
	"X-Forwarded-Proto"}

// strange says why r does not come from this machine, "" if it does.
func (h *handler) strange(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	local := err != nil || peer.Addr().Unmap().IsLoopback() // others are of a Unix socket
	switch {
	case !local:
		return "the peer is " + r.RemoteAddr
	case slices.ContainsFunc(traces, func(name string) bool { return r.Header.Get(name) != "" }):
		return "a proxy has forwarded it"
	case !r.ProtoAtLeast(1, 1):
		return "it is HTTP/1.0, by which nginx forwards what it is not told otherwise"
	case err != nil: // no page gets to a Unix socket
		return ""
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if isLoopback(host) || slices.Contains(h.Hosts, r.Host) || slices.Contains(h.Hosts, host) {
		return ""
	}
	return fmt.Sprintf("the name %q is none of it", r.Host)
}

// who is how the log names who asks.
func (h *handler) who(r *http.Request) string {
	if user, _, ok := r.BasicAuth(); ok && user != "" {
		return user
	}
	if h.Token != "" {
		return "token"
	}
	return "local"
}

// refused logs that a request was not answered, at most every 10 s.
func (h *handler) refused(r *http.Request, why string) {
	h.mu.Lock()
	h.unwarned++
	n, now := h.unwarned, time.Now()
	due := now.Sub(h.warned) >= 10*time.Second
	if due {
		h.warned, h.unwarned = now, 0
	}
	h.mu.Unlock()
	if due {
		h.Logger.Warn("operations: requests are refused", "count", n, "why", why, "from",
			r.RemoteAddr, "host", r.Host, "origin", r.Header.Get("Origin"), "path", r.URL.Path)
	}
}
