package counter

import "testing"

func TestAdd(t *testing.T) {
	var c Counter
	if c.Add(4) != nil || c.Add(6) != nil || c.sum != 10 {
		t.Errorf("the sum is %d", c.sum)
	}
	if c.Add(1) != ErrFull || c.Add(-1) != ErrFull {
		t.Error("added too much")
	}
}

func TestWait(t *testing.T) {
	Wait(func() bool { return true })
}
