package test

import (
	"fmt"
	"testing"

	"github.com/smartsocket/smartsocket"
)

// moved is the name of an event, with the type of its data.
const moved smartsocket.Event[stepTo] = "moved"

type stepTo struct{ X, Y int }

// An Event goes to whatever has an Emit, under its name, with data of its type and with options.
func TestEventsWithTypes(t *testing.T) {
	v := startServer(t, Options{}, func(v *Server) { joiner(v) })
	w := dialFull(t, v, "/")
	w.request(1, "join", `["room"]`)
	w.wantAck(1, "true")
	ns := v.Namespace("/")
	for i, to := range []smartsocket.Emitter{v, ns, ns.To("room"), ns.Socket(w.id)} {
		d, err := moved.Emit(to, stepTo{i, 2})
		if err != nil || d != (smartsocket.Delivery{Queued: 1}) {
			t.Fatalf("%T: %+v, %v", to, d, err)
		}
		w.wantEvent("moved", fmt.Sprintf(`{"X":%d,"Y":2}`, i))
	}
	if d, err := moved.Emit(ns.To("nobody"), stepTo{}, smartsocket.Volatile); err != nil ||
		d != (smartsocket.Delivery{}) {
		t.Errorf("to nobody: %+v, %v", d, err)
	}
	if _, err := smartsocket.Event[int]("").Emit(ns, 1); err == nil {
		t.Error("an event without a name was sent")
	}
}
