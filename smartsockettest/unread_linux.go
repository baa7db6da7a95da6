package smartsockettest

import (
	"syscall"
	"unsafe"
)

// unread is how many bytes of those that were written to fd its peer has not read.
func unread(fd uintptr) int {
	var n int32
	_, _, e := syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCOUTQ, uintptr(unsafe.Pointer(&n)))
	if e != 0 {
		return 0
	}
	return int(n)
}
