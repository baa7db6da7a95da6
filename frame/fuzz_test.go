package frame

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/smartsocket/smartsocket/pool"
)

// Any split of a stream gives the same as the whole stream. Both give what the reference says, and
// fail at the byte where it fails.
func FuzzParser(f *testing.F) {
	for _, s := range []side{{false}, {true}} {
		for _, in := range [][]byte{
			s.frame(finText, "Hello"), s.frame(0xc1, "x"), s.long(finBin, 1<<63),
			s.length(finBin, 126, 0, 5),
			slices.Concat(s.frame(1, "\xe2\x82"), s.frame(finPing, "p"), s.frame(finCont, "\xac"),
				s.frame(finStop, "\x03\xe8")),
			slices.Concat(s.frame(2, strings.Repeat("x", 200)), s.frame(0, ""),
				s.frame(finCont, "end")),
		} {
			f.Add(in, []byte{1, 3, 7}, s.client, true)
			f.Add(in, []byte{0}, s.client, false)
		}
	}
	f.Fuzz(func(t *testing.T, in, steps []byte, client, deflate bool) {
		cfg := &Config{Client: client, Deflate: deflate, MaxMessage: 300, MaxFragments: 4}
		want, wantCode, wantAt := reference(cfg, in)
		var cuts []int
		for at, i := 0, 0; len(steps) > 0; i++ {
			if at += 1 + int(steps[i%len(steps)]); at >= len(in) {
				break
			}
			cuts = append(cuts, at)
		}
		for _, c := range [][]int{nil, cuts, everyByte(in)} {
			events, code, _ := feed(t, cfg, in, c...)
			if code != wantCode || !slices.Equal(events, want) {
				t.Fatalf("cuts %v: %v %d, want %v %d", c, events, code, want, wantCode)
			}
		}
		if wantCode != 0 {
			if _, _, at := feed(t, cfg, in, everyByte(in)...); at+1 != wantAt {
				t.Fatalf("error %d at byte %d, want %d", wantCode, at+1, wantAt)
			}
		}
	})
}

// Text in fragments is refused exactly if the standard library refuses the whole text.
func FuzzUTF8(f *testing.F) {
	for _, s := range validTexts {
		f.Add([]byte(s), uint16(1))
	}
	for _, c := range invalidTexts {
		f.Add([]byte(c.text), uint16(2))
	}
	f.Fuzz(func(t *testing.T, in []byte, cut uint16) {
		cfg := &Config{MaxMessage: 1 << 20}
		n := int(cut) % (len(in) + 1)
		s := side{}
		for _, stream := range [][]byte{s.frame(finText, string(in)),
			slices.Concat(s.frame(1, string(in[:n])), s.frame(finCont, string(in[n:])))} {
			events, code, _ := feed(t, cfg, stream, n)
			if ok := len(events) == 1 && events[0].payload == string(in); ok != utf8.Valid(in) ||
				ok == (code == CloseInvalidPayload) {
				t.Fatalf("%q: %v %d", in, events, code)
			}
		}
		var ref textReference
		ok := true
		for _, b := range in {
			ok = ok && ref.add(b)
		}
		if pending, got := validPrefix(in); got != ok || ok && (pending > 0) != (ref.need > 0) {
			t.Fatalf("%q: %d %v, want %v", in, pending, got, ok)
		}
	})
}

func FuzzMask(f *testing.F) {
	f.Add([]byte("payload"), uint16(1), []byte("key!"), 3, uint16(2))
	f.Add([]byte("0123456"), uint16(700), []byte{0, 0, 0, 1}, 1, uint16(4097))
	f.Fuzz(func(t *testing.T, unit []byte, count uint16, k []byte, pos int, cut uint16) {
		if len(unit) == 0 {
			return
		}
		// Long payloads take another path; repeating a unit reaches it without long inputs to
		// minimise.
		in := bytes.Repeat(unit, min(int(count), 10000/len(unit)))
		var key [4]byte
		copy(key[:], k)
		pos &= 1<<20 - 1
		want := slices.Clone(in)
		for i := range want {
			want[i] ^= key[(i+pos)%4]
		}
		got := slices.Clone(in)
		n := int(cut) % (len(in) + 1)
		Mask(got[:n], key, pos)
		Mask(got[n:], key, pos+n)
		if !bytes.Equal(got, want) {
			t.Fatalf("% x, want % x", got, want)
		}
		framed := AppendMaskedFrame(nil, Binary, false, in, key)
		events, code, _ := feed(t, &Config{MaxMessage: 1 << 30}, framed, n)
		if code != 0 || len(events) != 1 || events[0].payload != string(in) {
			t.Fatal("a masked frame does not come back")
		}
	})
}

// However the input is split, the head is found at the same place and read the same. A request that
// passes contains no forbidden byte, and the answer to it passes too.
func FuzzHandshake(f *testing.F) {
	f.Add([]byte(goodRequest), uint16(100))
	f.Add([]byte(lean("Sec-WebSocket-Protocol: a\r\n", "Sec-WebSocket-Protocol: b\r\n")), uint16(3))
	f.Add(
		[]byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "+
			"Upgrade\r\nSec-WebSocket-Accept: "+rfcAccept+"\r\n\r\n"), uint16(1))
	f.Fuzz(func(t *testing.T, in []byte, cut uint16) {
		n, _, err := ScanHead(in, 0)
		k := int(cut) % (len(in) + 1)
		n1, next, err1 := ScanHead(in[:k], 0)
		if n1 == 0 && err1 == nil {
			n1, _, err1 = ScanHead(in, next)
		}
		if n1 != n || status(err1) != status(err) || n > MaxHeadBytes || n > len(in) {
			t.Fatalf("split at %d: %d %v, whole: %d %v", k, n1, err1, n, err)
		}
		if n == 0 {
			return
		}
		head := slices.Clone(in[:n])
		ParseResponse(head, rfcKey, "a")
		r, err := ParseRequest(head)
		if !bytes.Equal(head, in[:n]) {
			t.Fatal("the head was written to")
		}
		if err != nil {
			if s := status(err); s < 400 || s > 505 {
				t.Fatal(err)
			}
			return
		}
		if r.Path[0] != '/' || len(r.Key) != 24 || len(r.Host) == 0 ||
			bytes.IndexByte(head, 0) >= 0 || bytes.Count(head, []byte("\n")) != bytes.Count(head,
			[]byte("\r\n")) {
			t.Fatalf("%q passed", head)
		}
		(*OriginPolicy)(nil).Check(&r)
		extensions, _ := NegotiateDeflate(r.Extensions)
		answer := AppendResponse(nil, &r, "p", extensions)
		if _, err := ParseResponse(answer, string(r.Key), "p"); err != nil {
			t.Fatal(err)
		}
	})
}

// Nothing panics. Our own client and server accept what we answer.
func FuzzExtensions(f *testing.F) {
	for _, s := range []string{"", DeflateOffer, deflateAnswerBits,
		`a;b="c", permessage-deflate; client_max_window_bits=10`, "permessage-deflate;;", ",,,"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		answer, ok := NegotiateDeflate(in)
		if ok != (answer != "") || ok && !bytes.Contains(in, []byte("permessage-deflate")) {
			t.Fatalf("%q: %q %v", in, answer, ok)
		}
		if on, err := DeflateAnswer([]byte(answer), true); on != ok || err != nil {
			t.Fatalf("%q is refused: %v", answer, err)
		}
		if on, err := DeflateAnswer(in, true); on && err != nil {
			t.Fatal("on beside an error")
		}
	})
}

// Nothing panics or exceeds the limit. What was deflated comes back.
func FuzzInflate(f *testing.F) {
	f.Add([]byte("\xf2\x48\xcd\xc9\xc9\x07\x00"), uint16(5))
	f.Add([]byte("\x00"), uint16(0))
	f.Add(bytes.Repeat([]byte("\x00\x00\x00\xff\xff"), 50), uint16(9))
	f.Fuzz(func(t *testing.T, in []byte, limit uint16) {
		for _, op := range []Opcode{Text, Binary} {
			b, err := InflateMessage(Message{Op: op, Payload: in, Compressed: true}, int(limit))
			if err != nil {
				if e, ok := err.(*Error); !ok || e.Code != CloseTooBig &&
					e.Code != CloseInvalidPayload || b != (pool.Unsized{}) {
					t.Fatal(err)
				}
				continue
			}
			if len(b.B) > int(limit) || op == Text && !utf8.Valid(b.B) {
				t.Fatalf("%d bytes %q", len(b.B), b.B)
			}
			pool.PutUnsized(b)
		}
		s, err := PrepareDeflated(Binary, in, 1)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Release()
		events, code, _ := feed(t, &Config{Client: true, Deflate: true}, s.Bytes())
		if code != 0 || len(events) != 1 {
			t.Fatal(events, code)
		}
		got := events[0].payload
		if events[0].compressed {
			b, err := InflateMessage(Message{Op: Binary, Payload: []byte(got), Compressed: true},
				len(in))
			if err != nil {
				t.Fatal(err)
			}
			got = string(b.B)
			pool.PutUnsized(b)
		}
		if got != string(in) {
			t.Fatal("a prepared message does not come back")
		}
	})
}
