package smartsocket_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/internal/race"
)

var everyEmitOption = map[string]smartsocket.EmitOption{
	"volatile": smartsocket.Volatile,
	"state":    smartsocket.State("key"),
	"deadline": smartsocket.Deadline(time.Second),
}

// No field of an Envelope is lost on the way.
func TestEnvelopeRoundTrip(t *testing.T) {
	for name, o := range everyEmitOption {
		e := smartsocket.Envelope{
			Node: "a", Epoch: 1<<64 - 1, Seq: 300, Sent: time.Second, Namespace: "/chat",
			Names: []string{"red", "blue"}, Except: []string{"ss_0123456789012345678901"},
			Event: "moved", Options: o, Binary: true, Payload: []byte{0, 1, 255},
		}
		v := reflect.ValueOf(e)
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				t.Fatalf("this test leaves out %s", v.Type().Field(i).Name)
			}
		}
		p := e.Append([]byte("before"))
		got, err := smartsocket.ParseEnvelope(p[len("before"):])
		if err != nil || !reflect.DeepEqual(got, e) {
			t.Errorf("%s: got %+v, %v, want %+v", name, got, err, e)
		}
	}
}

func TestParseEnvelopeRefusesTheRest(t *testing.T) {
	e := smartsocket.Envelope{Node: "a", Seq: 1, Namespace: "/", Event: "e"}
	p := e.Append(nil)
	for n := range p {
		got, err := smartsocket.ParseEnvelope(p[:n])
		if !errors.Is(err, smartsocket.ErrInvalidFormat) ||
			!reflect.DeepEqual(got, smartsocket.Envelope{}) {
			t.Errorf("cut at %d: %+v, %v", n, got, err)
		}
	}
}

func TestEnvelopeAppendAllocatesNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	e := smartsocket.Envelope{
		Node: "a", Seq: 1, Namespace: "/", Event: "e", Names: []string{"red"},
		Options: smartsocket.State("key"), Payload: []byte("1"),
	}
	dst := make([]byte, 0, 256)
	if n := testing.AllocsPerRun(100, func() { e.Append(dst) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
