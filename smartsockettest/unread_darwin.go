package smartsockettest

import "syscall"

// unread is how many bytes of those that were written to fd its peer has not read.
func unread(fd uintptr) int {
	const soNWrite = 0x1024 // SO_NWRITE, sys/socket.h
	n, err := syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, soNWrite)
	if err != nil {
		return 0
	}
	return n
}
