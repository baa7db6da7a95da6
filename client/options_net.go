//go:build !js

package client

import (
	"context"
	"crypto/tls"
	"net"
)

// TLSConfig configures wss:// connections. The client copies it for each connection.
type TLSConfig = tls.Config

// DialFunc is the type of Options.Dial. It has the form of net.Dialer's DialContext. The
// client owns the connection. Its context ends with the attempt to connect.
type DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)
