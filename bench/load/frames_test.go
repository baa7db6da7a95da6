package load

import (
	"bytes"
	"testing"

	"github.com/smartsocket/smartsocket/message"
)

func TestFrameLengths(t *testing.T) {
	for _, c := range []struct{ payload, server, client int }{
		{0, 2, 6}, {1, 3, 7}, {20, 22, 26}, {125, 127, 131}, {126, 130, 134}, {512, 516, 520},
		{16 << 10, 16<<10 + 4, 16<<10 + 8}, {1<<16 - 1, 1<<16 + 3, 1<<16 + 7},
		{1 << 16, 1<<16 + 10, 1<<16 + 14},
	} {
		if got := serverFrameLen(c.payload); got != c.server {
			t.Errorf("serverFrameLen(%d) = %d, want %d", c.payload, got, c.server)
		}
		if got := clientFrameLen(c.payload); got != c.client {
			t.Errorf("clientFrameLen(%d) = %d, want %d", c.payload, got, c.client)
		}
		b := appendClientFrame(nil, opBinary, text(c.payload))
		if len(b) != c.client {
			t.Errorf("a frame of %d bytes is %d long, want %d", c.payload, len(b), c.client)
		}
		head, n := frameHead(b)
		if head+4+n != len(b) || n != c.payload {
			t.Errorf("the head of a frame of %d bytes says %d+%d", c.payload, head, n)
		}
	}
}

// unmask returns the payload of the first client frame in b, and what follows the frame.
func unmask(b []byte) (payload, rest []byte) {
	h, n := frameHead(b)
	key := b[h : h+4]
	for i, x := range b[h+4 : h+4+n] {
		payload = append(payload, x^key[i&3])
	}
	return payload, b[h+4+n:]
}

func TestEventsAskForConsecutiveAcks(t *testing.T) {
	p := Params{Protocol: Session, Event: "move", Payload: 20, Window: 3}
	b := messages(&p)
	id := b.stamp(125)
	if id != 1 {
		t.Errorf("after 126, 127 and 1 the last id is %d", id)
	}
	rest := b.bytes
	for _, want := range []uint64{126, 127, 1} {
		var payload []byte
		payload, rest = unmask(rest)
		m, err := message.Parse(payload)
		if err != nil {
			t.Fatal(err)
		}
		if m.Kind != message.KindEvent || m.AckID != want || string(m.Event) != "move" ||
			len(m.Payload) != 20 || !message.ValidJSON(m.Payload) {
			t.Errorf("got %+v, want ack id %d", m, want)
		}
	}
	if len(rest) > 0 {
		t.Errorf("%d bytes behind the last frame", len(rest))
	}
}

func TestFloorGetsTheSameBytes(t *testing.T) {
	p := Params{Protocol: WebSocket, Payload: 512, Window: 2}
	ws := messages(&p)
	p.Protocol = Floor
	plain := messages(&p)
	if !bytes.Equal(ws.bytes, plain.bytes) {
		t.Error("the floor is sent other bytes than a WebSocket server")
	}
	if got := reply(&p) * p.Window; got != len(plain.bytes) {
		t.Errorf("the floor echoes %d bytes, the generator waits for %d", len(plain.bytes), got)
	}
}

func serverFrame(opcode byte, payload []byte) []byte {
	b := appendClientFrame(nil, opcode, payload)
	h, _ := frameHead(b)
	b[1] &^= 0x80
	return append(b[:h:h], payload...)
}

// The scanner counts the same however the stream is cut into reads.
func TestScannerCountsInAnySplit(t *testing.T) {
	ack := message.Append(nil, &message.Message{Kind: message.KindAck, Flags: message.FlagAck,
		AckID: 7, Payload: text(300)})
	var stream []byte
	for _, f := range [][]byte{serverFrame(9, text(8)), serverFrame(opBinary, ack),
		serverFrame(9, nil), serverFrame(opBinary, ack),
		serverFrame(opBinary,
			message.Append(nil, &message.Message{Kind: message.KindEvent, Event: []byte("x")})),
		serverFrame(opBinary, ack[:3])} {
		stream = append(stream, f...)
	}
	for size := 1; size <= len(stream); size++ {
		var s scanner
		n := 0
		for rest := stream; len(rest) > 0; {
			k := min(size, len(rest))
			n += s.count(rest[:k], message.KindAck)
			rest = rest[k:]
		}
		if n != 3 || s.failed || s.skip != 0 || s.held != 0 {
			t.Fatalf("reads of %d bytes: %d acks, want 3; %+v", size, n, s)
		}
	}
}

func TestScannerReportsFailures(t *testing.T) {
	failure := message.Append(nil, &message.Message{Kind: message.KindError, Payload: []byte("{}")})
	for name, f := range map[string][]byte{"ERROR": serverFrame(opBinary, failure),
		"close": serverFrame(8, []byte{3, 232})} {
		var s scanner
		if s.count(f, message.KindAck); !s.failed {
			t.Errorf("%s was not noticed", name)
		}
	}
}
