package load

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"syscall"
	"time"
	"unsafe"

	"github.com/smartsocket/smartsocket/message"
)

// perSource is how many connections one loopback source address opens. It is less than the number
// of ephemeral ports in the kernel's default range.
const perSource = 20_000

// conn is one connection's place in the closed loop.
type conn struct {
	fd int
	// left is the number of bytes (with sessions, of acks) that the current step still waits for.
	left   int
	unsent []byte // the rest of a step's bytes, which the socket did not take
	scan   scanner
}

// dial opens one connection in blocking mode and does the handshakes. It returns the descriptor,
// which is non-blocking by then.
func dial(p *Params, addr netip.AddrPort, index int) (int, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	if err := open(fd, p, addr, index); err != nil {
		_ = syscall.Close(fd)
		return -1, err
	}
	return fd, nil
}

func open(fd int, p *Params, addr netip.AddrPort, index int) error {
	if source := index / perSource; source > 0 {
		// With IP_BIND_ADDRESS_NO_PORT the port is chosen at connect, so that it must be unique
		// only for the pair of addresses.
		const ipBindAddressNoPort = 24
		_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_IP, ipBindAddressNoPort, 1)
		local := syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, byte(1 + source)}}
		if err := syscall.Bind(fd, &local); err != nil {
			return fmt.Errorf("bind: %w", err)
		}
	}
	_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	if err := syscall.Connect(fd, &syscall.SockaddrInet4{Port: int(addr.Port()),
		Addr: addr.Addr().As4()}); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	wait := syscall.Timeval{Sec: 10}
	_ = syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &wait)
	if p.Protocol != Floor {
		if err := upgrade(fd, p); err != nil {
			return err
		}
	}
	return syscall.SetNonblock(fd, true)
}

// upgrade does the opening handshake and, with Session, also SmartSocket's own.
func upgrade(fd int, p *Params) error {
	req := "GET " + cmp.Or(p.Path, "/") + " HTTP/1.1\r\nHost: " + p.Addr +
		"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c21hcnRzb2NrZXQtbG9hZA==\r\n"
	if p.Protocol == Session {
		req += "Sec-WebSocket-Protocol: " + message.Subprotocol + "\r\n"
	}
	if _, err := syscall.Write(fd, []byte(req+"\r\n")); err != nil {
		return fmt.Errorf("upgrade: %w", err)
	}
	in := reader{fd: fd}
	for !bytes.Contains(in.buf, []byte("\r\n\r\n")) {
		if err := in.more(); err != nil {
			return fmt.Errorf("upgrade: %w", err)
		}
	}
	if !bytes.HasPrefix(in.buf, []byte("HTTP/1.1 101 ")) {
		line, _, _ := bytes.Cut(in.buf, []byte("\r\n"))
		return fmt.Errorf("upgrade: the server answered %q", line)
	}
	in.buf = in.buf[bytes.Index(in.buf, []byte("\r\n\r\n"))+4:]
	if p.Protocol != Session {
		return nil
	}
	if err := in.until(message.KindHello); err != nil {
		return fmt.Errorf("HELLO: %w", err)
	}
	c := message.AppendConnect(nil, &message.Connect{Version: message.Version,
		Random: make([]byte, message.RandomSize)})
	if _, err := syscall.Write(fd, appendClientFrame(nil, opBinary, c)); err != nil {
		return fmt.Errorf("CONNECT: %w", err)
	}
	if err := in.until(message.KindConnectAck); err != nil {
		return fmt.Errorf("CONNECT_ACK: %w", err)
	}
	if len(in.buf) > 0 {
		// Frames after it, such as a first ping, are neither read nor expected by anyone.
		return in.whole()
	}
	return nil
}

// reader reads frames during set-up.
type reader struct {
	fd  int
	buf []byte
}

func (r *reader) more() error {
	var chunk [4096]byte
	n, err := syscall.Read(r.fd, chunk[:])
	for err == syscall.EINTR {
		// With SO_RCVTIMEO the kernel does not restart a read that a signal of the runtime
		// interrupted (signal(7)).
		n, err = syscall.Read(r.fd, chunk[:])
	}
	if err != nil {
		return err
	}
	if n == 0 {
		return errors.New("the server closed the connection")
	}
	r.buf = append(r.buf, chunk[:n]...)
	return nil
}

// next returns opcode and payload of the next whole frame.
func (r *reader) next() (opcode byte, payload []byte, err error) {
	for {
		if h, n := frameHead(r.buf); h > 0 && len(r.buf) >= h+n {
			opcode, payload = r.buf[0]&0x0f, r.buf[h:h+n]
			r.buf = r.buf[h+n:]
			return opcode, payload, nil
		}
		if err := r.more(); err != nil {
			return 0, nil, err
		}
	}
}

// until skips frames up to a message of kind k.
func (r *reader) until(k message.Kind) error {
	for {
		op, p, err := r.next()
		if err != nil {
			return err
		}
		if op == 8 {
			return fmt.Errorf("the server closed with %q", p)
		}
		if op == opBinary && len(p) > 0 && message.Kind(p[0]&0x0f) == k {
			return nil
		}
	}
}

// whole reads up to the end of the last frame that has begun.
func (r *reader) whole() error {
	for len(r.buf) > 0 {
		if _, _, err := r.next(); err != nil {
			return err
		}
	}
	return nil
}

// cpuTime returns the CPU time that all threads of process pid have used so far, including those
// that have ended (clock_getcpuclockid(3)).
func cpuTime(pid int) (time.Duration, error) {
	const wholeProcessSched = 2
	clock := ^pid<<3 | wholeProcessSched
	var ts syscall.Timespec
	if _, _, e := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, uintptr(clock),
		uintptr(unsafe.Pointer(&ts)), 0); e != 0 {
		return 0, fmt.Errorf("CPU clock of process %d: %w", pid, e)
	}
	return time.Duration(ts.Nano()), nil
}
