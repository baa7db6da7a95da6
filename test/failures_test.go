package test

import (
	"testing"

	"github.com/smartsocket/smartsocket"
)

// Of what is emitted to a client that is away, reliable events come when it is back, and those that
// may be lost are lost, which Emit says.
func TestClassesWhileAway(t *testing.T) {
	v := cacheServer(t, Options{})
	var a resumer
	a.connect(t, v, "/", "")
	s := socketOf(t, v, a.id)
	s.Join("arena")
	a.nc.Close()
	eventually(t, "the server to notice", func() bool { return !s.Connected() })
	for _, to := range []smartsocket.Emitter{s, v.To("arena")} {
		for i, o := range []smartsocket.EmitOption{smartsocket.Volatile, smartsocket.State("k"),
			smartsocket.Deadline(patience)} {
			if d, err := to.Emit("lossy", i, o); err != nil || d.Queued != 0 || d.Dropped != 1 {
				t.Errorf("class %d: %+v, %v", i, d, err)
			}
		}
		if d, err := to.Emit("reliable", "kept"); err != nil || d.Queued != 1 {
			t.Errorf("a reliable event: %+v, %v", d, err)
		}
	}
	a.connect(t, v, "/", "")
	if !a.recovered {
		t.Fatal("the session was not recovered")
	}
	a.want(`"kept"`)
	a.want(`"kept"`)
	if _, err := s.Emit("end", "after"); err != nil {
		t.Fatal(err)
	}
	a.want(`"after"`)
}
