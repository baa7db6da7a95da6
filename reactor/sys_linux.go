package reactor

import (
	"syscall"
	"unsafe"
)

const (
	tcpUserTimeout      = 0x12 // TCP_USER_TIMEOUT, tcp(7)
	ipBindAddressNoPort = 0x18 // IP_BIND_ADDRESS_NO_PORT, ip(7)

	// rawMaxBytes is the largest write made without telling the scheduler.
	// Non-blocking reads and short writes last a few µs, less than the
	// bookkeeping that would let another goroutine use the processor meanwhile.
	rawMaxBytes = 17 << 10
	// eofWithData says whether a hang-up is reported apart from the data, so that
	// one read that did not fill the buffer is known to have taken everything.
	eofWithData = false
)

func sysRead(fd int32, p []byte) (int, syscall.Errno) {
	for {
		n, _, e := syscall.RawSyscall(syscall.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
		if e != syscall.EINTR {
			return int(n), e
		}
	}
}

func sysWrite(fd int32, p []byte) (n int, e syscall.Errno) {
	var r uintptr
	for {
		if len(p) <= rawMaxBytes {
			r, _, e = syscall.RawSyscall(syscall.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
		} else {
			r, _, e = syscall.Syscall(syscall.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
		}
		if e != syscall.EINTR {
			return int(r), e
		}
	}
}

// sysWritev writes the vectors, bytes long together.
func sysWritev(fd int32, v []syscall.Iovec, bytes int) (n int, e syscall.Errno) {
	var r uintptr
	for {
		if bytes <= rawMaxBytes {
			r, _, e = syscall.RawSyscall(syscall.SYS_WRITEV, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(v))), uintptr(len(v)))
		} else {
			r, _, e = syscall.Syscall(syscall.SYS_WRITEV, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(v))), uintptr(len(v)))
		}
		if e != syscall.EINTR {
			return int(r), e
		}
	}
}

// sysAccept returns a non-blocking descriptor that a child process does not inherit.
func sysAccept(fd int) (int, syscall.Errno) {
	n, _, e := syscall.RawSyscall6(syscall.SYS_ACCEPT4, uintptr(fd), 0, 0, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0, 0)
	return int(n), e
}

func sysSocket(family int) (int, error) {
	return syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, syscall.IPPROTO_TCP)
}

// wakeup is what a posted task writes to so that the poller returns: an eventfd.
type wakeup struct{ r, w int }

func newWakeup() (wakeup, error) {
	fd, _, e := syscall.RawSyscall(syscall.SYS_EVENTFD2, 0, syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if e != 0 {
		return wakeup{}, e
	}
	return wakeup{r: int(fd), w: int(fd)}, nil
}

func (w wakeup) signal() {
	one := uint64(1)
	syscall.RawSyscall(syscall.SYS_WRITE, uintptr(w.w), uintptr(unsafe.Pointer(&one)), 8)
}

func (w wakeup) clear() {
	var n uint64
	syscall.RawSyscall(syscall.SYS_READ, uintptr(w.r), uintptr(unsafe.Pointer(&n)), 8)
}

func (w wakeup) close() { syscall.Close(w.r) }

// setUserTimeout makes the kernel give up on a peer that acknowledges nothing for ms.
func setUserTimeout(fd, ms int) {
	_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, tcpUserTimeout, ms)
}

// setLatePort lets connect choose the port of a bound address, which then has to
// be unique per destination only.
func setLatePort(fd int) {
	_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_IP, ipBindAddressNoPort, 1)
}

// accepted sockets inherit their listener's options here.
func setAccepted(int, *Options) {}
