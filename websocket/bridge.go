package websocket

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"github.com/smartsocket/smartsocket/pool"
)

// bridgeStall is how long a peer that does not read may hold up a bridge.
const bridgeStall = 30 * time.Second

// bridge serves a TLS connection that net/http accepted. Its session cannot be moved to the event
// loops, so two goroutines carry its plaintext to a connection that the loops serve. A server that
// listens itself (see Listen) needs neither.
func (s *Server) bridge(tc *tls.Conn, early []byte, req *http.Request) error {
	far, near, err := socketPair()
	if err != nil {
		return err
	}
	ep := *s.ep.secured()
	ep.peer = tc.RemoteAddr()
	if err := s.r.Adopt(far, early, newConn(&ep).from(req)); err != nil {
		far.Close()
		near.Close()
		return err
	}
	boundSendBuffer(tc)
	go func() { // ends when the peer is gone, or when the other goroutine closes tc
		carry(near, tc, func() {})
		near.CloseWrite()
	}()
	go func() { // ends when the loop has closed the connection
		carry(tc, near, func() { tc.SetWriteDeadline(time.Now().Add(bridgeStall)) })
		tc.Close()
		near.Close()
	}()
	return nil
}

// carry copies until either end fails. before runs before each write.
func carry(to io.Writer, from io.Reader, before func()) {
	b := pool.Get(16 << 10)
	defer pool.Put(b)
	buf := b.B[:cap(b.B)]
	for {
		n, err := from.Read(buf)
		if n > 0 {
			before()
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// socketPair makes a connection inside the system and returns its two ends.
func socketPair() (far, near *net.UnixConn, err error) {
	syscall.ForkLock.RLock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	if far, err = endOf(fds[0]); err != nil {
		syscall.Close(fds[1])
		return nil, nil, err
	}
	if near, err = endOf(fds[1]); err != nil {
		far.Close()
		return nil, nil, err
	}
	return far, near, nil
}

// endOf makes a connection of fd, which it takes.
func endOf(fd int) (*net.UnixConn, error) {
	f := os.NewFile(uintptr(fd), "socketpair")
	defer f.Close() // FileConn duplicates it
	nc, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	return nc.(*net.UnixConn), nil
}
