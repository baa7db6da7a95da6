package frame

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// feed feeds a parser the stream in chunks that end at cuts (ascending). It returns what came out,
// the close code of the error and the index of the chunk that caused it. Every chunk is a separate
// slice that is overwritten as soon as the parser has consumed it, so that bytes kept by reference
// show.
func feed(
	t testing.TB, cfg *Config, in []byte, cuts ...int,
) (events []event, code CloseCode, chunk int) {
	t.Helper()
	var ps Parser
	defer ps.Reset()
	from := 0
	for i, cut := range append(slices.Clone(cuts), len(in)) {
		p := slices.Clone(in[from:cut])
		from = cut
		for rest := p; ; {
			m, r, ok, err := ps.Feed(cfg, rest)
			if err != nil {
				var e *Error
				if !errors.As(err, &e) {
					t.Fatalf("error %T is no *Error", err)
				}
				if ok || m.Payload != nil {
					t.Fatal("a message beside an error")
				}
				if _, _, _, again := ps.Feed(cfg, []byte{0x82, 0}); again == nil {
					t.Fatal("an error was not final")
				}
				return events, e.Code, i
			}
			if !ok {
				break
			}
			events = append(events, event{m.Op, string(m.Payload), m.Compressed})
			rest = r
		}
		for j := range p {
			p[j] = 0xa5
		}
	}
	return events, 0, 0
}

func everyByte(in []byte) []int {
	cuts := make([]int, max(len(in)-1, 0))
	for i := range cuts {
		cuts[i] = i + 1
	}
	return cuts
}

// side builds frames as the peer of a parser sends them.
type side struct{ client bool }

var testKey = [4]byte{0x37, 0xfa, 0x21, 0x3d}

// frame builds one frame with any first byte and the shortest length.
func (s side) frame(first byte, payload string) []byte {
	return s.sized(first, len(payload), payload)
}

// sized builds a frame that announces n bytes and then carries payload.
func (s side) sized(first byte, n int, payload string) []byte {
	if s.client {
		return append(appendHeader(nil, first, 0, n), payload...)
	}
	b := append(appendHeader(nil, first, bitMask, n), testKey[:]...)
	body := []byte(payload)
	Mask(body, testKey, 0)
	return append(b, body...)
}

// length builds a header with a length field that the test chooses: 126 and two bytes, or 127 and
// eight.
func (s side) length(first, l byte, extended ...byte) []byte {
	if !s.client {
		l |= bitMask
	}
	b := append([]byte{first, l}, extended...)
	if !s.client {
		b = append(b, testKey[:]...)
	}
	return b
}

func (s side) long(first byte, n uint64) []byte {
	return s.length(first, 127, binary.BigEndian.AppendUint64(nil, n)...)
}

const (
	finText = bitFin | byte(Text)
	finBin  = bitFin | byte(Binary)
	finCont = bitFin | byte(Continuation)
	finPing = bitFin | byte(Ping)
	finPong = bitFin | byte(Pong)
	finStop = bitFin | byte(Close)
)

type parserCase struct {
	name  string
	build func(s side) [][]byte // the parts of the stream
	want  []event
	code  CloseCode
	at    int // the error must be known after this many bytes of the last part; 0 means not checked
	cfg   Config
}

func text(s string) event { return event{Text, s, false} }
func bin(s string) event  { return event{Binary, s, false} }
func ping(s string) event { return event{Ping, s, false} }

// check runs a case whole, in every two-way split and byte by byte, on both sides.
func (c parserCase) check(t *testing.T) {
	t.Helper()
	for _, s := range []side{{false}, {true}} {
		parts := c.build(s)
		in := bytes.Join(parts, nil)
		cfg := c.cfg
		cfg.Client = s.client
		match := func(how string, events []event, code CloseCode) {
			t.Helper()
			if code != c.code || !slices.Equal(events, c.want) {
				t.Fatalf("client=%v %s: got %.200s, code %d; want %.200s, code %d", s.client, how,
					fmt.Sprint(events), code, fmt.Sprint(c.want), c.code)
			}
		}
		events, code, _ := feed(t, &cfg, in)
		match("whole", events, code)
		for cut := 1; cut < len(in); cut++ {
			if cut > 40 && cut < len(in)-20 && len(in) > 2000 {
				cut += len(in) / 64
			}
			events, code, _ = feed(t, &cfg, in, min(cut, len(in)))
			match(fmt.Sprintf("split at %d", cut), events, code)
		}
		events, code, at := feed(t, &cfg, in, everyByte(in)...)
		match("byte by byte", events, code)
		if before := len(in) - len(parts[len(parts)-1]); c.at != 0 && at+1 != before+c.at {
			t.Fatalf("client=%v: error after byte %d of %d, want byte %d", s.client, at+1, len(in),
				before+c.at)
		}
		want, wantCode, _ := reference(&cfg, in)
		match("reference", want, wantCode)
	}
}

func one(f func(s side) []byte) func(side) [][]byte {
	return func(s side) [][]byte { return [][]byte{f(s)} }
}

// frames builds a stream of whole frames: first byte, payload, first byte, payload, ...
func frames(parts ...any) func(side) [][]byte {
	return func(s side) (out [][]byte) {
		for i := 0; i < len(parts); i += 2 {
			out = append(out, s.frame(byte(parts[i].(int)), parts[i+1].(string)))
		}
		return out
	}
}

func runCases(t *testing.T, cases []parserCase) {
	for _, c := range cases {
		t.Run(c.name, c.check)
	}
}

// Autobahn 1.*: sizes around every change of the length's encoding.
func TestFraming(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 127, 128, 65535, 65536} {
		s := strings.Repeat("*", n)
		runCases(t, []parserCase{
			{name: fmt.Sprint("text ", n), build: frames(int(finText), s), want: []event{text(s)}},
			{name: fmt.Sprint("binary ", n), build: frames(int(finBin), s), want: []event{bin(s)}},
			{name: fmt.Sprint("fragments ", n), build: frames(0x02, s, 0x00, s, int(finCont), s),
				want: []event{bin(s + s + s)}},
		})
	}
	runCases(t, []parserCase{
		{name: "many in one read", build: frames(0x81, "a", 0x82, "b", 0x89, "c", 0x81, "", 0x82,
			strings.Repeat("d", 300)),
			want: []event{text("a"), bin("b"), ping("c"), text(""), bin(strings.Repeat("d", 300))}},
		{name: "wrong mask bit", build: one(func(s side) []byte {
			return side{!s.client}.frame(finText, "hi")
		}), code: 1002, at: 2},
		{name: "length 16 not minimal", build: one(func(s side) []byte {
			return s.length(finBin, 126, 0, 125)
		}), code: 1002, at: 4},
		{name: "length 64 not minimal", build: one(func(s side) []byte {
			return s.long(finBin, 65535)
		}), code: 1002, at: 10},
		{name: "length 64 of 200", build: one(func(s side) []byte { return s.long(finBin, 200) }),
			code: 1002, at: 10},
	})
}

// Autobahn 2.*: pings and pongs, also between the fragments of a message.
func TestControl(t *testing.T) {
	long := strings.Repeat("\xfe", 125)
	runCases(t, []parserCase{
		{name: "2.1 empty ping", build: frames(0x89, ""), want: []event{ping("")}},
		{name: "2.2 text ping", build: frames(0x89, "Hello"), want: []event{ping("Hello")}},
		{name: "2.3 binary ping", build: frames(0x89, "\x00\xff\xfe"),
			want: []event{ping("\x00\xff\xfe")}},
		{name: "2.4 125 bytes", build: frames(0x89, long), want: []event{ping(long)}},
		{name: "2.5 126 bytes", build: frames(0x89, long+"x"), code: 1002},
		{name: "2.5 at its second byte", build: one(func(s side) []byte {
			return s.length(finPing, 126)
		}), code: 1002, at: 2},
		{name: "2.7 unsolicited pong", build: frames(0x8a, "x"), want: []event{{Pong, "x", false}}},
		{name: "2.10 ten pings", build: frames(0x89, "0", 0x89, "1", 0x89, "2", 0x89, "3"),
			want: []event{ping("0"), ping("1"), ping("2"), ping("3")}},
		{name: "between fragments", build: frames(0x01, "ab", 0x89, "p", 0x00, "cd", 0x8a, long,
			0x80, "ef"),
			want: []event{ping("p"), {Pong, long, false}, text("abcdef")}},
		{name: "fragmented ping", build: frames(0x09, "x"), code: 1002},
		{name: "fragmented close", build: frames(0x08, ""), code: 1002},
		{name: "close with 126", build: one(func(s side) []byte {
			return s.length(finStop, 126, 0, 126)
		}), code: 1002, at: 2},
		{name: "ping with 127", build: one(func(s side) []byte { return s.long(finPing, 70000) }),
			code: 1002, at: 2},
	})
}

// Autobahn 3.* and 4.*: every first byte, alone and inside a fragmented message.
func TestFirstByte(t *testing.T) {
	for _, deflate := range []bool{false, true} {
		for _, inside := range []bool{false, true} {
			for b := range 256 {
				op, rsv := Opcode(b&15), b&0x70
				var want []event
				var code CloseCode
				known := op == 0 || op == 1 || op == 2 || op == 8 || op == 9 || op == 10
				switch {
				case !known, rsv&0x30 != 0,
					rsv != 0 && !(deflate && (op == Text || op == Binary)),
					op >= 8 && b < 128,
					op < 8 && (op == 0) != inside:
					code = 1002
				case op >= 8:
					want = []event{{op, "xy", false}}
				case b < 128:
				case inside:
					want = []event{bin("abxy")}
				default:
					want = []event{{op, "xy", rsv != 0}}
				}
				build := frames(b, "xy")
				if inside {
					build = frames(0x02, "ab", b, "xy")
				}
				c := parserCase{name: fmt.Sprintf("%#x deflate=%v inside=%v", b, deflate, inside),
					build: build, want: want, code: code, cfg: Config{Deflate: deflate}}
				if code != 0 {
					c.at = 1
				}
				t.Run(c.name, c.check)
			}
		}
	}
}

// Autobahn 5.*: fragmentation.
func TestFragments(t *testing.T) {
	runCases(t, []parserCase{
		{name: "5.1 two pings", build: frames(0x09, "a", 0x80, "b"), code: 1002},
		{name: "5.3 two texts", build: frames(0x01, "a", 0x80, "b"), want: []event{text("ab")}},
		{name: "5.6 ping inside", build: frames(0x01, "a", 0x89, "p", 0x80, "b"),
			want: []event{ping("p"), text("ab")}},
		{name: "5.9 continuation of nothing", build: frames(0x80, "x", 0x81, "y"), code: 1002},
		{name: "5.10 the same, open", build: frames(0x00, "x", 0x81, "y"), code: 1002},
		{name: "5.12 after a whole message", build: frames(0x81, "x", 0x80, "y"),
			want: []event{text("x")}, code: 1002, at: 1},
		{name: "5.15 after a fragmented one", build: frames(0x01, "a", 0x80, "b", 0x00, "c"),
			want: []event{text("ab")}, code: 1002, at: 1},
		{name: "5.18 text in text", build: frames(0x01, "a", 0x81, "b"), code: 1002, at: 1},
		{name: "binary in text", build: frames(0x01, "a", 0x02, "b"), code: 1002, at: 1},
		{name: "5.19 pings and five fragments", build: frames(0x01, "1", 0x00, "2", 0x89, "p", 0x00,
			"3", 0x00, "4", 0x89, "q", 0x80, "5"),
			want: []event{ping("p"), ping("q"), text("12345")}},
		{name: "empty fragments", build: frames(0x01, "", 0x00, "", 0x80, ""),
			want: []event{text("")}},
		{name: "empty, then whole", build: frames(0x02, "", 0x80, "xyz", 0x82, "n"),
			want: []event{bin("xyz"), bin("n")}},
		{name: "at most", build: frames(0x02, "a", 0x00, "b", 0x80, "c"), want: []event{bin("abc")},
			cfg: Config{MaxFragments: 3}},
		{name: "one over", build: frames(0x02, "a", 0x00, "b", 0x00, "", 0x80, "c"), code: 1008,
			at: 1, cfg: Config{MaxFragments: 3}},
		{name: "empty ones count", build: frames(0x02, "", 0x00, "", 0x00, "", 0x00, ""),
			code: 1008, at: 1, cfg: Config{MaxFragments: 3}},
		{name: "counted per message", build: frames(0x02, "a", 0x80, "b", 0x02, "c", 0x80, "d"),
			want: []event{bin("ab"), bin("cd")}, cfg: Config{MaxFragments: 2}},
	})
}

// Autobahn 9.*, and the lengths that have broken other parsers.
func TestLimits(t *testing.T) {
	k := strings.Repeat("k", 1000)
	small := Config{MaxMessage: 3000}
	runCases(t, []parserCase{
		{name: "exact", build: frames(0x82, k+k+k), want: []event{bin(k + k + k)}, cfg: small},
		{name: "one over", build: one(func(s side) []byte { return s.sized(finBin, 3001, "") }),
			code: 1009, at: 4, cfg: small},
		{name: "exact in fragments", build: frames(0x02, k, 0x00, k, 0x89, "p", 0x80, k),
			want: []event{ping("p"), bin(k + k + k)}, cfg: small},
		{name: "over in fragments", build: func(s side) [][]byte {
			return [][]byte{s.frame(0x02, k), s.frame(finPing, "p"), s.frame(0x00, k),
				s.sized(finCont, 1001, "")}
		}, want: []event{ping("p")}, code: 1009, at: 4, cfg: small},
		{name: "over by one byte of a short frame", build: frames(0x02, k+k+k, 0x80, "x"),
			code: 1009, at: 2, cfg: small},
		{name: "tiny limit", build: frames(0x82, "abc"), code: 1009, at: 2,
			cfg: Config{MaxMessage: 2}},
		{name: "control frames are not counted", build: frames(0x89, k[:125]),
			want: []event{ping(k[:125])}, cfg: Config{MaxMessage: 2}},
		{name: "top bit", build: one(func(s side) []byte { return s.long(finBin, 1<<63) }),
			code: 1002, at: 3},
		{name: "all bits", build: one(func(s side) []byte { return s.long(finBin, 1<<64-1) }),
			code: 1002, at: 3},
		{name: "2^64-4", build: one(func(s side) []byte { return s.long(finBin, 1<<64-4) }),
			code: 1002, at: 3},
		{name: "2^63-1", build: one(func(s side) []byte { return s.long(finBin, 1<<63-1) }),
			code: 1009, at: 10},
		{name: "2^63-1 behind a fragment", build: func(s side) [][]byte {
			return [][]byte{s.frame(0x02, k), s.long(finCont, 1<<63-1)}
		}, code: 1009, at: 10},
		{name: "2^32", build: one(func(s side) []byte { return s.long(finBin, 1<<32) }), code: 1009,
			at: 10},
		{name: "2^31", build: one(func(s side) []byte { return s.long(finBin, 1<<31) }), code: 1009,
			at: 10},
		{name: "default limit and one", build: one(func(s side) []byte {
			return s.long(finBin, DefaultMaxMessage+1)
		}), code: 1009, at: 10},
		{name: "2^31-1 within the limit", build: one(func(s side) []byte {
			return s.long(finBin, 1<<31-1)
		}), cfg: Config{MaxMessage: 1<<63 - 1}},
	})
}

// A limit that is lowered while a message is open refuses it at its next frame.
func TestLimitLoweredMidMessage(t *testing.T) {
	var ps Parser
	defer ps.Reset()
	s := side{}
	if _, _, _, err := ps.Feed(&Config{MaxMessage: 100},
		s.frame(0x02, strings.Repeat("x", 50))); err != nil {
		t.Fatal(err)
	}
	_, _, _, err := ps.Feed(&Config{MaxMessage: 10}, s.frame(0x00, "x"))
	if e, ok := err.(*Error); !ok || e.Code != CloseTooBig {
		t.Fatalf("got %v, want 1009", err)
	}
}

func TestResetAndBuffered(t *testing.T) {
	var ps Parser
	cfg := &Config{}
	ps.Reset() // of the zero value
	s := side{}
	whole := s.frame(finBin, strings.Repeat("x", 100))
	ps.Feed(cfg, slices.Clone(whole[:50]))
	if n := ps.Buffered(); n != 44 {
		t.Fatalf("Buffered() = %d, want 44", n)
	}
	ps.Reset()
	ps.Reset()
	if n := ps.Buffered(); n != 0 {
		t.Fatalf("Buffered() after Reset = %d", n)
	}
	m, _, ok, err := ps.Feed(cfg, whole)
	if !ok || err != nil || len(m.Payload) != 100 {
		t.Fatalf("after Reset: %v %v %v", m, ok, err)
	}
	if n := ps.Buffered(); n != 0 {
		t.Fatalf("Buffered() of an idle parser = %d", n)
	}
}

// A message that lies whole in the caller's buffer is handed out from there.
func TestInPlace(t *testing.T) {
	for _, n := range []int{0, 20, 125, 126, 70000} {
		in := side{}.frame(finBin, strings.Repeat("x", n))
		var ps Parser
		m, rest, ok, err := ps.Feed(&Config{}, in)
		if !ok || err != nil || len(rest) != 0 || ps.Buffered() != 0 ||
			ps != (Parser{key: ps.key, first: ps.first, head: ps.head, frames: ps.frames}) {
			t.Fatalf("%d bytes: %v %v %+v", n, ok, err, ps)
		}
		if n > 0 && &m.Payload[0] != &in[len(in)-n] {
			t.Fatalf("%d bytes were copied", n)
		}
	}
}
