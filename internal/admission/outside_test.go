package admission

import (
	"testing"
	"time"
)

// The longer the queue outside, the later one is told to come, and it gets shorter by itself.
func TestOutside(t *testing.T) {
	var c outside
	at := func(n int, rate int, now time.Duration) (first, last time.Duration) {
		for i := range n {
			w := c.refused(rate, now)
			if i == 0 {
				first = w
			}
			last = w
		}
		return first, last
	}
	if first, last := at(1000, 200, 10*time.Second); first > 1100*time.Millisecond ||
		last != 6*time.Second {
		t.Errorf("the first of 1000 waits %v, the last %v at 200 a second", first, last)
	}
	first, _ := at(1, 200, 13*time.Second)
	if first < 3*time.Second || first > 3100*time.Millisecond {
		t.Errorf("3 s later the next waits %v", first)
	}
	if first, _ := at(1, 200, time.Minute); first > 1100*time.Millisecond {
		t.Errorf("when all have come the next waits %v", first)
	}
	if _, last := at(1_000_000, 0, 2*time.Minute); last != longest {
		t.Errorf("the last of a million waits %v", last)
	}
	c = outside{}
	for range 5000 { // a server that lets in many is quick
		c.admitted(5 * time.Second)
	}
	if _, last := at(5000, 0, 6*time.Second); last != 2*time.Second {
		t.Errorf("the last of 5000 waits %v at 5000 a second", last)
	}
}

// A refusal says when to come back.
func TestLaterSaysWhen(t *testing.T) {
	var g Gate
	l := Limits{Connections: 1000, Newcomers: 1}
	who := Arrival{Newcomer: true}
	g.Admit(&l, who, time.Second)
	var last Verdict
	for range 300 {
		_, last = g.Admit(&l, who, time.Second)
	}
	if last.Outcome != Later || last.Wait != 4*time.Second {
		t.Errorf("the last of 300 is told %+v", last)
	}
}
