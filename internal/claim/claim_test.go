package claim

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/smartsocket/smartsocket/internal/race"
)

func TestClaimIsTakenOnce(t *testing.T) {
	var p Pool[string]
	c := p.New("a")
	twin := c
	if v, ok := p.Take(c); v != "a" || !ok {
		t.Errorf("%q, %t", v, ok)
	}
	if v, ok := p.Take(twin); v != "" || ok {
		t.Errorf("the copy got %q, %t", v, ok)
	}
	if !c.Any() {
		t.Error("a claim that was taken is none")
	}
}

func TestZeroClaim(t *testing.T) {
	var p Pool[string]
	var c Claim[string]
	if v, ok := p.Take(c); v != "" || ok || c.Any() {
		t.Errorf("%q, %t, any %t", v, ok, c.Any())
	}
}

// An old claim does not take what is in its slot now.
func TestOldClaim(t *testing.T) {
	var p Pool[int]
	old := p.New(1)
	p.Take(old)
	for i := range 100 {
		c := p.New(i)
		if _, ok := p.Take(old); ok {
			t.Fatal("an old claim took a new value")
		}
		if v, ok := p.Take(c); v != i || !ok {
			t.Fatalf("claim %d: %d, %t", i, v, ok)
		}
	}
}

func TestOneOfManyTakesIt(t *testing.T) {
	var p Pool[int]
	for i := range 200 {
		c := p.New(i)
		var taken atomic.Int32
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if v, ok := p.Take(c); ok {
					taken.Add(1)
					if v != i {
						t.Errorf("claim %d is to %d", i, v)
					}
				}
			})
		}
		all.Wait()
		if n := taken.Load(); n != 1 {
			t.Fatalf("claim %d was taken %d times", i, n)
		}
	}
}

func TestNoAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("under the race detector sync.Pool drops what it is given")
	}
	var p Pool[[4]uint64]
	if n := testing.AllocsPerRun(1000, func() { p.Take(p.New([4]uint64{1})) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
