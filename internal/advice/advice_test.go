package advice

import (
	"bytes"
	"log/slog"
	"math"
	"strings"
	"testing"
)

// quiet is a setup about which nothing is said.
var quiet = Setup{
	Host: "0.0.0.0", AllowedOrigins: []string{"https://example.org"}, MaxConnections: 1,
	CompressionThreshold: 1024, CompressionLevel: 6, TLS: true, Authenticates: true,
}

func TestAdvice(t *testing.T) {
	const anybody, bare = "anybody who reaches this address", "neither encrypted nor protected"
	for what, c := range map[string]struct {
		change func(*Setup)
		want   []string // parts of the lines
	}{
		"nothing": {func(*Setup) {}, nil},
		"any origin": {
			func(s *Setup) {
				s.AllowedOrigins =
					[]string{"a", "*"}
			}, []string{"allowedOrigins is *"},
		},
		"high level": {
			func(s *Setup) { s.CompressionLevel = 7 }, []string{"compressionLevel costs"},
		},
		"no deflate": {func(s *Setup) { s.CompressionLevel, s.CompressionThreshold = 9, -1 }, nil},
		"CBC":        {func(s *Setup) { s.Encrypts, s.CBC = true, true }, []string{"aes-256-cbc"}},
		"GCM": {
			func(s *Setup) { s.Encrypts, s.TLS, s.Authenticates = true, false, false }, nil,
		},
		"open":  {func(s *Setup) { s.Authenticates = false }, []string{anybody}},
		"plain": {func(s *Setup) { s.TLS = false }, []string{bare}},
		"both": {
			func(s *Setup) { s.TLS, s.Authenticates = false, false }, []string{anybody, bare},
		},
		"IPv6":        {func(s *Setup) { s.Host, s.TLS = "[2001:db8::1]", false }, []string{bare}},
		"localhost":   {local("localhost"), nil},
		"loopback":    {local("127.0.0.2"), nil},
		"loopback 6":  {local("[::1]"), nil},
		"Unix socket": {local("unix:/run/s.sock"), nil},
		"descriptors": {
			func(s *Setup) { s.MaxConnections = math.MaxInt }, []string{"descriptor limit"},
		},
	} {
		s := quiet
		c.change(&s)
		var out bytes.Buffer
		s.Log(slog.New(slog.NewTextHandler(&out, nil)))
		if got := strings.Count(out.String(), "\n"); got != len(c.want) {
			if what != "descriptors" || got != 0 { // the limit may be as high as a number can be
				t.Errorf("%s: %d lines, want %d:\n%s", what, got, len(c.want), out.String())
			}
			continue
		}
		for _, part := range c.want {
			if !strings.Contains(out.String(), part) {
				t.Errorf("%s: nothing about %q in\n%s", what, part, out.String())
			}
		}
	}
}

// local makes a setup bare that only this machine can reach.
func local(host string) func(*Setup) {
	return func(s *Setup) { s.Host, s.TLS, s.Authenticates = host, false, false }
}
