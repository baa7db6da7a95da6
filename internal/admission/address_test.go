package admission

import (
	"net"
	"net/netip"
	"testing"
)

func TestAddressOf(t *testing.T) {
	proxies := []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:1::/48"),
	}
	tcp := func(s string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(s), Port: 1} }
	for _, c := range []struct {
		peer      net.Addr
		forwarded string
		want      string
	}{
		{tcp("192.0.2.1"), "198.51.100.1", "192.0.2.1"}, // nobody vouches for the header
		{tcp("10.0.0.1"), "", "10.0.0.1"},
		{tcp("10.0.0.1"), "198.51.100.1", "198.51.100.1"},
		{tcp("::ffff:10.0.0.1"), "::ffff:198.51.100.1", "198.51.100.1"}, // IPv4 is IPv4
		{tcp("10.0.0.1"), "203.0.113.9, 198.51.100.1", "198.51.100.1"},  // the first may be made up
		{tcp("10.0.0.1"), "198.51.100.1, 10.0.0.2 ,10.0.0.3", "198.51.100.1"},
		{tcp("10.0.0.1"), "nonsense, 10.0.0.2", "10.0.0.2"},
		{tcp("10.0.0.1"), "198.51.100.1, nonsense", "10.0.0.1"},
		{tcp("10.0.0.1"), "10.0.0.3,10.0.0.2", "10.0.0.3"}, // the client is one of the trusted
		{tcp("2001:db8:1::1"), "2001:db8:2::2", "2001:db8:2::2"},
		{&net.UnixAddr{Name: "x", Net: "unix"}, "198.51.100.1", ""},
		{nil, "198.51.100.1", ""},
	} {
		var want netip.Addr
		if c.want != "" {
			want = ip(c.want)
		}
		if got := AddressOf(c.peer, []byte(c.forwarded), proxies); got != want {
			t.Errorf("%v with %q: %v, want %q", c.peer, c.forwarded, got, c.want)
		}
	}
}

func TestGroup(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "2001:db8::1": "2001:db8::",
		"2001:db8:0:1:ffff::": "2001:db8:0:1::", "fe80::1%eth0": "fe80::",
	} {
		if got := group(ip(in)); got != ip(want) {
			t.Errorf("%s counts as %v, want %s", in, got, want)
		}
	}
}

func TestKeys(t *testing.T) {
	if NewKeys(nil) != nil || NewKeys([]string{}) != nil {
		t.Error("no keys are not nil")
	}
	k, other := NewKeys([]string{"first", "second"}), NewKeys([]string{"first"})
	for key, want := range map[string]bool{
		"first": true, "second": true, "": false, "firs": false, "first\x00": false,
	} {
		if k.Allow([]byte(key)) != want {
			t.Errorf("key %q: %v", key, !want)
		}
	}
	if k.digest([]byte("first")) == other.digest([]byte("first")) {
		t.Error("the digests do not depend on a key of their own")
	}
}
