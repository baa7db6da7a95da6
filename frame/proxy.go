package frame

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strconv"
)

// The PROXY protocol, versions 1 and 2, by which a load balancer tells who its client is before
// anything else (haproxy.org, proxy-protocol.txt).

const (
	maxProxyLine   = 107     // of version 1, with its CR LF
	maxProxyBinary = 4 << 10 // of version 2, with what it appends to the addresses
	proxyHead      = 16      // of version 2: signature, command, family, length
)

// proxySignature begins version 2.
const proxySignature = "\r\n\r\n\x00\r\nQUIT\n"

var errProxy = &HandshakeError{Status: 400, Cause: CausePreamble,
	Reason: "not a PROXY protocol preamble, which this proxy must send"}

// ParseProxy reads the preamble at the beginning of p. It returns its length and the client's
// address, or 0 if more bytes are needed. The address is not valid if the preamble names none,
// which is so for a health check of the load balancer. An error is a *HandshakeError.
func ParseProxy(p []byte) (n int, client netip.AddrPort, err error) {
	switch {
	case IsProxy(p):
	case bytes.HasPrefix([]byte(proxySignature), p), bytes.HasPrefix([]byte("PROXY "), p):
		return 0, client, nil
	default:
		return 0, client, errProxy
	}
	if p[0] == 'P' {
		return parseProxyLine(p)
	}
	return parseProxyBinary(p)
}

// IsProxy reports whether p begins with a PROXY preamble.
func IsProxy(p []byte) bool {
	return bytes.HasPrefix(p, []byte("PROXY ")) || bytes.HasPrefix(p, []byte(proxySignature))
}

// parseProxyLine reads version 1: "PROXY TCP4 source destination port port\r\n".
func parseProxyLine(p []byte) (n int, client netip.AddrPort, err error) {
	end := bytes.Index(p[:min(len(p), maxProxyLine)], []byte("\r\n"))
	if end < 0 {
		if len(p) >= maxProxyLine {
			return 0, client, errProxy
		}
		return 0, client, nil
	}
	f := bytes.Split(p[:end], []byte(" "))
	if string(f[1]) == "UNKNOWN" {
		return end + 2, client, nil
	}
	if len(f) != 6 {
		return 0, client, errProxy
	}
	source, err1 := netip.ParseAddr(string(f[2]))
	to, err2 := netip.ParseAddr(string(f[3]))
	port, err3 := strconv.ParseUint(string(f[4]), 10, 16)
	_, err4 := strconv.ParseUint(string(f[5]), 10, 16)
	if err1 != nil || err2 != nil || err3 != nil || err4 != nil || source.Zone() != "" {
		return 0, client, errProxy
	}
	switch string(f[1]) {
	case "TCP4":
		if !source.Is4() || !to.Is4() {
			return 0, client, errProxy
		}
	case "TCP6":
		if !source.Is6() || !to.Is6() {
			return 0, client, errProxy
		}
	default:
		return 0, client, errProxy
	}
	return end + 2, netip.AddrPortFrom(source.Unmap(), uint16(port)), nil
}

// parseProxyBinary reads version 2.
func parseProxyBinary(p []byte) (n int, client netip.AddrPort, err error) {
	if len(p) < proxyHead {
		return 0, client, nil
	}
	command, family := p[12], p[13]
	n = proxyHead + int(binary.BigEndian.Uint16(p[14:]))
	if command>>4 != 2 || command&15 > 1 || n > maxProxyBinary {
		return 0, client, errProxy
	}
	if len(p) < n {
		return 0, client, nil
	}
	body := p[proxyHead:n]
	if command&15 == 0 { // LOCAL: the load balancer speaks for itself
		return n, client, nil
	}
	switch {
	case family == 0x11 && len(body) >= 12:
		return n, netip.AddrPortFrom(netip.AddrFrom4([4]byte(body[:4])),
			binary.BigEndian.Uint16(body[8:])), nil
	case family == 0x21 && len(body) >= 36:
		return n, netip.AddrPortFrom(netip.AddrFrom16([16]byte(body[:16])).Unmap(),
			binary.BigEndian.Uint16(body[32:])), nil
	case family == 0x11 || family == 0x21:
		return 0, client, errProxy
	}
	return n, client, nil // Unix sockets, datagrams and unknown families name no address
}
