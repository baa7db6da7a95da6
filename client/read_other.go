//go:build !unix && !js

package client

import "net"

// newSource returns a source that reads up to size bytes at once.
func newSource(nc net.Conn, size int) source { return &growing{nc: nc, size: size} }
