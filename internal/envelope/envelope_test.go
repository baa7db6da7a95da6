package envelope

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/internal/outgoing"
	"github.com/smartsocket/smartsocket/internal/race"
	"github.com/smartsocket/smartsocket/message"
)

var envelopes = []Envelope{
	{Node: "a", Seq: 1, Namespace: "/", Event: "e"},
	{
		Node: strings.Repeat("n", MaxNode), Epoch: 1<<64 - 1, Seq: 1<<64 - 1,
		Namespace: "/" + strings.Repeat("ü", 300),
		Names:     []string{"red", "blue"}, Except: []string{"ss_0123456789012345678901"},
		Event: strings.Repeat("e", 128), Binary: true, Payload: []byte{0, 1, 255},
	},
	{
		Node: "b", Epoch: 7, Seq: 300, Names: slices.Repeat([]string{"room"}, 1000),
		Payload: []byte(`{"a":1}`),
	},
	{
		Node: "c", Seq: 1, Namespace: "/", Event: "e",
		Options: outgoing.Options{Volatile: true},
	},
	{
		Node: "c", Seq: 1, Namespace: "/", Event: "e",
		Options: outgoing.Options{State: true, Key: "key"}, Payload: []byte("1"),
	},
	{
		Node: "c", Seq: 1, Namespace: "/", Event: "e",
		Options: outgoing.Options{Within: time.Second},
	},
	{Node: "d", Seq: 1, Sent: math.MaxInt64, Namespace: "/", Event: "e"},
}

func same(a, b Envelope) bool {
	payload := bytes.Equal(a.Payload, b.Payload)
	a.Payload, b.Payload = nil, nil
	return payload && reflect.DeepEqual(a, b)
}

func TestRoundTrip(t *testing.T) {
	for i, e := range envelopes {
		p := e.Append([]byte("before"))
		got, err := Parse(p[len("before"):])
		if err != nil || !same(got, e) {
			t.Errorf("%d: %+v %v", i, got, err)
		}
	}
}

// Nodes of different builds talk to each other, so the bytes stay as they are.
func TestGoldenBytes(t *testing.T) {
	e := Envelope{
		Node: "node-1", Epoch: 0x0102030405060708, Seq: 300, Namespace: "/chat",
		Names: []string{"red", "blue"}, Except: []string{"ss_1"}, Event: "moved",
		Options: outgoing.Options{Volatile: true, State: true, Key: "k", Within: time.Second},
		Binary:  true, Payload: []byte{0, 1, 255},
	}
	const want = "\x01\x0f" + "\x01\x02\x03\x04\x05\x06\x07\x08" + "\xac\x02" +
		"\x06node-1" + "\x05/chat" + "\x05moved" + "\x01k" + "\x80\x94\xeb\xdc\x03" +
		"\x02\x03red\x04blue" + "\x01\x04ss_1" + "\x00\x01\xff"
	if got := string(e.Append(nil)); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	e.Sent = 300
	later := "\x01\x1f" + want[2:38] + "\xac\x02" + want[38:]
	if got := string(e.Append(nil)); got != later {
		t.Errorf("got  %q\nwant %q", got, later)
	}
	for flags, e := range map[byte]Envelope{
		0: {},
		1: {Binary: true},
		2: {Options: outgoing.Options{Volatile: true}},
		4: {Options: outgoing.Options{State: true}},
		8: {Options: outgoing.Options{Within: 1}},

		16: {Sent: 1},
	} {
		if got := e.Append(nil)[1]; got != flags {
			t.Errorf("%+v has the flags %x, want %x", e, got, flags)
		}
	}
}

// What is one byte longer than it may be is refused.
func TestParseRefusesLongNames(t *testing.T) {
	ok := envelopes[0]
	for name, change := range map[string]func(e *Envelope, extra int){
		"node":  func(e *Envelope, extra int) { e.Node = strings.Repeat("n", 64+extra) },
		"event": func(e *Envelope, extra int) { e.Event = strings.Repeat("e", 128+extra) },
		"name": func(e *Envelope, extra int) {
			e.Names = []string{strings.Repeat("r", 128+extra)}
		},
		"left out": func(e *Envelope, extra int) {
			e.Except = []string{strings.Repeat("r", 128+extra)}
		},
	} {
		e := ok
		change(&e, 0)
		if got, err := Parse(e.Append(nil)); err != nil || !same(got, e) {
			t.Errorf("%s of the longest: %+v %v", name, got, err)
		}
		change(&e, 1)
		if got, err := Parse(e.Append(nil)); !errors.Is(err, message.ErrInvalidFormat) {
			t.Errorf("%s that is longer: %+v %v", name, got, err)
		}
	}
}

func TestParseRefusesTheRest(t *testing.T) {
	whole := envelopes[1].Append(nil)
	head := len(whole) - len(envelopes[1].Payload)
	for n := range head {
		_, err := Parse(whole[:n])
		if !errors.Is(err, message.ErrInvalidFormat) {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
	change := func(at int, b ...byte) []byte {
		p := slices.Clone(envelopes[0].Append(nil))
		copy(p[at:], b)
		return p
	}
	for name, p := range map[string][]byte{
		"version":          change(0, 2),
		"flags":            change(1, 0x80),
		"sequence 0":       change(10, 0),
		"no node":          append(make([]byte, 10), 1, 0, 1, '/', 1, 'e', 0, 0),
		"announced length": change(11, 0xff),
		"one byte more":    append(change(0)[:13], 5, 1, 'e', 0, 0),
		"announced names":  append(change(0)[:17], 0xff, 0xff, 0xff, 0xff, 0x0f),
		"empty name":       append(change(0)[:17], 1, 0, 0),
		"no deadline":      append(append(change(1, 8)[:17], 0), 0, 0),
		"deadline too far": append(change(1, 8)[:17],
			0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 0),
		"no time": append(append(change(1, 16)[:17], 0), 0, 0),
		"time too far": append(change(1, 16)[:17],
			0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 0),
		"no key":           append(change(1, 4)[:17], 9),
		"longer form of 1": append(append(change(0)[:10], 0x81, 0), change(0)[11:]...),
	} {
		if e, err := Parse(p); !errors.Is(err, message.ErrInvalidFormat) {
			t.Errorf("%s: %+v %v", name, e, err)
		}
	}
}

// What is announced and does not come costs nothing.
func TestParseAllocatesByWhatCame(t *testing.T) {
	p := append(envelopes[0].Append(nil)[:17], 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 'x')
	if n := testing.AllocsPerRun(100, func() { Parse(p) }); n > 6 {
		t.Errorf("%v allocations for 24 bytes that announce 4 billion names", n)
	}
}

func TestAppendAllocatesNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	dst := make([]byte, 0, 16<<10)
	for i := range envelopes {
		e := &envelopes[i]
		if n := testing.AllocsPerRun(100, func() { e.Append(dst) }); n != 0 {
			t.Errorf("%d: %v allocations", i, n)
		}
	}
}

func FuzzEnvelope(f *testing.F) {
	for _, e := range envelopes {
		f.Add(e.Append(nil))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		e, err := Parse(p)
		if err != nil {
			return
		}
		if len(e.Names)+len(e.Except) > len(p)/2 {
			t.Fatalf("%d names of %d bytes", len(e.Names)+len(e.Except), len(p))
		}
		if again := e.Append(nil); !bytes.Equal(again, p) {
			t.Fatalf("%x was read and written as %x", p, again)
		}
	})
}
