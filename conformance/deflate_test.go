package conformance

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"strings"
	"testing"
	"time"
)

// deflate compresses one message as RFC 7692 section 7.2.1 says.
func deflate(p []byte, level int) []byte {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, level)
	if err != nil {
		panic(err)
	}
	w.Write(p)
	w.Flush()
	return bytes.TrimSuffix(b.Bytes(), []byte("\x00\x00\xff\xff"))
}

func inflate(p []byte) ([]byte, error) {
	r := flate.NewReader(io.MultiReader(bytes.NewReader(p),
		strings.NewReader("\x00\x00\xff\xff\x01\x00\x00\xff\xff")))
	return io.ReadAll(r)
}

func deflated(op byte, p []byte, level int) []byte { return fr(finBit|rsv1|op, deflate(p, level)) }

// requireDeflate skips the test if the server does not negotiate compression at all.
func requireDeflate(t testing.TB) {
	t.Helper()
	c := upgrade(t, deflateOffer)
	defer c.close()
	if c.extensions == "" {
		t.Skip("the server does not negotiate permessage-deflate")
	}
}

// params splits an extension header that has one element.
func params(s string) (name string, p map[string]string) {
	fields := strings.Split(s, ";")
	p = map[string]string{}
	for _, f := range fields[1:] {
		k, v, _ := strings.Cut(strings.TrimSpace(f), "=")
		p[k] = strings.Trim(v, `"`)
	}
	return strings.TrimSpace(fields[0]), p
}

// Class 13: offers. The answer must be allowed by one of the offers (RFC 7692 section 7.1).
// Whatever it is, the connection works.
func TestDeflateOffers(t *testing.T) {
	requireDeflate(t)
	for _, x := range []struct {
		offer    string
		accepted bool
	}{
		{"permessage-deflate", true},
		{"permessage-deflate; client_no_context_takeover", true},
		{"permessage-deflate; server_no_context_takeover", true},
		{"permessage-deflate; server_no_context_takeover; client_no_context_takeover", true},
		{"permessage-deflate; client_max_window_bits", true},
		{"permessage-deflate; client_max_window_bits=8", true},
		{"permessage-deflate; client_max_window_bits=15", true},
		{`permessage-deflate; client_max_window_bits="10"`, true},
		{"permessage-deflate; client_max_window_bits; server_no_context_takeover", true},
		{"permessage-deflate; server_max_window_bits=15", true},
		{"permessage-deflate; server_max_window_bits=9, permessage-deflate", true},
		{"permessage-deflate; server_max_window_bits=9; client_max_window_bits, " +
			"permessage-deflate; client_max_window_bits", true},
		{"x-webkit-deflate-frame, permessage-deflate", true},
		{"permessage-deflate; unknown, permessage-deflate; client_max_window_bits", true},
		{"", false},
		{"x-webkit-deflate-frame", false},
		{"permessage-bzip2", false},
		{"permessage-deflate; unknown", false},
		{"permessage-deflate; unknown=1", false},
		{"permessage-deflate; constructor", false},
		{"permessage-deflate; __proto__=1", false},
		{"permessage-deflate; server_max_window_bits", false},
		{"permessage-deflate; server_max_window_bits=7", false},
		{"permessage-deflate; server_max_window_bits=16", false},
		{"permessage-deflate; server_max_window_bits=abc", false},
		{"permessage-deflate; server_max_window_bits=015", false},
		{"permessage-deflate; client_max_window_bits=7", false},
		{"permessage-deflate; client_max_window_bits=16", false},
		{"permessage-deflate; client_max_window_bits=+9", false},
		{"permessage-deflate; client_no_context_takeover=1", false},
		{"permessage-deflate; server_no_context_takeover; server_no_context_takeover", false},
		{"permessage-deflate; client_max_window_bits; client_max_window_bits=10", false},
	} {
		t.Run(x.offer, func(t *testing.T) {
			c := upgrade(t, x.offer)
			defer c.close()
			if (c.extensions != "") != x.accepted {
				t.Fatalf("answered %q", c.extensions)
			}
			if c.extensions == "" {
				if err := c.echo("plain"); err != nil {
					t.Fatal(err)
				}
				return
			}
			checkAnswer(t, x.offer, c.extensions)
			compressedEcho(t, c, opText, pattern(2000), flate.BestSpeed)
			// No context of the first message is left.
			compressedEcho(t, c, opText, pattern(2000), flate.BestSpeed)
		})
	}
}

// checkAnswer checks an answer against the offers.
func checkAnswer(t *testing.T, offer, answer string) {
	t.Helper()
	name, p := params(answer)
	if name != "permessage-deflate" || strings.Contains(answer, ",") {
		t.Fatalf("answer %q", answer)
	}
	if _, ok := p["client_max_window_bits"]; ok &&
		!strings.Contains(offer, "client_max_window_bits") {
		t.Errorf("client_max_window_bits was not offered: %q", answer)
	}
	for k := range p {
		switch k {
		case "server_no_context_takeover", "client_no_context_takeover", "server_max_window_bits",
			"client_max_window_bits":
		default:
			t.Errorf("unknown parameter %q", k)
		}
	}
	if _, ok := p["client_no_context_takeover"]; !ok {
		t.Errorf("%q allows the client to keep a context, which would cost memory per connection",
			answer)
	}
}

func compressedEcho(t *testing.T, c *client, op byte, p []byte, level int) {
	t.Helper()
	c.nc.SetDeadline(time.Now().Add(hang))
	done := make(chan error, 1)
	go func() {
		_, err := c.nc.Write(deflated(op, p, level))
		done <- err
	}()
	g, err := c.message()
	if err == nil {
		err = <-done
	}
	if err != nil || g.op() != op || !bytes.Equal(g.payload, p) {
		t.Fatalf("%d bytes at level %d: %v, %v", len(p), level, g, err)
	}
}

// Class 12: sizes, levels, data that compresses well and data that does not.
func TestDeflateSizes(t *testing.T) {
	requireDeflate(t)
	rng := mrand.New(mrand.NewPCG(12, 1))
	sizes := []int{0, 1, 16, 64, 255, 256, 257, 1024, 4096, 8192, 16384, 32768, 65536, 131072,
		1 << 20}
	if testing.Short() {
		sizes = sizes[:10]
	}
	for _, level := range []int{flate.HuffmanOnly, flate.NoCompression, flate.BestSpeed, 5,
		flate.BestCompression} {
		t.Run(fmt.Sprint("level ", level), func(t *testing.T) {
			c := upgrade(t, deflateOffer)
			defer c.close()
			for _, n := range sizes {
				compressedEcho(t, c, opText, pattern(n), level)
				noise := make([]byte, n)
				for i := range noise {
					noise[i] = byte(rng.Uint32())
				}
				compressedEcho(t, c, opBinary, noise, level)
				compressedEcho(t, c, opText, jsonOf(rng, n), level)
			}
		})
	}
}

// jsonOf returns about n bytes of JSON.
func jsonOf(rng *mrand.Rand, n int) []byte {
	type player struct {
		Name string
		X, Y int
	}
	var all []player
	for i := 0; i*30 < n; i++ {
		all = append(all, player{fmt.Sprint("player", i), rng.IntN(1000), rng.IntN(1000)})
	}
	b, _ := json.Marshal(all)
	return b
}

func TestDeflateManyMessages(t *testing.T) {
	requireDeflate(t)
	rounds := 1000
	if testing.Short() {
		rounds = 50
	}
	for _, n := range []int{16, 256, 4096, 32768} {
		c := upgrade(t, deflateOffer)
		for i := range rounds {
			p := pattern(n)
			p[0] = byte('a' + i%26)
			compressedEcho(t, c, opText, p, flate.BestSpeed)
		}
		c.close()
	}
}

// The vectors of RFC 7692 section 7.2.3, and the ways to break the rules.
func TestDeflateFraming(t *testing.T) {
	requireDeflate(t)
	hello := []got{wantText("Hello")}
	big := pattern(100_000)
	dbig := deflate(big, 9)
	invalid := []int{1007, 1002}
	cases := []exchange{
		{name: "7.2.3.1", send: fr(finBit|rsv1|opText, []byte("\xf2\x48\xcd\xc9\xc9\x07\x00")),
			want: hello},
		{name: "7.2.3.1 in two", send: join(fr(rsv1|opText, []byte("\xf2\x48\xcd")),
			fr(finBit|opCont, []byte("\xc9\xc9\x07\x00"))), want: hello},
		// The second "Hello" of 7.2.3.2 needs the window of the first, which was not negotiated.
		{name: "7.2.3.2 shared window",
			send: fr(finBit|rsv1|opText, []byte("\xf2\x00\x11\x00\x00")), codes: invalid},
		{name: "7.2.3.3 stored",
			send: fr(finBit|rsv1|opText, []byte("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00")),
			want: hello},
		{name: "7.2.3.4 BFINAL",
			send: fr(finBit|rsv1|opText, []byte("\xf3\x48\xcd\xc9\xc9\x07\x00\x00")), want: hello},
		{name: "7.2.3.5 two blocks",
			send: fr(finBit|rsv1|opText, []byte(
				"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00")), want: hello},
		{name: "7.2.3.6 empty", send: fr(finBit|rsv1|opText, []byte{0}), want: []got{wantText("")}},
		{name: "plain on a deflate connection", send: text("Hello"), want: hello},
		{name: "plain then deflated",
			send: join(text("Hello"), deflated(opText, []byte("World"), 1)),
			want: []got{wantText("Hello"), wantText("World")}},
		{name: "fragments of one byte", send: fragments(opText, rsv1, deflate([]byte("Hello"), 6),
			1), want: hello},
		{name: "fragments and pings", send: join(fr(rsv1|opText, dbig[:10]), ping("a"),
			fr(opCont, nil), fr(finBit|opCont, dbig[10:])),
			want: []got{wantPong("a"), wantText(string(big))}},
		{name: "empty first fragment", send: join(fr(rsv1|opText, nil),
			fr(finBit|opCont, deflate([]byte("Hello"), 6))), want: hello},
		{name: "rsv1 on continuation", send: join(fr(rsv1|opText, dbig[:10]),
			fr(finBit|rsv1|opCont, dbig[10:])), codes: protocolError},
		{name: "rsv1 on plain's continuation", send: join(fr(opText, []byte("a")),
			fr(finBit|rsv1|opCont, []byte("b"))), codes: protocolError},
		{name: "rsv1 on ping", send: fr(finBit|rsv1|opPing, nil), codes: protocolError},
		{name: "rsv1 on pong", send: fr(finBit|rsv1|opPong, nil), codes: protocolError},
		{name: "rsv1 on close", send: fr(finBit|rsv1|opClose, nil), codes: protocolError},
		{name: "rsv2", send: fr(finBit|rsv2|opText, nil), codes: protocolError},
		{name: "rsv1 and rsv3", send: fr(finBit|rsv1|rsv3|opText, nil), codes: protocolError},
		{name: "no deflate at all", send: fr(finBit|rsv1|opText, []byte("\xff\xff\xff\xff\xff")),
			codes: invalid},
		{name: "bad stored length",
			send:  fr(finBit|rsv1|opBinary, []byte("\x00\x05\x00\xfa\xfeHello\x00")),
			codes: invalid},
		{name: "distance too far", send: fr(finBit|rsv1|opBinary, []byte{0x02, 0x11, 0x00}),
			codes: invalid},
		{name: "truncated", send: fr(finBit|rsv1|opText, dbig[:len(dbig)/2]), codes: invalid},
		{name: "invalid UTF-8 inside", send: deflated(opText, []byte("abc\xff"), 1),
			codes: []int{1007}},
		{name: "truncated UTF-8 inside", send: deflated(opText, []byte("abc\xc3"), 1),
			codes: []int{1007}},
		{name: "invalid UTF-8 as binary", send: deflated(opBinary, []byte("abc\xff"), 1),
			want: []got{wantBinary([]byte("abc\xff"))}},
	}
	for i := range cases {
		cases[i].offer = deflateOffer
	}
	run(t, "13", cases)
}

// A bomb is cut off at the message limit.
func TestDeflateBomb(t *testing.T) {
	inside(t)
	requireDeflate(t)
	check := unharmed(t)
	for _, x := range []struct {
		n    int
		code []int
	}{{maxMessage + 1, []int{1009}}, {4 * maxMessage, []int{1009}}} {
		c := upgrade(t, deflateOffer)
		c.write(deflated(opBinary, make([]byte, x.n), 9), whole, nil)
		if err := c.expectClose(x.code...); err != nil {
			t.Errorf("%d zeros: %v", x.n, err)
		}
		c.close()
		check()
	}
	c := upgrade(t, deflateOffer)
	defer c.close()
	compressedEcho(t, c, opBinary, make([]byte, maxMessage), 9)
}
