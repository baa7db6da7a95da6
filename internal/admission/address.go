package admission

import (
	"net"
	"net/netip"
	"strings"
)

// AddressOf is the client's address: the peer's, or the one that a trusted proxy
// reports in X-Forwarded-For, whose lines are joined by commas in forwarded. It
// is the zero Addr when the peer has none, as on a Unix socket.
func AddressOf(peer net.Addr, forwarded []byte, proxies []netip.Prefix) netip.Addr {
	a := addrOf(peer)
	if !trusted(a, proxies) {
		return a
	}
	// The client is the last address that no trusted proxy added. What stands before
	// it the client may have made up.
	hops := strings.Split(string(forwarded), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			return a
		}
		if a = hop.Unmap(); !trusted(a, proxies) {
			break
		}
	}
	return a
}

func trusted(a netip.Addr, proxies []netip.Prefix) bool {
	for _, p := range proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func addrOf(a net.Addr) netip.Addr {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}
