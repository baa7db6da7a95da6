package client

import (
	"net/url"
	"strings"
)

// target is a server's address, in the forms that a connection needs.
type target struct {
	url     string
	secure  bool   // wss
	host    string // for the Host header, as it was written
	name    string // the host alone, for TLS
	addr    string // host:port
	path    string // escaped; "/" without one
	query   string // with its question mark, or ""
	request string // path and query
}

// parseTarget reads a ws:// or wss:// URL.
func parseTarget(raw string) (*target, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, &OptionError{
			"URL",
			"it cannot be read: use ws://host:port/namespace or wss://…",
		}
	case u.Scheme != "ws" && u.Scheme != "wss":
		return nil, &OptionError{
			"URL",
			"the scheme must be ws or wss: use ws://host:port/namespace or wss://…",
		}
	case u.Hostname() == "" || strings.ContainsFunc(u.Host, notPrintableASCII):
		return nil, &OptionError{
			"URL",
			"it needs a host in ASCII: write international names in their xn-- form",
		}
	case u.User != nil:
		return nil, &OptionError{
			"URL",
			"credentials do not belong into a URL, which ends up in logs: use Options.APIKey",
		}
	case u.Fragment != "":
		return nil, &OptionError{
			"URL",
			"a WebSocket URL has no fragment (RFC 6455 section 3): remove what follows #",
		}
	}
	t := &target{
		url:     raw,
		secure:  u.Scheme == "wss",
		host:    u.Host,
		name:    u.Hostname(),
		request: u.RequestURI(),
	}
	var query string
	if t.path, query, _ = strings.Cut(t.request, "?"); u.RawQuery != "" {
		t.query = "?" + query
	}
	usual := "80"
	if t.secure {
		usual = "443"
	}
	t.addr = hostPort(t.name, u.Port(), usual)
	return t, nil
}

// beside returns t, as another address of the service at home: without a path it has home's, and
// home's query, if it has none of its own.
func (t *target) beside(home *target) *target {
	if t.path != "/" {
		return t
	}
	at := *t
	if at.path = home.path; !strings.Contains(t.request, "?") {
		at.query = home.query
	}
	if at.request = at.path + at.query; at.request == t.request {
		return t
	}
	at.url = "ws://" + at.host + at.request
	if at.secure {
		at.url = "wss" + at.url[len("ws"):]
	}
	return &at
}

// hostPort joins a host and a port, or the usual one if port is empty. It is here
// because the browser build has no package net.
func hostPort(host, port, usual string) string {
	if port == "" {
		port = usual
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host + ":" + port
}

func notPrintableASCII(r rune) bool { return r <= ' ' || r >= 0x7f }

// shown returns the URL for the log, without the query, because that may hold secrets.
func (t *target) shown() string {
	shown, _, _ := strings.Cut(t.url, "?")
	return shown
}

// cleanPath adds the leading slash and removes trailing ones.
func cleanPath(p string) string { return "/" + strings.Trim(p, "/") }
