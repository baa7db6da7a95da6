package smartsocket_test

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
)

var envelopes = []smartsocket.Envelope{
	{Node: "a", Seq: 1, Namespace: "/", Event: "e"},
	{
		Node: strings.Repeat("n", smartsocket.MaxNodeName), Epoch: 1<<64 - 1, Seq: 1<<64 - 1,
		Namespace: "/" + strings.Repeat("ü", 300),
		Names:     []string{"red", "blue"}, Except: []string{"ss_0123456789012345678901"},
		Event: strings.Repeat("e", 128), Binary: true, Payload: []byte{0, 1, 255},
	},
	{
		Node: "b", Epoch: 7, Seq: 300, Names: slices.Repeat([]string{"room"}, 1000),
		Payload: []byte(`{"a":1}`),
	},
	{Node: "c", Seq: 1, Namespace: "/", Event: "e", Options: smartsocket.Volatile},
	{
		Node: "c", Seq: 1, Namespace: "/", Event: "e", Options: smartsocket.State("key"),
		Payload: []byte("1"),
	},
	{Node: "c", Seq: 1, Namespace: "/", Event: "e", Options: smartsocket.Deadline(time.Second)},
}

func sameEnvelope(a, b smartsocket.Envelope) bool {
	same := bytes.Equal(a.Payload, b.Payload)
	a.Payload, b.Payload = nil, nil
	return same && reflect.DeepEqual(a, b)
}

func TestEnvelopeRoundTrip(t *testing.T) {
	for i, e := range envelopes {
		p := e.Append([]byte("before"))
		got, err := smartsocket.ParseEnvelope(p[len("before"):])
		if err != nil || !sameEnvelope(got, e) {
			t.Errorf("%d: %+v %v", i, got, err)
		}
	}
}

func TestEnvelopeRefusesTheRest(t *testing.T) {
	whole := envelopes[1].Append(nil)
	head := len(whole) - len(envelopes[1].Payload)
	for n := range head {
		_, err := smartsocket.ParseEnvelope(whole[:n])
		if !errors.Is(err, smartsocket.ErrInvalidFormat) {
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
		"announced names":  append(change(0)[:17], 0xff, 0xff, 0xff, 0xff, 0x0f),
		"empty name":       append(change(0)[:17], 1, 0, 0),
		"no deadline":      append(append(change(1, 8)[:17], 0), 0, 0),
		"deadline too far": append(change(1, 8)[:17],
			0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 0),
		"no key":           append(change(1, 4)[:17], 9),
		"longer form of 1": append(append(change(0)[:10], 0x81, 0), change(0)[11:]...),
	} {
		if e, err := smartsocket.ParseEnvelope(p); !errors.Is(err, smartsocket.ErrInvalidFormat) {
			t.Errorf("%s: %+v %v", name, e, err)
		}
	}
}

// What is announced and does not come costs nothing.
func TestEnvelopeAllocatesByWhatCame(t *testing.T) {
	p := append(envelopes[0].Append(nil)[:17], 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 'x')
	if n := testing.AllocsPerRun(100, func() { smartsocket.ParseEnvelope(p) }); n > 6 {
		t.Errorf("%v allocations for 24 bytes that announce 4 billion names", n)
	}
}

func FuzzParseEnvelope(f *testing.F) {
	for _, e := range envelopes {
		f.Add(e.Append(nil))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		e, err := smartsocket.ParseEnvelope(p)
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
