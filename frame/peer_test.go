package frame

import (
	"strings"
	"testing"

	"github.com/gobwas/httphead"
	"github.com/gobwas/ws/wsflate"
)

// Every close code keeps its side of RFC 6455 section 7.4 and of IANA's registry.
func TestOnWireOfEveryCode(t *testing.T) {
	for c := range 1 << 16 {
		want := c >= 1000 && c <= 1003 || c >= 1007 && c <= 1014 || c >= 3000 && c <= 4999
		if got := CloseCode(c).OnWire(); got != want {
			t.Errorf("OnWire(%d) = %v", c, got)
		}
	}
}

// negotiatePeer is NegotiateDeflate as gobwas/ws would do it.
func negotiatePeer(offered []byte) bool {
	options, ok := httphead.ParseOptions(offered, nil)
	if !ok {
		return false
	}
	for _, o := range options {
		var p wsflate.Parameters
		if string(o.Name) == wsflate.ExtensionName && p.Parse(o) == nil &&
			(p.ServerMaxWindowBits == 0 || p.ServerMaxWindowBits == 15) {
			return true
		}
	}
	return false
}

// gobwas/ws reads these offers otherwise: it takes what RFC 7692 section 7.1 and RFC 6455 section
// 9.1 forbid, and declines a tab. That, and what docs/DEPENDENCIES.md says about its cost, is why
// offers are parsed here. When it mends them this test says so.
func TestWhyOffersAreParsedHere(t *testing.T) {
	want := map[string]bool{
		"\tpermessage-deflate\t":                                                false,
		"permessage-deflate; server_max_window_bits=015":                        true,
		"permessage-deflate; client_max_window_bits=08":                         true,
		"permessage-deflate; client_max_window_bits; client_max_window_bits":    true,
		"permessage-deflate; client_max_window_bits; client_max_window_bits=15": true,
		"permessage-deflate;":                                                   true,
		"permessage-deflate, foo bar":                                           true,
		`permessage-deflate; client_max_window_bits=""`:                         true,
	}
	for _, c := range deflateOffers {
		got := negotiatePeer([]byte(c.offered))
		if theirs, differs := want[c.offered]; differs && got != theirs {
			t.Errorf("%.80q: gobwas/ws has changed", c.offered)
		} else if !differs && got != (c.want != no) {
			t.Errorf("%.80q: gobwas/ws says %v", c.offered, got)
		}
	}
}

func BenchmarkOffer(b *testing.B) {
	in := []byte("permessage-deflate; client_max_window_bits")
	flood := []byte(strings.Repeat("permessage-deflate; x, ", 300) + "permessage-deflate")
	for name, p := range map[string][]byte{"browser": in, "flood": flood} {
		b.Run("ours/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				NegotiateDeflate(p)
			}
		})
		b.Run("gobwas/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				negotiatePeer(p)
			}
		})
	}
}
