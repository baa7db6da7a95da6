package admission

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

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

// crowd is the i-th of many addresses.
func crowd(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
}

// A table that is full of others' failures still throttles who comes next.
func TestFullTableThrottlesNewcomers(t *testing.T) {
	var g Gate
	for i := range maxThrottled + 1000 {
		g.Failed(crowd(i), 0)
	}
	a := Arrival{Address: ip("192.0.2.1")}
	for range failuresAllowed {
		g.Failed(a.Address, 0)
	}
	if _, v := g.Admit(&wide, a, 0); v.Outcome != Throttled {
		t.Errorf("%+v", v)
	}
}

// Addresses that failed often stay throttled while a crowd passes through the table.
func TestFullTableKeepsWhoFailedOften(t *testing.T) {
	var g Gate
	often := func(i int) bool { return i < 30 && i%3 == 0 }
	for i := range 3 * maxThrottled {
		g.Failed(crowd(i), 0)
		for n := 1; often(i) && n < failuresAllowed; n++ {
			g.Failed(crowd(i), 0)
		}
	}
	for i := range 30 {
		_, v := g.Admit(&wide, Arrival{Address: crowd(i)}, 0)
		if (v.Outcome == Throttled) != often(i) {
			t.Errorf("address %d: %+v", i, v)
		}
	}
	if n := len(g.throttle.list); n != maxThrottled {
		t.Errorf("%d addresses are kept", n)
	}
}

// The table follows what has drained: it shrinks as others fail, and is gone when
// nobody failed for long enough.
func TestThrottleForgets(t *testing.T) {
	var g Gate
	for i := range 1000 {
		g.Failed(crowd(i), 0)
	}
	for i := range 500 {
		g.Failed(crowd(1000+i), 2*failureRefill)
	}
	if n := len(g.throttle.list); n != 500 {
		t.Errorf("%d addresses are kept, 500 have failed lately", n)
	}
	g.Failed(crowd(0), time.Hour)
	if n := len(g.throttle.list); n != 1 || cap(g.throttle.list) > 8 {
		t.Errorf("%d addresses are kept in room for %d", n, cap(g.throttle.list))
	}
}

// List and index agree whatever comes, and a new address has a bucket at once.
func TestThrottleIndex(t *testing.T) {
	var x throttle
	random := rand.New(rand.NewPCG(3, 4))
	now := time.Duration(0)
	for step := range 300_000 {
		if random.IntN(100) == 0 {
			now += time.Duration(random.IntN(20)) * time.Millisecond
		}
		a := crowd(random.IntN(3 * maxThrottled))
		x.failed(a, now)
		i, ok := x.at[a]
		if f := x.list[i]; !ok || f.group != a || f.at != now || f.level < 1 {
			t.Fatalf("step %d: %v has no bucket", step, a)
		}
		if step%50_000 > 0 {
			continue
		}
		if len(x.at) != len(x.list) || len(x.list) > maxThrottled {
			t.Fatalf("step %d: %d in the index, %d in the list", step, len(x.at), len(x.list))
		}
		for i := range x.list {
			if at := x.at[x.list[i].group]; at != int32(i) {
				t.Fatalf("step %d: bucket %d is at %d in the index", step, i, at)
			}
		}
	}
}

// BenchmarkFailedInAFullTable is a failure of an address that the full table does not know.
func BenchmarkFailedInAFullTable(b *testing.B) {
	var g Gate
	for i := range maxThrottled {
		g.Failed(crowd(i), 0)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		g.Failed(crowd(maxThrottled+i), 0)
	}
}
