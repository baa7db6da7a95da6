//go:build !unix

package handover

import (
	"log/slog"
	"net"
)

// Follow does nothing: this system has no SIGUSR2.
func Follow(*Sockets, *slog.Logger) (succeeded <-chan struct{}, stop func()) {
	return nil, func() {}
}

// survive does nothing: this system has no SIGUSR2.
func survive() {}

// Ready does nothing: see the other systems.
func Ready() {}

// predecessor returns nil: see the other systems.
func predecessor() net.Conn { return nil }
