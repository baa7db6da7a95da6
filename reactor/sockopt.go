//go:build linux || darwin

package reactor

import "syscall"

// userTimeoutMillis is how long sent bytes may stay unacknowledged, in milliseconds.
const userTimeoutMillis = 30_000

// setStream sets the options that every connection has. On Linux connections inherit them from
// their listener, which saves three system calls per accept. An error means a socket of another
// family, which works without them.
func setStream(fd int, o *Options) {
	_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	setUserTimeout(fd, userTimeoutMillis)
	if o.SendBuffer > 0 {
		_ = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_SNDBUF, o.SendBuffer)
	}
}

// setReset makes the coming close discard unsent bytes and send a RST.
func setReset(fd int) {
	_ = syscall.SetsockoptLinger(fd, syscall.SOL_SOCKET, syscall.SO_LINGER,
		&syscall.Linger{Onoff: 1, Linger: 0})
}

// socketError reads and clears SO_ERROR.
func socketError(fd int) syscall.Errno {
	e, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ERROR)
	if err != nil {
		if e, ok := err.(syscall.Errno); ok {
			return e
		}
		return syscall.EIO
	}
	return syscall.Errno(e)
}
