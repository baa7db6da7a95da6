package frame

import (
	"net/netip"
	"strings"
	"testing"
)

// v2 builds a preamble of version 2.
func v2(command, family byte, body string) string {
	return proxySignature + string([]byte{command, family, byte(len(body) >> 8), byte(len(body))}) +
		body
}

func TestParseProxy(t *testing.T) {
	v4 := "\xcb\x00\x71\x07\x0a\x00\x00\x01\xc8\x22\x01\xbb"
	v6 := "\x20\x01\x0d\xb8" + strings.Repeat("\x00", 11) + "\x07" + strings.Repeat("\x00", 16) +
		"\xc8\x22\x01\xbb"
	const bad = "bad"
	for _, c := range []struct{ in, want string }{
		{"PROXY TCP4 203.0.113.7 10.0.0.1 51234 443\r\n", "203.0.113.7:51234"},
		{"PROXY TCP6 2001:db8::7 2001:db8::1 51234 443\r\n", "[2001:db8::7]:51234"},
		{"PROXY UNKNOWN\r\n", ""},
		{"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", ""},
		{v2(0x21, 0x11, v4), "203.0.113.7:51234"},
		{v2(0x21, 0x11, v4+"\x03\x00\x04abcd"), "203.0.113.7:51234"}, // with a TLV
		{v2(0x21, 0x21, v6), "[2001:db8::7]:51234"},
		{v2(0x20, 0x00, ""), ""},
		{v2(0x20, 0x11, v4), ""}, // LOCAL
		{v2(0x21, 0x31, strings.Repeat("x", 216)), ""},
		{v2(0x21, 0x00, ""), ""},

		{"GET / HTTP/1.1\r\n", bad},
		{"PROXX TCP4", bad},
		{"PROXY TCP4 203.0.113.7 10.0.0.1 51234\r\n", bad},
		{"PROXY TCP4 203.0.113.7 10.0.0.1 51234 443 9\r\n", bad},
		{"PROXY TCP4 203.0.113.7 10.0.0.1 65536 443\r\n", bad},
		{"PROXY TCP4 203.0.113.7  10.0.0.1 51234 443\r\n", bad},
		{"PROXY TCP4 2001:db8::7 2001:db8::1 51234 443\r\n", bad},
		{"PROXY TCP6 203.0.113.7 10.0.0.1 51234 443\r\n", bad},
		{"PROXY TCP5 203.0.113.7 10.0.0.1 51234 443\r\n", bad},
		{"PROXY TCP6 fe80::1%eth0 fe80::2 1 2\r\n", bad},
		{"PROXY " + strings.Repeat("x", 110), bad},
		{v2(0x11, 0x11, v4), bad},
		{v2(0x22, 0x11, v4), bad},
		{v2(0x21, 0x11, v4[:11]), bad},
		{v2(0x21, 0x21, v6[:35]), bad},
		{v2(0x21, 0x11, strings.Repeat("x", 5000)), bad},
		{"\r\n\r\n\x00\r\nQUIX", bad},
	} {
		in := []byte(c.in + "GET /")
		n, client, err := ParseProxy(in)
		got := ""
		if client.IsValid() {
			got = client.String()
		}
		if err != nil {
			got = bad
			if status(err) != 400 || err.(*HandshakeError).Cause != CausePreamble {
				t.Errorf("%q: %v", c.in, err)
			}
		}
		if got != c.want || err == nil && n != len(c.in) {
			t.Errorf("%q: %d %q, want %q", c.in, n, got, c.want)
		}
		for i := range len(c.in) { // wherever it is cut
			m, _, err2 := ParseProxy(in[:i])
			if m != 0 || err == nil && err2 != nil {
				t.Errorf("%q: %d %v", in[:i], m, err2)
			}
		}
	}
}

func FuzzProxy(f *testing.F) {
	f.Add([]byte("PROXY TCP4 203.0.113.7 10.0.0.1 51234 443\r\n"))
	f.Add([]byte(v2(0x21, 0x11, "\xcb\x00\x71\x07\x0a\x00\x00\x01\xc8\x22\x01\xbb")))
	f.Fuzz(func(t *testing.T, in []byte) {
		n, client, err := ParseProxy(in)
		if n < 0 || n > len(in) || err != nil && (n != 0 || client != (netip.AddrPort{})) ||
			client.IsValid() && client.Addr().Zone() != "" {
			t.Fatal(n, client, err)
		}
		if n == 0 && err == nil && len(in) > maxProxyBinary {
			t.Fatal("it waits without end")
		}
		if m, again, err2 := ParseProxy(append(in[:n:n], "more"...)); n > 0 &&
			(m != n || again != client || err2 != nil) {
			t.Fatal(m, again, err2)
		}
	})
}
