package handover

import (
	"net"
	"os"
	"syscall"
)

// ofParent reports whether our parent has made c, under our user.
func ofParent(c *net.UnixConn) (ok bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	err = raw.Control(func(fd uintptr) {
		who, err := syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
		ok = err == nil && int(who.Uid) == os.Geteuid() && int(who.Pid) == os.Getppid()
	})
	return err == nil && ok
}
