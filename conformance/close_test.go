package conformance

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
)

// Class 7: the close handshake.
func TestClose(t *testing.T) {
	normal := []int{1000}
	big := strings.Repeat("BAsd7&jh23", 26214)
	cases := []exchange{
		{name: "1.1 message, close", send: join(text("Hello"), closeFrame(1000)),
			want: []got{wantText("Hello")}, codes: normal},
		{name: "1.2 two closes", send: join(closeFrame(1000), closeFrame(1000)), codes: normal},
		{name: "1.3 ping after close", send: join(closeFrame(1000), ping("x")), codes: normal},
		{name: "1.4 text after close", send: join(closeFrame(1000), text("x")), codes: normal},
		{name: "1.5 close within a message", send: join(fr(opText, []byte("a")), closeFrame(1000),
			fr(finBit|opCont, []byte("b"))), codes: normal},
		{name: "1.6 large, close, ping", send: join(text(big), closeFrame(1000), ping("")),
			want: []got{wantText(big)}, codes: normal},
		{name: "1.7 garbage after close",
			send: join(closeFrame(1000), []byte("\xff\xff\xff\xff\xff\xff")), codes: normal},
		{name: "3.1 no code", send: closeRaw(nil), codes: []int{0}},
		{name: "3.2 half a code", send: closeRaw([]byte{3}), codes: protocolError},
		{name: "3.3 code", send: closeFrame(1000), codes: normal},
		{name: "3.4 code and reason", send: closeRaw(closeBody(1000, "Hello World!")),
			codes: normal},
		{name: "3.5 longest reason", send: closeRaw(closeBody(1000, strings.Repeat("*", 123))),
			codes: normal},
		{name: "3.6 reason too long",
			send:  fr(finBit|opClose, closeBody(1000, strings.Repeat("*", 124))),
			codes: protocolError},
		{name: "5.1 invalid UTF-8", send: closeRaw(closeBody(1000, "\xce\xba\xed\xa0\x80")),
			codes: []int{1007, 1002}},
		{name: "5.2 truncated UTF-8", send: closeRaw(closeBody(1000, "\xce")),
			codes: []int{1007, 1002}},
	}
	for _, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013,
		1014, 3000, 3999, 4000, 4999} {
		cases = append(cases, exchange{name: fmt.Sprint("7 valid ", code), send: closeFrame(code),
			codes: []int{code}})
	}
	for _, code := range []int{0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000,
		65535} {
		cases = append(cases, exchange{name: fmt.Sprint("9 invalid ", code), send: closeFrame(code),
			codes: protocolError},
			exchange{name: fmt.Sprint("9 invalid with reason ", code),
				send: closeRaw(closeBody(code, "reason")), codes: protocolError})
	}
	run(t, "7", cases)
}

// The echo of a close frame contains only the code, and no bytes of other people's buffers.
func TestCloseEchoExact(t *testing.T) {
	for _, body := range [][]byte{nil, closeBody(1000, ""), closeBody(4321, "a reason")} {
		c := upgrade(t, "")
		c.write(closeRaw(body), whole, nil)
		g, err := c.next()
		if err != nil || g.op() != opClose {
			t.Fatal(g, err)
		}
		if len(body) == 0 && len(g.payload) != 0 ||
			len(body) > 0 &&
				(len(g.payload) < 2 ||
					binary.BigEndian.Uint16(g.payload) != binary.BigEndian.Uint16(body)) ||
			len(g.payload) > 2 && !bytes.Equal(g.payload, body) {
			t.Errorf("close %q answered with %q", body, g.payload)
		}
		if _, err := c.next(); !ended(err) {
			t.Error("the server did not close TCP:", err)
		}
		c.close()
	}
}
