package message

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"testing"
)

var (
	random32 = bytes.Repeat([]byte{0xab}, 32)
	keyID8   = []byte("key-id-8")
)

var sampleHellos = []Hello{
	{},
	{Version: 1, Random: random32, MaxMessageBytes: 1 << 20, HandshakeTimeout: 5000},
	{Version: 1, Random: random32, Algorithms: []byte{1, 2},
		KeyIDs: append(bytes.Clone(keyID8), keyID8...), AuthRequired: true, ResumeSupported: true,
		MaxMessageBytes: 127, HandshakeTimeout: 128},
	{Version: math.MaxUint64, ResumeSupported: true},
	{Version: 1, Random: random32, MaxMessageBytes: 1 << 20, HandshakeTimeout: 5000,
		RateLimit: 100, RateWindow: 60000},
	{Version: 1, Random: random32, AuthEvent: true, ResumeSupported: true},
	{Version: 1, AuthEvent: true},
}

var sampleConnects = []Connect{
	{},
	{Version: 1, Random: random32, CanInflate: true, Client: []byte("go/1")},
	{Version: 1, Random: random32, Algorithm: 2, KeyID: keyID8, Namespace: []byte("/chat"),
		APIKey: []byte("secret"), SessionToken: random32, LastSeq: 1 << 40, CanInflate: true,
		Client: bytes.Repeat([]byte("c"), 200)},
	{Version: 1, Random: random32, CanMove: true},
	{Version: 1, Random: random32, CanInflate: true, CanMove: true, Client: []byte("go/1")},
}

var sampleConnectAcks = []ConnectAck{
	{},
	{SocketID: []byte("abc"), HeartbeatInterval: 25000, CompressionThreshold: 1024,
		MaxMessageBytes: 1 << 20, ServerTime: 1_700_000_000_000_000},
	{SocketID: []byte("abc"), SessionToken: random32, Recovered: true, Arrived: 301},
}

var sampleGoaways = []Goaway{{}, {Deadline: 5000, ReconnectWindow: 10000,
	URL: []byte("wss://example.org/")}, {ReconnectWindow: 1}, {Deadline: 10_000, Move: true}}

func ptr[T any](v T) *T { return &v }

func checkRecord[T any](
	t *testing.T, k Kind, samples []T, appendTo func([]byte, *T) []byte,
	parse func([]byte) (T, error),
) {
	t.Helper()
	for _, want := range samples {
		b := appendTo([]byte("kept"), &want)
		if string(b[:4]) != "kept" || b[4] != byte(k) {
			t.Errorf("kind %d begins with %x", k, b[:5])
		}
		b = b[4:]
		got, err := parse(b)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v came back as %+v, %v", want, got, err)
		}
		if m, err := Parse(b); err != nil || m.Kind != k || !bytes.Equal(m.Payload, b[1:]) {
			t.Errorf("Parse of kind %d: %+v, %v", k, m, err)
		}
		// Unknown fields of a later version change nothing.
		newer := appendNumber(appendBytes(bytes.Clone(b), 60, []byte("new")), 61, 5)
		if got, err := parse(append(newer, 0x80, 0x01, 0)); err != nil ||
			!reflect.DeepEqual(got, want) {
			t.Errorf("with unknown fields: %+v, %v", got, err)
		}
		for n := range b {
			if got, err := parse(b[:n:n]); err == nil && !bytes.Equal(appendTo(nil, &got), b[:n]) {
				t.Errorf("cut to %d bytes: %+v", n, got)
			}
		}
	}
}

func TestRecordsRoundTrip(t *testing.T) {
	checkRecord(t, KindHello, sampleHellos, AppendHello, ParseHello)
	checkRecord(t, KindConnect, sampleConnects, AppendConnect, ParseConnect)
	checkRecord(t, KindConnectAck, sampleConnectAcks, AppendConnectAck, ParseConnectAck)
	checkRecord(t, KindGoaway, sampleGoaways, AppendGoaway, ParseGoaway)
}

func TestRecordsByHand(t *testing.T) {
	b := unhex(t, "01 01 01 01 06 03 808040 05 01 03")
	h, err := ParseHello(b)
	if want := (Hello{Version: 1, MaxMessageBytes: 1 << 20, AuthRequired: true,
		ResumeSupported: true}); err != nil || !reflect.DeepEqual(h, want) {
		t.Errorf("%+v, %v", h, err)
	}
	g := Goaway{Deadline: 300, URL: []byte("u")}
	if got, want := AppendGoaway(nil, &g), unhex(t, "09 01 02 ac02 03 01 75"); !bytes.Equal(got,
		want) {
		t.Errorf("%x, want %x", got, want)
	}
}

// invalidRecords holds HELLOs and other records that must be refused.
var invalidRecords = []struct{ name, hex string }{
	{"empty", ""}, {"another kind", "02"}, {"a flag", "81"}, {"id alone", "01 01"},
	{"value cut", "01 01 02 01"},
	{"repeated", "01 01 01 01 01 01 02"}, {"repeated unknown", "01 3f 00 3f 00"},
	{"number with a byte behind", "01 01 02 0100"}, {"number cut", "01 01 01 80"},
	{"overlong number", "01 01 02 8100"}, {"empty number", "01 01 00"},
	{"random of 31 bytes", "01 02 1f" + string(bytes.Repeat([]byte("00"), 31))},
	{"random of 33 bytes", "01 02 21" + string(bytes.Repeat([]byte("00"), 33))},
	{"empty random", "01 02 00"}, {"key ids of 9 bytes", "01 04 09 000000000000000000"},
	{"length of 2^64-1", "01 01 ffffffffffffffffff01 00"}, {"overlong id", "01 8100 01 00"},
	{"overlong length", "01 01 8100 00"},
}

func TestRecordsRefuseMalformedFields(t *testing.T) {
	for _, c := range invalidRecords {
		h, err := ParseHello(unhex(t, c.hex))
		if !errors.Is(err, ErrInvalidFormat) || !reflect.DeepEqual(h, Hello{}) {
			t.Errorf("%s: %+v, %v", c.name, h, err)
		}
	}
	for _, hex := range []string{"02 04 07 00000000000000", "02 0e 02 0000", "02 03 00"} {
		if c, err := ParseConnect(unhex(t, hex)); !errors.Is(err, ErrInvalidFormat) {
			t.Errorf("%s: %+v, %v", hex, c, err)
		}
	}
}

func TestClock(t *testing.T) {
	for _, k := range []Kind{KindPing, KindPong} {
		want := Clock{ServerTime: 1_700_000_000_000_000, RTT: 900, ClientTime: 1<<64 - 1}
		b := AppendClock([]byte("x"), k, want)[1:]
		if got, err := ParseClock(b); err != nil || got != want {
			t.Errorf("%+v, %v", got, err)
		}
		for n := range b {
			if got, err := ParseClock(b[:n]); !errors.Is(err, ErrInvalidFormat) {
				t.Errorf("cut to %d bytes: %+v, %v", n, got, err)
			}
		}
		if _, err := ParseClock(append(b, 0)); !errors.Is(err, ErrInvalidFormat) {
			t.Errorf("a byte too many: %v", err)
		}
	}
	if _, err := ParseClock([]byte{9, 0, 0, 0}); !errors.Is(err, ErrInvalidFormat) {
		t.Errorf("another kind: %v", err)
	}
}

func FuzzRecords(f *testing.F) {
	for i := range sampleHellos {
		f.Add(AppendHello(nil, &sampleHellos[i]))
	}
	for i := range sampleConnects {
		f.Add(AppendConnect(nil, &sampleConnects[i]))
	}
	for i := range sampleConnectAcks {
		f.Add(AppendConnectAck(nil, &sampleConnectAcks[i]))
	}
	for i := range sampleGoaways {
		f.Add(AppendGoaway(nil, &sampleGoaways[i]))
	}
	f.Add(AppendClock(nil, KindPing, Clock{1, 2, 3}))
	for _, c := range invalidRecords {
		f.Add(unhex(f, c.hex))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		again(t, b, ParseHello, AppendHello)
		again(t, b, ParseConnect, AppendConnect)
		again(t, b, ParseConnectAck, AppendConnectAck)
		again(t, b, ParseGoaway, AppendGoaway)
		if c, err := ParseClock(b); err == nil {
			if got := AppendClock(nil, Kind(b[0]), c); !bytes.Equal(got, b) {
				t.Fatalf("%x became %x", b, got)
			}
		}
	})
}

// again checks that a record says the same after it is written and read once more.
func again[T any](
	t *testing.T, b []byte, parse func([]byte) (T, error), appendTo func([]byte, *T) []byte,
) {
	v, err := parse(b)
	if err != nil {
		if !errors.Is(err, ErrInvalidFormat) {
			t.Fatal(err)
		}
		return
	}
	written := appendTo(nil, &v)
	w, err := parse(written)
	if err != nil || !bytes.Equal(appendTo(nil, &w), written) {
		t.Fatalf("%+v became %+v, %v", v, w, err)
	}
}
