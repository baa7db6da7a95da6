package smartsocket

import (
	"log/slog"
	"testing"
	"time"
)

// The deprecated names do what the new ones do.
func TestSetDeliveryIsSetEmitOptions(t *testing.T) {
	v, err := New(Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ns := v.Namespace("/game")
	v.SetDelivery("e", Volatile)
	if got := ns.optionsOf("e", nil); got != Volatile.how {
		t.Errorf("of the server: %+v", got)
	}
	ns.SetDelivery("e", State("k"), Deadline(time.Second))
	want := joined([]EmitOption{State("k"), Deadline(time.Second)})
	if got := ns.optionsOf("e", nil); got != want {
		t.Errorf("of the namespace: %+v, want %+v", got, want)
	}
	ns.SetEmitOptions("e")
	if got := ns.optionsOf("e", nil); got.Lossy() {
		t.Errorf("reliable again: %+v", got)
	}
	if got := v.root.optionsOf("e", nil); got != Volatile.how {
		t.Errorf("of another namespace: %+v", got)
	}
}
