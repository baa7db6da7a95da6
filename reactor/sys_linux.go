package reactor

import (
	"encoding/binary"
	"syscall"
	"time"
	"unsafe"
)

const (
	tcpUserTimeout      = 0x12             // TCP_USER_TIMEOUT, tcp(7)
	ipBindAddressNoPort = 0x18             // IP_BIND_ADDRESS_NO_PORT, ip(7)
	siocOutQ            = syscall.TIOCOUTQ // SIOCOUTQ, tcp(7)

	// rawMaxBytes is the largest write made without telling the scheduler. Non-blocking reads and
	// short writes take a few µs. The bookkeeping that would let another goroutine use the
	// processor meanwhile takes longer.
	rawMaxBytes = 17 << 10
	// eofWithData says whether a hang-up is reported together with the data. It is false here: the
	// hang-up is reported separately, so a read that does not fill the buffer is known to have
	// taken everything.
	eofWithData = false
)

func sysRead(fd int32, p []byte) (int, syscall.Errno) {
	for {
		n, _, e := syscall.RawSyscall(syscall.SYS_READ, uintptr(fd),
			uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
		if e != syscall.EINTR {
			return int(n), e
		}
	}
}

func sysWrite(fd int32, p []byte) (n int, e syscall.Errno) {
	var r uintptr
	for {
		if len(p) <= rawMaxBytes {
			r, _, e = syscall.RawSyscall(syscall.SYS_WRITE, uintptr(fd),
				uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
		} else {
			r, _, e = syscall.Syscall(syscall.SYS_WRITE, uintptr(fd),
				uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
		}
		if e != syscall.EINTR {
			return int(r), e
		}
	}
}

// sysWritev writes the vectors. bytes is their total length.
func sysWritev(fd int32, v []syscall.Iovec, bytes int) (n int, e syscall.Errno) {
	var r uintptr
	for {
		if bytes <= rawMaxBytes {
			r, _, e = syscall.RawSyscall(syscall.SYS_WRITEV, uintptr(fd),
				uintptr(unsafe.Pointer(unsafe.SliceData(v))), uintptr(len(v)))
		} else {
			r, _, e = syscall.Syscall(syscall.SYS_WRITEV, uintptr(fd),
				uintptr(unsafe.Pointer(unsafe.SliceData(v))), uintptr(len(v)))
		}
		if e != syscall.EINTR {
			return int(r), e
		}
	}
}

// sysAccept returns a non-blocking descriptor that child processes do not inherit.
func sysAccept(fd int) (int, syscall.Errno) {
	n, _, e := syscall.RawSyscall6(syscall.SYS_ACCEPT4, uintptr(fd), 0, 0,
		syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0, 0)
	return int(n), e
}

func sysSocket(family int) (int, error) {
	return syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC,
		syscall.IPPROTO_TCP)
}

// wakeup is an eventfd to which a posted task writes so that the poller returns.
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

// setUserTimeout makes the kernel give up on a peer that has acknowledged nothing for ms
// milliseconds.
func setUserTimeout(fd, ms int) {
	_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, tcpUserTimeout, ms)
}

// setLatePort lets connect choose the port of a bound address, which then must be unique only per
// destination.
func setLatePort(fd int) {
	_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_IP, ipBindAddressNoPort, 1)
}

// setAccepted does nothing, because accepted sockets inherit the options of their listener here.
func setAccepted(int, *Options) {}

// sendQueue returns how many bytes the kernel holds that the peer has not acknowledged.
func sendQueue(fd int32) uint32 {
	var n int32
	_, _, e := syscall.RawSyscall(syscall.SYS_IOCTL, uintptr(fd), siocOutQ,
		uintptr(unsafe.Pointer(&n)))
	if e != 0 {
		return 0
	}
	return uint32(n)
}

// sinceLastAck returns how long ago the last acknowledgement came, if that is known.
func sinceLastAck(fd int32) (time.Duration, bool) {
	const lastAckRecv = 56 // offset of tcpi_last_ack_recv in struct tcp_info, linux/tcp.h
	var info [lastAckRecv + 4]byte
	n := uint32(len(info))
	_, _, e := syscall.RawSyscall6(syscall.SYS_GETSOCKOPT, uintptr(fd), syscall.IPPROTO_TCP,
		syscall.TCP_INFO, uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&n)), 0)
	if e != 0 || int(n) < len(info) {
		return 0, false
	}
	ms := binary.NativeEndian.Uint32(info[lastAckRecv:])
	return time.Duration(ms) * time.Millisecond, true
}
