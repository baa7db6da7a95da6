//go:build linux || darwin

package smartsockettest

import (
	"context"
	"net"
	"os"
	"sync"
	"syscall"
)

// network joins the clients of one Server to it. It is the net.Listener that the server accepts
// on, and what the clients dial. Each connection is a pair of connected sockets of the system.
type network struct {
	arrivals chan net.Conn
	closed   chan struct{}
	once     sync.Once
}

func newNetwork() *network {
	return &network{arrivals: make(chan net.Conn), closed: make(chan struct{})}
}

// Accept returns the server's end of the next connection.
func (n *network) Accept() (net.Conn, error) {
	select {
	case nc := <-n.arrivals:
		return nc, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

// Close makes Accept and dial fail.
func (n *network) Close() error {
	n.once.Do(func() { close(n.closed) })
	return nil
}

// Addr is a name, because there is no address.
func (n *network) Addr() net.Addr { return address("memory") }

type address string

func (address) Network() string  { return "memory" }
func (a address) String() string { return string(a) }

// dial makes a connection and returns the client's end when the server has taken the other.
func (n *network) dial(ctx context.Context) (*net.UnixConn, error) {
	server, client, err := pair()
	if err != nil {
		return nil, err
	}
	select {
	case n.arrivals <- server:
		return client, nil
	case <-n.closed:
		err = net.ErrClosed
	case <-ctx.Done():
		err = ctx.Err()
	}
	server.Close()
	client.Close()
	return nil, err
}

// pair makes two sockets that are connected to each other.
func pair() (a, b *net.UnixConn, err error) {
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
	var ends [2]*net.UnixConn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "socketpair")
		nc, e := net.FileConn(f) // which duplicates it
		f.Close()
		if e != nil {
			err = e
			continue
		}
		ends[i] = nc.(*net.UnixConn)
	}
	if err != nil {
		for _, end := range ends {
			if end != nil {
				end.Close()
			}
		}
		return nil, nil, err
	}
	return ends[0], ends[1], nil
}
