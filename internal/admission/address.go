package admission

import (
	"bytes"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Proxies are the peers whose word about a client's address is believed.
type Proxies struct {
	Prefixes []netip.Prefix
	Unix     bool // those that connect by a Unix socket too
}

// ParseProxies reads addresses and prefixes; "unix" is whoever connects by a Unix socket. fix says
// what is wrong with the first text that is none of these, "" if all are.
func ParseProxies(texts []string) (list Proxies, fix string) {
	for _, text := range texts {
		if text == "unix" {
			list.Unix = true
			continue
		}
		p, err := netip.ParsePrefix(text)
		if a, e := netip.ParseAddr(text); e == nil {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil {
			return list, strconv.Quote(text) +
				" is neither an address nor a prefix such as 10.0.0.0/8, nor unix"
		}
		list.Prefixes = append(list.Prefixes, unmapped(p.Masked()))
	}
	return list, ""
}

// unmapped is the IPv4 prefix that an IPv6 one maps, because that is how peers are compared.
func unmapped(p netip.Prefix) netip.Prefix {
	const mapped = 96 // bits of ::ffff:0:0/96
	if p.Addr().Is4In6() && p.Bits() >= mapped {
		return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mapped)
	}
	return p
}

// Forwarding is what a request says about the way that it came. It is borrowed.
type Forwarding struct {
	For       []byte // X-Forwarded-For, its lines joined by commas; nil if there is none
	Forwarded []byte // Forwarded (RFC 7239), likewise
}

// Unknown is the address of a client whose proxy wrote something that cannot be read. All such
// clients count as those of one address, which is not their proxy's.
var Unknown = netip.IPv6Unspecified()

// AddressOf is the client's address: the peer's, or the one that a trusted proxy reports. It is
// the zero Addr when the peer has none, as on a Unix socket without a proxy. It is Unknown, and
// bad is the header that the proxy wrote, when that cannot be read, or when the two headers
// disagree, because one of them may be the client's own invention then.
func AddressOf(peer net.Addr, f Forwarding, proxies Proxies) (a netip.Addr, bad string) {
	a, unix := addrOf(peer)
	if !proxies.trust(a, unix) || f.For == nil && f.Forwarded == nil {
		return a, ""
	}
	x, ok := a, true
	if f.For != nil {
		x, ok = lastStranger(a, f.For, plainHop, proxies)
	}
	y, ok2 := x, true
	if f.Forwarded != nil && (f.For == nil || namesClient(f.Forwarded)) {
		if y, ok2 = lastStranger(a, f.Forwarded, forwardedHop, proxies); f.For == nil {
			x = y
		}
	}
	switch {
	case !ok:
		return Unknown, "X-Forwarded-For: " + string(f.For)
	case !ok2:
		return Unknown, "Forwarded: " + string(f.Forwarded)
	case x != y:
		return Unknown, "X-Forwarded-For: " + string(f.For) + " and Forwarded: " +
			string(f.Forwarded)
	}
	return x, ""
}

// Trusts reports whether a peer is one of the proxies.
func (p *Proxies) Trusts(peer net.Addr) bool {
	a, unix := addrOf(peer)
	return p.trust(a, unix)
}

func (p *Proxies) trust(a netip.Addr, unix bool) bool {
	if unix {
		return p.Unix
	}
	for _, prefix := range p.Prefixes {
		if prefix.Contains(a) {
			return true
		}
	}
	return false
}

// lastStranger is the last hop of a list that no trusted proxy added. What stands before it the
// client may have made up. hop reads one element of the list. ok is false when a hop that counts
// cannot be read. from is the address of the peer, which is trusted.
func lastStranger(
	from netip.Addr, list []byte, hop func(string) (netip.Addr, bool, bool), proxies Proxies,
) (a netip.Addr, ok bool) {
	a = from
	for len(list) > 0 {
		i := lastComma(list)
		element := strings.TrimSpace(string(list[i+1:]))
		list = list[:max(i, 0)]
		if element == "" { // RFC 9110 section 5.6.1
			continue
		}
		next, unix, ok := hop(element)
		if !ok {
			return netip.Addr{}, false
		}
		if unix && proxies.Unix {
			continue
		}
		if unix {
			return netip.Addr{}, false
		}
		if a = next; !proxies.trust(a, false) {
			break
		}
	}
	return a, true
}

// lastComma is the index of the last comma outside of quotes, -1 for none.
func lastComma(list []byte) int {
	quoted, last := false, -1
	if bytes.IndexByte(list, '"') < 0 {
		return bytes.LastIndexByte(list, ',')
	}
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			last = i
		}
	}
	return last
}

// plainHop reads an address in one of the forms that proxies write: bare, with a port, an IPv6
// address in brackets, and each of these in quotes. unix is true for a hop over a Unix socket.
func plainHop(s string) (a netip.Addr, unix, ok bool) {
	s = strings.TrimSpace(unquote(s))
	if s == "unix:" || s == "unix" {
		return a, true, true
	}
	if a, err := netip.ParseAddr(s); err == nil {
		return a.Unmap().WithZone(""), false, true
	}
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), false, true
	}
	if inner, found := strings.CutPrefix(s, "["); found && strings.HasSuffix(inner, "]") {
		a, err := netip.ParseAddr(inner[:len(inner)-1])
		return a.Unmap().WithZone(""), false, err == nil
	}
	return a, false, false
}

// forwardedHop reads the address of one element of Forwarded (RFC 7239 section 4), whose port may
// be hidden as in 192.0.2.1:_x (section 6).
func forwardedHop(s string) (a netip.Addr, unix, ok bool) {
	value, ok := forParameter(s)
	if !ok {
		return a, false, false
	}
	value, _, _ = strings.Cut(unquote(value), ":_")
	return plainHop(value)
}

// forParameter is the value of "for" in one element of Forwarded.
func forParameter(element string) (value string, ok bool) {
	for more := true; more; {
		pair, rest := element, ""
		i := firstSemicolon(element)
		if more = i >= 0; more {
			pair, rest = element[:i], element[i+1:]
		}
		name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		if strings.EqualFold(name, "for") {
			return value, true
		}
		element = rest
	}
	return "", false
}

// namesClient reports whether the last element of Forwarded has an address. A proxy may write one
// that tells the protocol or the host alone.
func namesClient(forwarded []byte) bool {
	for len(forwarded) > 0 {
		i := lastComma(forwarded)
		if element := strings.TrimSpace(string(forwarded[i+1:])); element != "" {
			_, ok := forParameter(element)
			return ok
		}
		forwarded = forwarded[:max(i, 0)]
	}
	return false
}

// firstSemicolon is the index of the first semicolon outside of quotes, -1 for none.
func firstSemicolon(s string) int {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == ';' && !quoted:
			return i
		}
	}
	return -1
}

// unquote takes the quotes off a quoted string (RFC 9110 section 5.6.4).
func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	s = s[1 : len(s)-1]
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// addrOf is the IP address of a net.Addr, and whether it is that of a Unix socket.
func addrOf(a net.Addr) (addr netip.Addr, unix bool) {
	switch a := a.(type) {
	case *net.TCPAddr:
		if a == nil {
			return netip.Addr{}, false
		}
		return a.AddrPort().Addr().Unmap().WithZone(""), false
	case *net.UnixAddr:
		return netip.Addr{}, true
	case nil:
		return netip.Addr{}, false
	}
	// The address of somebody's own net.Conn.
	if ap, err := netip.ParseAddrPort(a.String()); err == nil {
		return ap.Addr().Unmap().WithZone(""), false
	}
	return netip.Addr{}, false
}
