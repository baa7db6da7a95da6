package admission

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestAddressOf(t *testing.T) {
	list, _ := ParseProxies([]string{"10.0.0.0/8", "2001:db8:1::/48", "fe80::/10",
		"::ffff:172.16.0.0/108", "::ffff:192.168.7.7"})
	proxies := list.Prefixes
	tcp := func(s string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(s), Port: 1} }
	trusted := Proxies{Prefixes: proxies}
	withUnix := Proxies{Prefixes: proxies, Unix: true}
	unix := &net.UnixAddr{Name: "x", Net: "unix"}
	const unknown = "::"
	for _, c := range []struct {
		peer           net.Addr
		forwardedFor   string // "-" = none
		forwarded      string // "" = none
		want           string
		doNotTrustUnix bool
	}{
		// Nobody vouches for the header.
		{tcp("192.0.2.1"), "198.51.100.1", "", "192.0.2.1", false},
		{tcp("192.0.2.1"), "nonsense", "for=nonsense", "192.0.2.1", false},
		{tcp("10.0.0.1"), "-", "", "10.0.0.1", false},
		{tcp("10.0.0.1"), "", "", "10.0.0.1", false},
		{tcp("10.0.0.1"), "198.51.100.1", "", "198.51.100.1", false},
		// IPv4 is IPv4.
		{tcp("::ffff:10.0.0.1"), "::ffff:198.51.100.1", "", "198.51.100.1", false},
		// The first may be made up.
		{tcp("10.0.0.1"), "203.0.113.9, 198.51.100.1", "", "198.51.100.1", false},
		{tcp("10.0.0.1"), "nonsense, 198.51.100.1", "", "198.51.100.1", false},
		{tcp("10.0.0.1"), "198.51.100.1, 10.0.0.2 ,10.0.0.3", "", "198.51.100.1", false},
		// The client is one of the trusted.
		{tcp("10.0.0.1"), "10.0.0.3,10.0.0.2", "", "10.0.0.3", false},
		{tcp("2001:db8:1::1"), "2001:db8:2::2", "", "2001:db8:2::2", false},
		// Forms that proxies write.
		{tcp("10.0.0.1"), "203.0.113.7:51234", "", "203.0.113.7", false},
		{tcp("10.0.0.1"), "203.0.113.7:51234, 10.0.0.9:80", "", "203.0.113.7", false},
		{tcp("10.0.0.1"), "[2001:db8:2::2]:443", "", "2001:db8:2::2", false},
		{tcp("10.0.0.1"), "[2001:db8:2::2]", "", "2001:db8:2::2", false},
		{tcp("10.0.0.1"), `"[2001:db8:2::2]:443"`, "", "2001:db8:2::2", false},
		{tcp("10.0.0.1"), `"203.0.113.7"`, "", "203.0.113.7", false},
		{tcp("10.0.0.1"), "fe80::1%eth0", "", "fe80::1", false},
		{tcp("10.0.0.1"), "203.0.113.7,", "", "203.0.113.7", false},
		{tcp("10.0.0.1"), "203.0.113.7,\t,10.0.0.9", "", "203.0.113.7", false},
		// What cannot be read is nobody's, least of all the proxy's.
		{tcp("10.0.0.1"), "nonsense, 10.0.0.2", "", unknown, false},
		{tcp("10.0.0.1"), "198.51.100.1, nonsense", "", unknown, false},
		{tcp("10.0.0.1"), "unknown", "", unknown, false},
		{tcp("10.0.0.1"), "203.0.113.7:http", "", unknown, false},
		{tcp("10.0.0.1"), "203.0.113.7 198.51.100.1", "", unknown, false},
		{tcp("10.0.0.1"), "[2001:db8:2::2", "", unknown, false},
		// RFC 7239.
		{tcp("10.0.0.1"), "-", "for=192.0.2.43", "192.0.2.43", false},
		{tcp("10.0.0.1"), "-", `proto=http; By=10.0.0.1;For="[2001:db8:cafe::17]:4711"`,
			"2001:db8:cafe::17", false},
		{tcp("10.0.0.1"), "-", `for=203.0.113.9, for="192.0.2.43:80";x="a,b;for=1.1.1.1"`,
			"192.0.2.43", false},
		{tcp("10.0.0.1"), "-", "for=192.0.2.43, for=10.0.0.2", "192.0.2.43", false},
		{tcp("10.0.0.1"), "-", "for=192.0.2.43, for=unknown", unknown, false},
		{tcp("10.0.0.1"), "-", `for="_gazonk"`, unknown, false},
		{tcp("10.0.0.1"), "-", "by=10.0.0.1", unknown, false},
		{tcp("10.0.0.1"), "-", `for="192.0.2.43`, unknown, false},
		{tcp("10.0.0.1"), "-", `for="192.0.2.43:_port"`, "192.0.2.43", false},
		{tcp("10.0.0.1"), "-", `proto=https;for="[2001:db8:2::2]:_p"`, "2001:db8:2::2", false},
		// Link-local peers have a zone.
		{&net.TCPAddr{IP: net.ParseIP("fe80::5"), Zone: "eth0"}, "198.51.100.1", "",
			"198.51.100.1", false},
		// Mapped prefixes are those of IPv4.
		{tcp("172.16.0.9"), "198.51.100.1", "", "198.51.100.1", false},
		{tcp("172.32.0.9"), "198.51.100.1", "", "172.32.0.9", false},
		{tcp("192.168.7.7"), "198.51.100.1", "", "198.51.100.1", false},
		// A Forwarded that tells something else alone contradicts nothing.
		{tcp("10.0.0.1"), "192.0.2.43", "proto=https;host=a", "192.0.2.43", false},
		{tcp("10.0.0.1"), "192.0.2.43", "for=192.0.2.44, proto=https, ", "192.0.2.43", false},
		{tcp("10.0.0.1"), "-", "for=192.0.2.44, proto=https", unknown, false},
		{tcp("10.0.0.1"), "192.0.2.43", "proto=https, for=192.0.2.44,", unknown, false},
		// Both, of which the client may have sent one.
		{tcp("10.0.0.1"), "192.0.2.43", "for=192.0.2.43", "192.0.2.43", false},
		{tcp("10.0.0.1"), "192.0.2.43", "for=192.0.2.44", unknown, false},
		// A proxy on a Unix socket.
		{unix, "198.51.100.1", "", "198.51.100.1", false},
		{unix, "-", "", "", false},
		{unix, "198.51.100.1", "", "", true},
		{tcp("10.0.0.1"), "198.51.100.1, unix:", "", "198.51.100.1", false},
		{tcp("10.0.0.1"), "198.51.100.1, unix:", "", unknown, true},
		{nil, "198.51.100.1", "", "", false},
	} {
		var want netip.Addr
		if c.want != "" {
			want = ip(c.want)
		}
		var f Forwarding
		if c.forwardedFor != "-" {
			f.For = []byte(c.forwardedFor)
		}
		if c.forwarded != "" {
			f.Forwarded = []byte(c.forwarded)
		}
		p := withUnix
		if c.doNotTrustUnix {
			p = trusted
		}
		got, bad := AddressOf(c.peer, f, p)
		if got != want || (bad != "") != (c.want == unknown) {
			t.Errorf("%v with %q and %q: %v %q, want %q", c.peer, c.forwardedFor, c.forwarded,
				got, bad, c.want)
		}
	}
}

// FuzzForwarding reads what a proxy may pass on of a client's making.
func FuzzForwarding(f *testing.F) {
	f.Add(`for="[2001:db8::1]:80";by=x, for=1.2.3.4`, `"1.2.3.4:80", [::1]`)
	f.Add(`for="\\"`, `"\`)
	all := Proxies{Prefixes: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}, Unix: true}
	f.Fuzz(func(t *testing.T, forwarded, forwardedFor string) {
		peer := &net.TCPAddr{IP: net.IP{10, 0, 0, 1}}
		x := Forwarding{For: []byte(forwardedFor), Forwarded: []byte(forwarded)}
		a, bad := AddressOf(peer, x, all)
		if !a.IsValid() || a.Zone() != "" || a.Is4In6() || bad != "" && a != Unknown {
			t.Errorf("%v %q", a, bad)
		}
	})
}

func TestGroup(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "2001:db8::1": "2001:db8::",
		"2001:db8:0:1:ffff::": "2001:db8:0:1::", "fe80::1%eth0": "fe80::",
		"::1": "::1", "::": "::", // Unknown counts alone
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

func TestParseProxies(t *testing.T) {
	list, fix := ParseProxies([]string{"10.1.2.3/8", "192.0.2.1", "::1", "unix"})
	want := []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.1/32"),
		netip.MustParsePrefix("::1/128"),
	}
	if fix != "" || !list.Unix || !slices.Equal(list.Prefixes, want) {
		t.Errorf("%+v, %q", list, fix)
	}
	if list, fix := ParseProxies(nil); fix != "" || list.Unix || list.Prefixes != nil {
		t.Errorf("of none: %+v, %q", list, fix)
	}
	for _, text := range []string{"", "proxy.example.org", "10.0.0.0/33", "Unix"} {
		_, fix := ParseProxies([]string{"10.0.0.1", text})
		if !strings.HasPrefix(fix, strconv.Quote(text)+" is neither an address nor a prefix") {
			t.Errorf("%q: %q", text, fix)
		}
	}
}
