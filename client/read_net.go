//go:build !js

package client

import (
	"net"

	"github.com/smartsocket/smartsocket/pool"
)

// source reads from a connection. It belongs to the goroutine that reads.
type source interface {
	// read waits for bytes and returns them. They are borrowed until the next call of read or
	// done, and may be changed. Without bytes there is an error.
	read() ([]byte, error)
	// prepare takes what the next read needs, so that it needs little stack. Nothing that read
	// returned is in use any more.
	prepare()
	// done releases what the source holds. It may be used again.
	done()
}

// growing is a source for any connection. While little comes it reads into a small buffer of its
// own. A read that fills it is followed by one with a large buffer of the pool, until little comes
// again or the time runs out in which something had to come.
type growing struct {
	nc     net.Conn
	size   int          // of the large buffer
	large  *pool.Buffer // nil = the small one is in use
	full   bool         // the last read filled the small one
	little bool         // the last read would have fitted the small one
	small  [minRead]byte
}

func (s *growing) read() ([]byte, error) {
	switch {
	case s.full:
		s.large, s.full = pool.Get(s.size), false
	case s.little:
		s.done()
	}
	b := s.small[:]
	if s.large != nil {
		b = s.large.B[:s.size]
	}
	n, err := s.nc.Read(b)
	s.full = s.large == nil && n == len(b)
	s.little = s.large != nil && n <= len(s.small)
	return b[:n], err
}

func (s *growing) prepare() {}

func (s *growing) done() {
	if s.large != nil {
		pool.Put(s.large)
	}
	s.large, s.full, s.little = nil, false, false
}
