package conformance

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func pattern(n int) []byte { return bytes.Repeat([]byte("0123456789abcdef*"), n/17+1)[:n] }

// Class 1: every boundary of the length encoding, text and binary.
func TestFraming(t *testing.T) {
	var cases []exchange
	for _, n := range []int{0, 1, 125, 126, 127, 128, 65535, 65536, 65537} {
		p := pattern(n)
		cases = append(cases,
			exchange{name: fmt.Sprint("text ", n), send: text(string(p)),
				want: []got{wantText(string(p))}},
			exchange{name: fmt.Sprint("binary ", n), send: binaryFrame(p),
				want: []got{wantBinary(p)}})
	}
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	cases = append(cases, exchange{name: "all bytes", send: binaryFrame(all),
		want: []got{wantBinary(all)}})
	// RFC 6455 section 5.2: the minimal number of bytes must be used.
	for _, l := range []struct{ width, n int }{{2, 5}, {2, 125}, {8, 5}, {8, 126}, {8, 65535}} {
		cases = append(cases, exchange{
			name:  fmt.Sprintf("length %d in %d bytes", l.n, l.width),
			send:  header(finBit|opBinary, true, l.width, uint64(l.n), pattern(l.n)),
			codes: protocolError,
		})
	}
	cases = append(cases,
		exchange{name: "unmasked text", send: header(finBit|opText, false, -1, 5, []byte("hello")),
			codes: protocolError},
		exchange{name: "unmasked empty", send: header(finBit|opBinary, false, -1, 0, nil),
			codes: protocolError},
		exchange{name: "unmasked ping", send: header(finBit|opPing, false, -1, 0, nil),
			codes: protocolError},
		exchange{name: "unmasked close", send: header(finBit|opClose, false, -1, 2,
			closeBody(1000, "")), codes: protocolError},
		exchange{name: "unmasked after masked",
			send: join(text("a"), header(finBit|opText, false, -1, 1, []byte("b"))),
			want: []got{wantText("a")}, codes: protocolError})
	run(t, "1", cases)
}

// Class 2: pings and pongs.
func TestPings(t *testing.T) {
	raw := "\x00\xff\xfe\xfd\xfc\xfb\x00\xff"
	long := strings.Repeat("\xfe", 125)
	cases := []exchange{
		{name: "1 empty", send: ping(""), want: []got{wantPong("")}},
		{name: "2 text", send: ping("Hello, world!"), want: []got{wantPong("Hello, world!")}},
		{name: "3 binary", send: ping(raw), want: []got{wantPong(raw)}},
		{name: "4 125 bytes", send: ping(long), want: []got{wantPong(long)}},
		{name: "5 126 bytes", send: fr(finBit|opPing, []byte(long+"x")), codes: protocolError},
		{name: "5 64-bit length", send: header(finBit|opPing, true, 8, 70000, nil),
			codes: protocolError},
		{name: "7 unsolicited pong", send: pong("")},
		{name: "8 unsolicited pong with payload", send: pong("unsolicited")},
		{name: "9 pong, ping", send: join(pong("unsolicited"), ping("ping")),
			want: []got{wantPong("ping")}},
	}
	var ten []byte
	var pongs []got
	for i := range 10 {
		ten = append(ten, ping(fmt.Sprint("payload-", i))...)
		pongs = append(pongs, wantPong(fmt.Sprint("payload-", i)))
	}
	cases = append(cases, exchange{name: "10 ten pings", send: ten, want: pongs})
	cases = append(cases, exchange{name: "order with messages",
		send: join(ping("1"), text("a"), ping("2"), text("b")),
		want: []got{wantPong("1"), wantText("a"), wantPong("2"), wantText("b")}})
	run(t, "2", cases)
}

// Many pings in one read may share one pong (RFC 6455 section 5.5.3), but the newest one is
// answered.
func TestNewestPingAnswered(t *testing.T) {
	c := upgrade(t, "")
	defer c.close()
	var b []byte
	for i := range 60 {
		b = append(b, ping(fmt.Sprint(i))...)
	}
	c.write(b, whole, nil)
	for {
		g, err := c.message()
		if err != nil {
			t.Fatal(err)
		}
		if g.op() != opPong {
			t.Fatal(g)
		}
		if string(g.payload) == "59" {
			return
		}
	}
}

// Class 3: reserved bits. Without an extension, each of them fails the connection.
func TestReservedBits(t *testing.T) {
	var cases []exchange
	for bits := byte(1); bits < 8; bits++ {
		rsv := bits << 4
		for _, op := range []byte{opText, opBinary, opClose, opPing, opPong} {
			var body []byte
			if op != opClose {
				body = []byte("x")
			}
			cases = append(cases, exchange{name: fmt.Sprintf("rsv %d op %#x", bits, op),
				send: fr(finBit|rsv|op, body), codes: protocolError})
		}
		cases = append(cases,
			exchange{name: fmt.Sprintf("rsv %d after text", bits),
				send: join(text("Hello"), fr(finBit|rsv|opText, []byte("bad")), ping("")),
				want: []got{wantText("Hello")}, codes: protocolError},
			exchange{name: fmt.Sprintf("rsv %d on continuation", bits),
				send:  join(fr(opText, []byte("a")), fr(finBit|rsv|opCont, []byte("b"))),
				codes: protocolError})
	}
	run(t, "3", cases)
}

// Class 4: reserved opcodes.
func TestOpcodes(t *testing.T) {
	var cases []exchange
	for _, op := range []byte{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		name := fmt.Sprint("op ", op)
		cases = append(cases,
			exchange{name: name, send: fr(finBit|op, nil), codes: protocolError},
			exchange{name: name + " payload", send: fr(finBit|op, []byte("reserved")),
				codes: protocolError},
			exchange{name: name + " not final", send: fr(op, nil), codes: protocolError},
			exchange{name: name + " after text",
				send: join(text("Hello"), fr(finBit|op, []byte("x")), ping("")),
				want: []got{wantText("Hello")}, codes: protocolError},
			// The header alone is enough; its payload need not come.
			exchange{name: name + " header only", send: header(finBit|op, true, -1, 100, nil),
				codes: protocolError})
	}
	run(t, "4", cases)
}

// Class 5: fragmentation.
func TestFragmentation(t *testing.T) {
	first := func(op byte, s string) []byte { return fr(op, []byte(s)) }
	mid := func(s string) []byte { return fr(opCont, []byte(s)) }
	last := func(s string) []byte { return fr(finBit|opCont, []byte(s)) }
	run(t, "5", []exchange{
		{name: "1 ping in two", send: join(first(opPing, "a"), last("b")), codes: protocolError},
		{name: "2 pong in two", send: join(first(opPong, "a"), last("b")), codes: protocolError},
		{name: "2b close in two", send: join(first(opClose, "\x03\xe8"), last("b")),
			codes: protocolError},
		{name: "3 text in two", send: join(first(opText, "fragment1"), last("fragment2")),
			want: []got{wantText("fragment1fragment2")}},
		{name: "3b binary in three, some empty", send: join(first(opBinary, ""), mid(""), mid("x"),
			mid(""), last("")), want: []got{wantBinary([]byte("x"))}},
		{name: "3c empty text in two", send: join(first(opText, ""), last("")),
			want: []got{wantText("")}},
		{name: "6 ping between", send: join(first(opText, "a"), ping("ping"), last("b")),
			want: []got{wantPong("ping"), wantText("ab")}},
		{name: "9 continuation of nothing", send: join(last("x"), text("Hello")),
			codes: protocolError},
		{name: "12 continuation of nothing, not final", send: join(mid("x"), text("Hello")),
			codes: protocolError},
		{name: "15 continuation after the end", send: join(first(opText, "a"), last("b"), last("c"),
			text("Hello")), want: []got{wantText("ab")}, codes: protocolError},
		{name: "15b continuation after a message", send: join(text("a"), mid("b")),
			want: []got{wantText("a")}, codes: protocolError},
		{name: "18 text within text", send: join(first(opText, "a"), text("b")),
			codes: protocolError},
		{name: "18b unfinished text within text",
			send: join(first(opText, "a"), first(opText, "b")), codes: protocolError},
		{name: "18c binary within text", send: join(first(opText, "a"), binaryFrame([]byte("b"))),
			codes: protocolError},
		{name: "19 pings between five", send: join(first(opText, "1"), mid("2"), ping("A"),
			mid("3"), mid("4"), ping("B"), last("5")),
			want: []got{wantPong("A"), wantPong("B"), wantText("12345")}},
		{name: "many of one byte", send: fragments(opBinary, 0, pattern(500), 1),
			want: []got{wantBinary(pattern(500))}},
		{name: "two messages", send: join(fragments(opText, 0, pattern(30), 7),
			fragments(opBinary, 0, pattern(300), 126)),
			want: []got{wantText(string(pattern(30))), wantBinary(pattern(300))}},
	})
}
