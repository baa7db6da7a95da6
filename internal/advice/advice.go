// Package advice tells the operator, once at the start, which options are legal and seldom meant,
// and what is missing on a server that other machines can reach. It has no state and no locks.
package advice

import (
	"log/slog"
	"net"
	"slices"
	"strings"
	"syscall"
)

// Setup is what advice is given about: options, and what is made of them.
type Setup struct {
	Host                                   string
	AllowedOrigins                         []string
	MaxConnections                         int
	CompressionThreshold, CompressionLevel int
	Encrypts                               bool // messages, with keys of the server
	CBC                                    bool // and that with the slower cipher
	TLS                                    bool
	Authenticates                          bool // every client, in whatever way
}

// Log writes a line to log for each piece of advice.
func (s *Setup) Log(log *slog.Logger) {
	s.descriptors(log)
	s.options(log)
	s.exposed(log)
}

// reserve is how many descriptors a server needs besides those of its connections.
const reserve = 64

// descriptors warns when MaxConnections needs more descriptors than the process may have.
func (s *Setup) descriptors(log *slog.Logger) {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) != nil {
		return
	}
	if need := uint64(s.MaxConnections) + reserve; uint64(l.Cur) < need {
		log.Warn("the descriptor limit is below maxConnections: "+
			"raise it (ulimit -n, LimitNOFILE=) or lower maxConnections",
			"limit", uint64(l.Cur), "needed", need)
	}
}

// options tells which options are legal and seldom meant.
func (s *Setup) options(log *slog.Logger) {
	if slices.Contains(s.AllowedOrigins, "*") {
		log.Warn("allowedOrigins is *: any web page may connect in its visitors' name; " +
			"list your pages")
	}
	if s.CompressionThreshold >= 0 && s.CompressionLevel >= 7 {
		log.Warn("compressionLevel costs much time for few bytes: 6 and below are cheaper",
			"compressionLevel", s.CompressionLevel)
	}
	if s.CBC {
		log.Info("messages are encrypted with aes-256-cbc; aes-256-gcm is several times faster")
	}
}

// exposed tells what is missing on a server that, by its Host, other machines can reach.
func (s *Setup) exposed(log *slog.Logger) {
	if strings.HasPrefix(s.Host, "unix:") {
		return // the rights of the file decide
	}
	ip := net.ParseIP(strings.Trim(s.Host, "[]"))
	if s.Host == "localhost" || ip != nil && ip.IsLoopback() {
		return
	}
	if !s.Authenticates && !s.Encrypts {
		log.Warn("anybody who reaches this address may connect: "+
			"set apiKeys, requireAuth or an Authenticate hook", "host", s.Host)
	}
	if !s.TLS && !s.Encrypts {
		log.Warn("connections are neither encrypted nor protected by TLS: "+
			"set tlsCert and tlsKey, or end TLS in front", "host", s.Host)
	}
}
