package reactor

import (
	"syscall"
	"time"
	"unsafe"
)

const (
	rawMaxBytes = 0
	// eofWithData is true because kqueue reports the end together with the last data, and netpoll
	// then detaches. Reading on until EOF or EAGAIN keeps the close on the loop.
	eofWithData   = true
	tcpRxtTimeout = 0x80   // TCP_RXT_CONNDROPTIME, tcp(4), seconds
	soNWrite      = 0x1024 // SO_NWRITE, sys/socket.h
)

func sysRead(fd int32, p []byte) (int, syscall.Errno) {
	for {
		n, err := syscall.Read(int(fd), p)
		if err != syscall.EINTR {
			return n, errno(err)
		}
	}
}

func sysWrite(fd int32, p []byte) (int, syscall.Errno) {
	for {
		n, err := syscall.Write(int(fd), p)
		if err != syscall.EINTR {
			return n, errno(err)
		}
	}
}

func sysWritev(fd int32, v []syscall.Iovec, _ int) (int, syscall.Errno) {
	for {
		n, _, e := syscall.Syscall(syscall.SYS_WRITEV, uintptr(fd),
			uintptr(unsafe.Pointer(unsafe.SliceData(v))), uintptr(len(v)))
		if e != syscall.EINTR {
			return int(n), e
		}
	}
}

func errno(err error) syscall.Errno {
	if err == nil {
		return 0
	}
	if e, ok := err.(syscall.Errno); ok {
		return e
	}
	return syscall.EIO
}

func sysAccept(fd int) (int, syscall.Errno) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	n, _, err := syscall.Accept(fd)
	if err != nil {
		return -1, errno(err)
	}
	syscall.CloseOnExec(n)
	if err := syscall.SetNonblock(n, true); err != nil {
		syscall.Close(n)
		return -1, errno(err)
	}
	return n, 0
}

func sysSocket(family int) (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM, syscall.IPPROTO_TCP)
	if err != nil {
		return -1, err
	}
	syscall.CloseOnExec(fd)
	if err := syscall.SetNonblock(fd, true); err != nil {
		syscall.Close(fd)
		return -1, err
	}
	_ = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_NOSIGPIPE, 1)
	return fd, nil
}

// wakeup is a pipe to which a posted task writes so that the poller returns.
type wakeup struct{ r, w int }

func newWakeup() (wakeup, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	var p [2]int
	if err := syscall.Pipe(p[:]); err != nil {
		return wakeup{}, err
	}
	for _, fd := range p {
		syscall.CloseOnExec(fd)
		if err := syscall.SetNonblock(fd, true); err != nil {
			return wakeup{}, err
		}
	}
	return wakeup{r: p[0], w: p[1]}, nil
}

func (w wakeup) signal() {
	one := [1]byte{1}
	_, _ = syscall.Write(w.w, one[:])
}

func (w wakeup) clear() {
	var b [64]byte
	for {
		if n, err := syscall.Read(w.r, b[:]); n < len(b) || err != nil {
			return
		}
	}
}

func (w wakeup) close() {
	syscall.Close(w.r)
	syscall.Close(w.w)
}

func setUserTimeout(fd, ms int) {
	_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, tcpRxtTimeout, ms/1000)
}

func setLatePort(int) {}

func setAccepted(fd int, o *Options) {
	setStream(fd, o)
	_ = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_NOSIGPIPE, 1)
}

// sendQueue returns how many bytes the kernel holds that the peer has not acknowledged.
func sendQueue(fd int32) uint32 {
	n, err := syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, soNWrite)
	if err != nil {
		return 0
	}
	return uint32(n)
}

// sinceLastAck returns how long ago the last acknowledgement came, if that is known.
func sinceLastAck(int32) (time.Duration, bool) { return 0, false }
