//go:build unix

package smartsocket

import "syscall"

// checkDescriptors warns when the process may not open as many descriptors as MaxConnections needs.
func (v *Server) checkDescriptors() {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) != nil {
		return
	}
	if need := uint64(v.current().MaxConnections) + 64; uint64(l.Cur) < need {
		v.log.Warn("the descriptor limit is below maxConnections: raise it (ulimit -n, LimitNOFILE=) or lower maxConnections",
			"limit", uint64(l.Cur), "needed", need)
	}
}
