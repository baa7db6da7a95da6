package reactor

import (
	"reflect"
	"testing"
)

func TestEventArrayIsBounded(t *testing.T) {
	p, err := openPoll()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		p.Close()
		p.Wait() // returns at once, having closed the descriptors
	}()
	if !boundEvents(p) {
		t.Fatal("netpoll's poll has no settable field Reset func(size, caps int): a loop with " +
			"many busy connections would hold 1.3 KB per event")
	}
	v := reflect.ValueOf(p).Elem()
	reset := v.FieldByName("Reset").Interface().(func(size, caps int))
	for _, size := range []int{128, 256, 512, 1024, 2048, 131072} {
		reset(size, 32)
		if got := v.FieldByName("events").Len(); got != min(size, maxEvents) {
			t.Errorf("after Reset(%d) there are %d events", size, got)
		}
	}
	for _, name := range []string{"bs", "ivs"} {
		if n := v.FieldByName("barriers").Index(0).FieldByName(name).Cap(); n != 0 {
			t.Errorf("a barrier's %s has room for %d", name, n)
		}
	}
	if n := testing.AllocsPerRun(100, func() { reset(2048, 32) }); n != 0 {
		t.Errorf("a refused Reset allocates %v times", n)
	}
}
