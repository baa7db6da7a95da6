package frame

import (
	"strings"
	"testing"
)

const no = "" // the answer to an offer that is declined

// deflateOffers are extension offers and what we answer.
var deflateOffers = []struct{ offered, want string }{
	{"", no},
	{"permessage-deflate", deflateAnswer},
	{"permessage-deflate; client_max_window_bits", deflateAnswer}, // browsers
	{"permessage-deflate; client_max_window_bits=8", deflateAnswer},
	{"permessage-deflate; client_max_window_bits=15; server_no_context_takeover " +
		";client_no_context_takeover", deflateAnswer},
	{`permessage-deflate; client_max_window_bits="10"`, deflateAnswer},
	{"permessage-deflate; server_max_window_bits=15", deflateAnswerBits},
	{"permessage-deflate; server_max_window_bits=10, permessage-deflate", deflateAnswer},
	{"permessage-deflate; server_max_window_bits=10, permessage-deflate; " +
		"server_max_window_bits = 15", deflateAnswerBits},
	{"x-webkit-deflate-frame, permessage-deflate", deflateAnswer},
	{`foo; a="b"; c, permessage-deflate, bar`, deflateAnswer},
	{", ,permessage-deflate,,", deflateAnswer},
	{"\tpermessage-deflate\t", deflateAnswer},

	{"permessage-deflate; server_max_window_bits=14", no},
	{"permessage-deflate; server_max_window_bits", no},
	{"permessage-deflate; server_max_window_bits=", no},
	{"permessage-deflate; server_max_window_bits=16", no},
	{"permessage-deflate; server_max_window_bits=015", no},
	{"permessage-deflate; server_max_window_bits=15; server_max_window_bits=15", no},
	{"permessage-deflate; client_max_window_bits=7", no},
	{"permessage-deflate; client_max_window_bits=16", no},
	{"permessage-deflate; client_max_window_bits=08", no},
	{"permessage-deflate; client_max_window_bits=abc", no},
	{"permessage-deflate; client_max_window_bits=99999999999999999999", no},
	{"permessage-deflate; client_max_window_bits; client_max_window_bits", no},
	{"permessage-deflate; client_max_window_bits; client_max_window_bits=15", no},
	{"permessage-deflate; server_no_context_takeover; server_no_context_takeover", no},
	{"permessage-deflate; client_no_context_takeover; client_no_context_takeover", no},
	{"permessage-deflate; server_no_context_takeover=1", no},
	{"permessage-deflate; client_no_context_takeover=true", no},
	{"permessage-deflate; unknown", no},
	{"permessage-deflate; constructor; __proto__=1", no},
	{"permessage-deflate; unknown=1, permessage-deflate", deflateAnswer},
	{"Permessage-Deflate", no},
	{"permessage-deflates", no},
	{"permessage-deflate;", no},
	{"permessage-deflate;;client_max_window_bits", no},
	{"permessage-deflate foo", no},
	{"permessage-deflate, foo bar", no},
	{"permessage-deflate; =1", no},
	{`permessage-deflate; client_max_window_bits="10`, no},
	{`permessage-deflate; client_max_window_bits=""`, no},
	{`permessage-deflate; client_max_window_bits="1 0"`, no},
	{"permessage-deflate\x00", no},
	{strings.Repeat("permessage-deflate; x, ", 1000) + "permessage-deflate", deflateAnswer},
}

func TestNegotiateDeflate(t *testing.T) {
	for _, c := range deflateOffers {
		got, ok := NegotiateDeflate([]byte(c.offered))
		if got != c.want || ok != (c.want != no) {
			t.Errorf("%.100q: %q %v", c.offered, got, ok)
		}
	}
}

func TestDeflateAnswer(t *testing.T) {
	for _, c := range []struct {
		answer  string
		offered bool
		on, ok  bool
	}{
		{"", true, false, true},
		{"", false, false, true},
		{deflateAnswer, true, true, true},
		{deflateAnswerBits, true, true, true},
		{"permessage-deflate; server_no_context_takeover", true, true, true},
		{"permessage-deflate; server_no_context_takeover; server_max_window_bits=9", true, true,
			true},
		{deflateAnswer, false, false, false},
		{"permessage-deflate", true, false, false}, // the server would keep its context
		{"permessage-deflate; server_no_context_takeover; client_max_window_bits=10", true, false,
			false},
		{"permessage-deflate; server_no_context_takeover; x", true, false, false},
		{deflateAnswer + ", " + deflateAnswer, true, false, false},
		{deflateAnswer + ", other", true, false, false},
		{deflateAnswer + ";", true, false, false},
		{"other", true, false, false},
	} {
		on, err := DeflateAnswer([]byte(c.answer), c.offered)
		if on != c.on || (err == nil) != c.ok || err != nil && status(err) != 101 {
			t.Errorf("%q: %v %v", c.answer, on, err)
		}
	}
}

// The work must be linear: a thousand times the input must not take a million times the steps. The
// test counts the bytes that the scanner walks over.
func TestExtensionScannerAdvances(t *testing.T) {
	for _, unit := range []string{" ", ",", "a", ";", "=", `"`, "a;", ", a ", `a;b="c",`} {
		s := listScanner{p: []byte(strings.Repeat(unit, 4000))}
		steps, left := 0, len(s.p)+1
		for s.next() {
			var d deflateParams
			s.element(&d)
			if steps++; len(s.p) >= left {
				t.Fatalf("%q: the scanner stands still", unit)
			}
			left = len(s.p)
		}
	}
}
