//go:build unix

package client

import (
	"io"
	"net"
	"os"
	"syscall"

	"github.com/smartsocket/smartsocket/pool"
)

// newSource returns a source that reads up to size bytes at once.
func newSource(nc net.Conn, size int) source {
	if tc, ok := nc.(*net.TCPConn); ok {
		if raw, err := tc.SyscallConn(); err == nil {
			s := &pooled{raw: raw, size: size}
			s.try = s.attempt
			return s
		}
	}
	return &growing{nc: nc, size: size}
}

// pooled is a source for TCP that holds a buffer only while there are bytes in it. It takes one for
// each attempt to read, and gives it back before the wait for the connection to be readable. As few
// goroutines read at the same time, thousands of clients share a few buffers.
type pooled struct {
	raw  syscall.RawConn
	size int
	try  func(fd uintptr) bool // attempt, made once

	b    *pool.Buffer // what was read; nil = nothing
	next *pool.Buffer // for the next attempt; nil = from the pool
	err  error        // of the last attempt
}

func (s *pooled) read() ([]byte, error) {
	s.release()
	err := s.raw.Read(s.try)
	switch {
	case s.b != nil:
		return s.b.B, nil
	case err != nil: // the deadline, or Close
		return nil, err
	}
	return nil, s.err
}

// attempt reads without waiting, and reports false if there is nothing to read yet.
func (s *pooled) attempt(fd uintptr) bool {
	b := s.next
	if s.next = nil; b == nil {
		b = pool.Get(s.size)
	}
	for {
		n, err := syscall.Read(int(fd), b.B[:s.size])
		switch {
		case err == syscall.EINTR:
			continue
		case n > 0:
			b.B = b.B[:n]
			s.b = b
			return true
		}
		pool.Put(b)
		if err == syscall.EAGAIN {
			return false
		}
		if s.err = io.EOF; err != nil {
			s.err = os.NewSyscallError("read", err)
		}
		return true
	}
}

func (s *pooled) prepare() {
	if s.release(); s.next == nil {
		s.next = pool.Get(s.size)
	}
}

func (s *pooled) done() {
	s.release()
	if s.next != nil {
		pool.Put(s.next)
		s.next = nil
	}
}

// release gives back what was read.
func (s *pooled) release() {
	if s.b != nil {
		pool.Put(s.b)
		s.b = nil
	}
}
