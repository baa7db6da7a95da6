package state

import (
	"testing"
	"time"
)

// Who comes between two ticks gets what has changed since, under the number of the tick. Everybody
// has the same after the next one.
func TestATickThatIsCommittedAgain(t *testing.T) {
	type ship struct {
		X int `state:"x"`
	}
	type sea struct {
		Wind  int               `state:"wind"`
		Ships Map[string, ship] `state:"ships"`
	}
	var s sea
	e, err := NewEncoder(&s, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	type client struct {
		v *View
		d *Decoder[sea]
	}
	join := func() client {
		d, err := NewDecoder[sea]()
		if err != nil {
			t.Fatal(err)
		}
		return client{e.View(), d}
	}
	apply := func(c client, tick uint64, wind, ships, x int) {
		t.Helper()
		b, any := c.v.AppendDelta(nil, true)
		if !any {
			t.Fatal("there is no message")
		}
		if _, err := c.d.Apply(b); err != nil {
			t.Fatal(err)
		}
		got := c.d.State()
		if c.d.Tick() != tick || got.Wind != wind || got.Ships.Len() != ships ||
			ships > 0 && got.Ships.Get("b").X != x {
			t.Fatalf("at tick %d the state is %+v", c.d.Tick(), got)
		}
	}
	commit := func(tick uint64) {
		t.Helper()
		if err := e.Commit(tick, time.UnixMicro(int64(tick)*1e6)); err != nil {
			t.Fatal(err)
		}
	}
	a, b := join(), join()
	commit(1)
	apply(a, 1, 0, 0, 0)
	s.Ships.Put("b", ship{X: 1})
	s.Wind = 7
	commit(1)
	apply(b, 1, 7, 1, 1)
	if _, any := a.v.AppendDelta(nil, true); any {
		t.Error("the first client gets a message within a tick")
	}
	s.Ships.Get("b").X = 2
	commit(2)
	apply(a, 2, 7, 1, 2)
	apply(b, 2, 7, 1, 2)
	if e.Commit(1, time.Time{}) == nil {
		t.Error("a tick before the last one was committed")
	}
}
