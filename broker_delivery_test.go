package smartsocket_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
)

// What may be lost, replaced or late here may be so on every node, as the publisher chose it.
func TestDeliveryClassesAcrossNodes(t *testing.T) {
	from := &fakeBroker{keep: true}
	a := startServer(t, smartsocket.Options{Broker: from}, nil)
	to := new(fakeBroker)
	b := slowServer(t, smartsocket.Options{Broker: to})
	b.SetEmitOptions("plain", smartsocket.Volatile) // the receiver's own setting does not count
	a.SetEmitOptions("named", smartsocket.Volatile)
	w := dialFull(t, b, "/")
	w.fall(socketOf(t, b, w.id))
	before := b.ConnectionStats()
	emit(t, a, "vol", 1, smartsocket.Volatile)
	emit(t, a, "named", 2)
	emit(t, a, "plain", 3)
	emit(t, a, "at", 4, smartsocket.State("k"))
	emit(t, a, "at", 5, smartsocket.State("other"))
	emit(t, a, "at", 6, smartsocket.State("k"), smartsocket.Deadline(time.Hour))
	emit(t, a, "late", 7, smartsocket.State(""), smartsocket.Deadline(time.Nanosecond))
	emit(t, a, "end", nil, smartsocket.Deadline(time.Hour))
	for i, e := range from.take() {
		e.Node, e.Seq = "a", uint64(i+1)
		got, err := smartsocket.ParseEnvelope(e.Append(nil))
		if err != nil || !sameEnvelope(got, e) {
			t.Fatalf("%+v was read as %+v, %v", e, got, err)
		}
		if err := to.deliver(&got); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.events(asIs); fmt.Sprint(got) != "[plain 3 at 6 at 5]" {
		t.Errorf("%q", got)
	}
	st := b.ConnectionStats()
	if st.VolatileDropped-before.VolatileDropped != 2 || st.StateReplaced-before.StateReplaced != 1 || st.DeadlineExpired-before.DeadlineExpired != 1 {
		t.Errorf("before %+v, after %+v", before, st)
	}
}
