package smartsocket

import (
	"net"
	"slices"
	"strings"
	"syscall"

	"github.com/smartsocket/smartsocket/crypto"
)

// warnOptions logs, at the start, which options are legal and seldom meant.
func (v *Server) warnOptions() {
	o := v.current()
	if slices.Contains(o.AllowedOrigins, "*") {
		v.log.Warn("allowedOrigins is *: any web page may connect in its visitors' name; " +
			"list your pages")
	}
	if o.CompressionThreshold >= 0 && o.CompressionLevel >= 7 {
		v.log.Warn("compressionLevel costs much time for few bytes: 6 and below are cheaper",
			"compressionLevel", o.CompressionLevel)
	}
	if o.keys != nil && o.keys.Algorithm() == crypto.AES256CBC {
		v.log.Info("messages are encrypted with aes-256-cbc; aes-256-gcm is several times faster")
	}
}

// warnExposed logs what is missing on a server that, by Options.Host, other machines can reach.
func (v *Server) warnExposed() {
	o := v.current()
	if strings.HasPrefix(o.Host, "unix:") {
		return // the rights of the file decide
	}
	if ip := net.ParseIP(strings.Trim(o.Host, "[]")); o.Host == "localhost" || ip != nil && ip.IsLoopback() {
		return
	}
	if !o.needsAuth() && !o.RequireAuth && o.keys == nil {
		v.log.Warn("anybody who reaches this address may connect: "+
			"set apiKeys, requireAuth or an Authenticate hook", "host", o.Host)
	}
	if o.TLSConfig == nil && o.keys == nil {
		v.log.Warn("connections are neither encrypted nor protected by TLS: "+
			"set tlsCert and tlsKey, or end TLS in front", "host", o.Host)
	}
}

// checkDescriptors logs a warning when MaxConnections needs more descriptors than are allowed.
func (v *Server) checkDescriptors() {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) != nil {
		return
	}
	if need := uint64(v.current().MaxConnections) + 64; uint64(l.Cur) < need {
		v.log.Warn("the descriptor limit is below maxConnections: "+
			"raise it (ulimit -n, LimitNOFILE=) or lower maxConnections",
			"limit", uint64(l.Cur), "needed", need)
	}
}
