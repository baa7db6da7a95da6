package pool

import (
	"sync"
	"testing"

	"github.com/smartsocket/smartsocket/internal/race"
)

func TestGetGivesAnEmptyBufferOfItsClass(t *testing.T) {
	for _, c := range []struct{ n, capacity int }{
		{0, 64}, {1, 64}, {64, 64}, {65, 128}, {128, 128}, {129, 256}, {4095, 4096},
		{1<<20 - 1, 1 << 20}, {1 << 20, 1 << 20}, {1<<20 + 1, 1<<20 + 1},
	} {
		b := Get(c.n)
		if len(b.B) != 0 || cap(b.B) < c.n {
			t.Errorf("Get(%d): len %d cap %d", c.n, len(b.B), cap(b.B))
		}
		if classFor(min(c.n, MaxPooled)) >= classes {
			t.Errorf("Get(%d): class %d", c.n, classFor(c.n))
		}
		Put(b)
	}
}

func TestGrownBuffersServeTheLowerClass(t *testing.T) {
	for range 100 {
		Put(&Buffer{B: make([]byte, 100, 1500)})
		if b := Get(1025); cap(b.B) < 1025 {
			t.Fatalf("Get(1025) gave capacity %d", cap(b.B))
		}
	}
	Put(&Buffer{}) // too small for any class
	Put(&Buffer{B: make([]byte, 0, MaxPooled+1)})
}

func TestGetPutDoesNotAllocate(t *testing.T) {
	if race.Enabled || Poisoned {
		t.Skip("the race detector makes sync.Pool drop buffers")
	}
	for _, n := range []int{1, 64, 100, 4096, 1 << 20} {
		if a := testing.AllocsPerRun(1000, func() {
			b := Get(n)
			b.B = append(b.B, 1)
			Put(b)
		}); a >= 1 { // a garbage collection may empty the pool once
			t.Errorf("Get(%d)/Put: %v allocations", n, a)
		}
	}
}

func TestStatsCountEveryGet(t *testing.T) {
	before := Stats()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 1000 {
				Put(Get(200))
			}
		})
	}
	wg.Wait()
	after := Stats()
	if got := after.Gets - before.Gets; got != 4000 {
		t.Errorf("Gets grew by %d, want 4000", got)
	}
	if got := after.Misses - before.Misses; got > 4000 {
		t.Errorf("Misses grew by %d", got)
	}
}

func TestPoolingOffAllocatesEachTime(t *testing.T) {
	SetPooling(false)
	defer SetPooling(true)
	before := Stats()
	for range 100 {
		Put(Get(64))
		PutUnsized(GetUnsized(Encoded))
	}
	after := Stats()
	if g, m := after.Gets-before.Gets, after.Misses-before.Misses; m != g {
		t.Errorf("%d misses of %d Gets with pooling off", m, g)
	}
}

func TestUnsizedIsEmpty(t *testing.T) {
	for range 10 {
		b := GetUnsized(Encoded)
		if len(b.B) != 0 {
			t.Fatalf("GetUnsized gave %d bytes", len(b.B))
		}
		b.B = append(b.B, "something"...)
		PutUnsized(b)
	}
}

func mustPanic(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if recover() == nil {
			t.Errorf("%s did not panic", what)
		}
	}()
	f()
}

func TestSharedReturnsItsBytesOnce(t *testing.T) {
	b := Get(10)
	b.B = append(b.B, "payload"...)
	s := NewShared(b)
	const holders = 8
	for range holders {
		s.Retain()
	}
	var wg sync.WaitGroup
	for range holders {
		wg.Go(func() {
			if string(s.Bytes()) != "payload" {
				t.Error("the bytes changed while a reference was held")
			}
			s.Release()
		})
	}
	wg.Wait()
	if string(s.Bytes()) != "payload" {
		t.Error("released before the last reference")
	}
	s.Release()
}

func TestSharedMisusePanicsEachTime(t *testing.T) {
	s := &Shared{next: Get(1)}
	s.refs.Store(1)
	s.refs.Store(released) // as after the last Release, but not handed out again
	for range 3 {
		mustPanic(t, "Retain after the last Release", s.Retain)
		mustPanic(t, "Release after the last Release", s.Release)
	}
}

func TestPoisonFindsUseAfterRelease(t *testing.T) {
	if !Poisoned {
		t.Skip("needs the build tag poison")
	}
	b := Get(100)
	kept := append(b.B, "borrowed too long"...)
	b.B = kept
	s := NewShared(b)
	s.Release()
	for i, c := range kept {
		if c != 0xa5 {
			t.Fatalf("byte %d is still %q", i, c)
		}
	}
	mustPanic(t, "a second Put", func() { Put(b) })
	mustPanic(t, "Retain after Release", s.Retain)
	mustPanic(t, "Release after Release", s.Release)
}
