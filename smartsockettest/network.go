//go:build linux || darwin

package smartsockettest

import (
	"context"
	"net"
	"sync"

	"github.com/smartsocket/smartsocket/internal/socketpair"
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
	server, client, err := socketpair.New()
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
