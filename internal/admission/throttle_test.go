package admission

import "testing"

// Failures that come at once, as those of a crowd behind one address, lock it
// for minutes at most: the level is capped.
func TestFailuresAtOnceLockForMinutes(t *testing.T) {
	var g Gate
	a := Arrival{Address: ip("192.0.2.1")}
	for range 1000 {
		g.Failed(a.Address, 0)
	}
	_, v := g.Admit(&wide, a, 0)
	if most := (failuresAllowed + 1) * failureRefill; v.Outcome != Throttled || v.Wait != most {
		t.Errorf("%+v, want a wait of %v", v, most)
	}
	if _, v := g.Admit(&wide, a, v.Wait); v.Outcome != Admitted {
		t.Errorf("after the wait: %+v", v)
	}
}
