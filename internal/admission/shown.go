package admission

import (
	"net"
	"net/netip"
)

// Shown is a client's address as an operator sees it: that of its peer, or what a proxy has named,
// without a port. "" means that it is not known.
func Shown(peer net.Addr, named netip.Addr) string {
	named = named.Unmap()
	if p, ok := peer.(*net.TCPAddr); named.IsValid() &&
		(!ok || p.AddrPort().Addr().Unmap().WithZone("") != named.WithZone("")) {
		return named.String()
	}
	if peer == nil {
		return ""
	}
	return peer.String()
}
