package message

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func sameMessage(a, b *Message) bool {
	return a.Kind == b.Kind && a.Flags == b.Flags && a.Seq == b.Seq && a.AckID == b.AckID &&
		bytes.Equal(a.Event, b.Event) && bytes.Equal(a.Payload, b.Payload)
}

// validBinary holds encodings written by hand from docs/PROTOCOL.md.
var validBinary = []struct {
	name, hex string
	m         Message
}{
	{"event without data", "04 04 6d6f7665", Message{Kind: KindEvent, Event: []byte("move")}},
	{"event with data", "04 04 6d6f7665 7b7d", Message{Kind: KindEvent, Event: []byte("move"),
		Payload: []byte("{}")}},
	{"event, shortest name", "04 01 61", Message{Kind: KindEvent, Event: []byte("a")}},
	{"event, longest name", "04 8001" + strings.Repeat("61", 128),
		Message{Kind: KindEvent, Event: bytes.Repeat([]byte("a"), 128)}},
	{"event, name of two runes", "04 06 c3a9 f09f9880 31",
		Message{Kind: KindEvent, Event: []byte("é😀"), Payload: []byte("1")}},
	{"event, all flags", "f4 8001 07 01 78 0100ff",
		Message{Kind: KindEvent, Flags: FlagSeq | FlagAck | FlagBinary | FlagDeflated, Seq: 128,
			AckID: 7, Event: []byte("x"), Payload: []byte{1, 0, 255}}},
	{"event, bytes that are JSON text", "24 01 78 31",
		Message{Kind: KindEvent, Flags: FlagBinary, Event: []byte("x"), Payload: []byte("1")}},
	{"event, largest numbers", "c4 ffffffffffffffffff01 ffffffffffffffffff01 01 78",
		Message{Kind: KindEvent, Flags: FlagSeq | FlagAck, Seq: math.MaxUint64,
			AckID: math.MaxUint64, Event: []byte("x")}},
	{"event, ack id 0", "44 00 01 78", Message{Kind: KindEvent, Flags: FlagAck,
		Event: []byte("x")}},
	{"event, seq 127", "84 7f 01 78", Message{Kind: KindEvent, Flags: FlagSeq, Seq: 127,
		Event: []byte("x")}},
	{"event, seq 16384", "84 808001 01 78", Message{Kind: KindEvent, Flags: FlagSeq, Seq: 16384,
		Event: []byte("x")}},
	{"ack without data", "45 07", Message{Kind: KindAck, Flags: FlagAck, AckID: 7}},
	{"ack with data", "45 ac02 74727565", Message{Kind: KindAck, Flags: FlagAck, AckID: 300,
		Payload: []byte("true")}},
	{"ack with bytes and seq", "e5 09 07 00",
		Message{Kind: KindAck, Flags: FlagSeq | FlagAck | FlagBinary, Seq: 9, AckID: 7,
			Payload: []byte{0}}},
	{"error", "06 7b7d", Message{Kind: KindError, Payload: []byte("{}")}},
	{"error that answers", "46 07 7b7d", Message{Kind: KindError, Flags: FlagAck, AckID: 7,
		Payload: []byte("{}")}},
	{"ping", "07 01 02 00", Message{Kind: KindPing, Payload: []byte{1, 2, 0}}},
	{"pong", "08 01 02 03", Message{Kind: KindPong, Payload: []byte{1, 2, 3}}},
	{"hello", "01 01 01 01", Message{Kind: KindHello, Payload: []byte{1, 1, 1}}},
	{"connect", "02", Message{Kind: KindConnect}},
	{"connect_ack", "03", Message{Kind: KindConnectAck}},
	{"goaway", "09", Message{Kind: KindGoaway}},
	{"sealed", "0f ffffff", Message{Kind: KindSealed, Payload: []byte{255, 255, 255}}},
}

var invalidBinary = []struct{ name, hex string }{
	{"empty", ""},
	{"kind 0", "00"}, {"kind 10", "0a"}, {"kind 11", "0b"}, {"kind 12", "0c"}, {"kind 13", "0d"},
	{"kind 14", "0e"},
	{"hello with seq", "81 00"}, {"connect deflated", "12"}, {"connect_ack binary", "23"},
	{"ping with ack", "47 00"},
	{"pong binary", "28"}, {"goaway with seq", "89 00"}, {"sealed deflated", "1f"},
	{"error with bytes", "26"},
	{"ack without id", "05"}, {"ack without id, data", "05 31"}, {"ack, id cut", "45"},
	{"ack, id cut in the middle", "45 80"},
	{"event without name", "04"}, {"event, empty name", "04 00"}, {"event, name cut", "04 05 61"},
	{"event, name of 129 bytes", "04 8101" + strings.Repeat("61", 129)},
	{"event, name length of 2^64-1", "04 ffffffffffffffffff01 61"},
	{"event, name length of 2^63", "04 80808080808080808001 61"},
	{"event, overlong name length", "04 8100 61"}, {"event, overlong zero", "84 8000 01 61"},
	{"event, seq over 64 bits", "84 ffffffffffffffffff02 01 61"},
	{"event, seq of eleven bytes", "84 8080808080808080808001 01 61"},
	{"event, seq cut", "84 ff"}, {"event, name is not UTF-8", "04 01 ff"},
	{"event, surrogate in the name", "04 03 eda080"},
	{"event, overlong UTF-8", "04 02 c080"}, {"event, half a rune", "04 02 61c3"},
	{"event, NUL in the name", "04 02 6100"}, {"event, line feed in the name", "04 02 0a61"},
	{"event, DEL in the name", "04 02 617f"}, {"event, C1 control in the name", "04 03 61c285"},
}

func TestParseHandWrittenMessages(t *testing.T) {
	for _, c := range validBinary {
		b := unhex(t, c.hex)
		m, err := Parse(b)
		if err != nil || !sameMessage(&m, &c.m) {
			t.Errorf("%s: Parse gave %+v, %v", c.name, m, err)
		}
		if got := Append([]byte("kept"), &c.m); string(got) != "kept"+string(b) {
			t.Errorf("%s: Append gave %x, want %x", c.name, got[4:], b)
		}
		if c.m.Kind == KindEvent {
			got := AppendEventHeader([]byte("kept"), c.m.Flags, c.m.Seq, c.m.AckID,
				string(c.m.Event))
			if got = append(got, c.m.Payload...); string(got) != "kept"+string(b) {
				t.Errorf("%s: AppendEventHeader gave %x, want %x", c.name, got[4:], b)
			}
		}
	}
}

func TestParseRefusesInvalidMessages(t *testing.T) {
	for _, c := range invalidBinary {
		m, err := Parse(unhex(t, c.hex))
		var e *Error
		if !errors.As(err, &e) || e.Code != CodeInvalidFormat || e.Message == "" {
			t.Errorf("%s: %+v, %v", c.name, m, err)
		}
		if m.Kind != 0 || m.Payload != nil {
			t.Errorf("%s: a message next to the error: %+v", c.name, m)
		}
	}
}

func TestParseEveryPrefix(t *testing.T) {
	whole := unhex(t, "c4 8001 ac02 04 6d6f7665 7b7d")
	for n := range whole {
		_, err := Parse(whole[:n:n])
		if wantErr := n < 10; (err != nil) != wantErr { // after the name any payload is valid
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func TestEventNames(t *testing.T) {
	for name, want := range map[string]bool{
		"": false, "a": true, " ": true, "a b": true, "__proto__": true, "constructor": true,
		"ünïcödé": true, "~": true,
		"\u00a0": true, "\u009f": false, "\u0080": false, "\x7f": false, "\x1f": false,
		"a\x00": false, "é\n": false, "\xff": false,
		strings.Repeat("x", 128): true, strings.Repeat("x", 129): false,
		strings.Repeat("é", 64): true, "\ufffd": true,
	} {
		if got := ValidEvent([]byte(name)); got != want {
			t.Errorf("ValidEvent(%q) = %v", name, got)
		}
	}
	for name, want := range map[string]bool{
		"connect": true, "connection": true, "connected": true, "disconnect": true,
		"disconnected": true, "error": true,
		"rate-limit": true, "reconnecting": true, "reconnected": true, "__": true,
		"__rate-limited__": true,
		"":                 false, "_": false, "_x": false, "Connect": false, "connects": false,
		"errors": false, "move": false, "x__": false,
	} {
		if got := ReservedEvent([]byte(name)); got != want {
			t.Errorf("ReservedEvent(%q) = %v", name, got)
		}
	}
}

func TestUvarint(t *testing.T) {
	for shift := range 64 {
		for _, v := range []uint64{1<<shift - 1, 1 << shift, 1<<shift + 1} {
			b := appendUvarint([]byte{9}, v)
			if got, n := readUvarint(b, 1); got != v || n != len(b) {
				t.Errorf("%d came back as %d from %x", v, got, b)
			}
			if _, n := readUvarint(b[:len(b)-1], 1); n >= 0 {
				t.Errorf("%d cut short was accepted", v)
			}
			b[len(b)-1] |= 0x80
			if _, n := readUvarint(append(b, 0), 1); n >= 0 {
				t.Errorf("%d in an overlong form was accepted", v)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range validBinary {
		f.Add(unhex(f, c.hex))
	}
	for _, c := range invalidBinary {
		f.Add(unhex(f, c.hex))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		m, err := Parse(b)
		if !bytes.Equal(b, before) {
			t.Fatal("Parse changed its input")
		}
		if err != nil {
			if !errors.Is(err, ErrInvalidFormat) {
				t.Fatalf("%v", err)
			}
			return
		}
		// Each message has exactly one encoding.
		if got := Append(nil, &m); !bytes.Equal(got, b) {
			t.Fatalf("Append(Parse(%x)) = %x", b, got)
		}
	})
}
