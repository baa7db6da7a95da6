package mailbox

import (
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"
)

// queued is a job of the model: a number, and the size it was posted with.
type queued struct{ n, size int }

// model is a Box as a slice.
type model struct {
	jobs []queued
	busy bool
}

func (x *model) bytes() (sum int) {
	for _, j := range x.jobs {
		sum += j.size
	}
	return sum
}

func (x *model) post(n, size int, must bool) (ok, wake bool) {
	full := len(x.jobs) >= MaxJobs || len(x.jobs) > 0 && x.bytes()+size > MaxBytes
	if full && !must {
		return false, false
	}
	x.jobs = append(x.jobs, queued{n, size})
	wake, x.busy = !x.busy, true
	return true, wake
}

func (x *model) take() (n int, ok bool) {
	if len(x.jobs) == 0 {
		x.busy = false
		return 0, false
	}
	n, x.jobs = x.jobs[0].n, x.jobs[1:]
	return n, true
}

// pair is a Box and the model of it.
type pair struct {
	t     testing.TB
	box   Box[int]
	model model
	n     int
}

// step does one thing to both and compares. x is 0 to 65535.
func (p *pair) step(op byte, x int) {
	switch op % 6 {
	case 3:
		if x%64 != 0 {
			return
		}
		drop := func(n int) bool { return n%3 == x>>6%3 }
		p.box.Discard(func(n *int) bool { return drop(*n) })
		p.model.jobs = slices.DeleteFunc(p.model.jobs, func(q queued) bool { return drop(q.n) })
	case 0, 1, 2:
		p.n++
		size, must := x, op%6 == 2
		if op%32 == 0 {
			size = x << 7 // up to twice what may be in a box
		}
		ok, wake := p.box.Post(p.n, size, must)
		if wantOK, wantWake := p.model.post(p.n, size, must); ok != wantOK || wake != wantWake {
			p.t.Fatalf("job %d: Post() = %v, %v, want %v, %v", p.n, ok, wake, wantOK, wantWake)
		}
	default:
		var got int
		ok := p.box.Take(&got)
		if want, wantOK := p.model.take(); ok != wantOK || got != want {
			p.t.Fatalf("Take() = %d, %v, want %d, %v", got, ok, want, wantOK)
		}
	}
	p.check()
}

func (p *pair) check() {
	p.t.Helper()
	if got, want := p.box.Bytes(), p.model.bytes(); got != want {
		p.t.Fatalf("Bytes() = %d, want %d", got, want)
	}
	if got, want := p.box.Idle(), !p.model.busy; got != want {
		p.t.Fatalf("Idle() = %v, want %v", got, want)
	}
}

// TestBoxModel does random things to a box and to a slice, and compares.
func TestBoxModel(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		p := &pair{t: t}
		for range 5000 {
			p.step(byte(random.IntN(256)), random.IntN(1<<16))
		}
	}
}

func FuzzOperations(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 1, 2, 6, 0, 0, 3, 0, 0, 7, 0, 0, 3, 0, 0, 3, 0, 0})
	f.Add([]byte{0, 255, 255, 0, 255, 255, 32, 1, 1, 2, 255, 255, 5, 0, 0, 4, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		p := &pair{t: t}
		for b = b[:min(len(b), 3000)]; len(b) >= 3; b = b[3:] {
			p.step(b[0], int(b[1])<<8|int(b[2]))
		}
	})
}

func TestBoxIsBoundedByCount(t *testing.T) {
	var b Box[int]
	for i := range MaxJobs {
		if ok, _ := b.Post(i, 0, false); !ok {
			t.Fatalf("full at %d", i)
		}
	}
	if ok, wake := b.Post(-1, 0, false); ok || wake {
		t.Errorf("one over the bound: %v, %v", ok, wake)
	}
	if ok, _ := b.Post(MaxJobs, 0, true); !ok {
		t.Error("a job that must be done was refused")
	}
	for i := range MaxJobs + 1 {
		if n := -1; !b.Take(&n) || n != i {
			t.Fatalf("job %d came as %d", i, n)
		}
	}
	if n := 0; b.Take(&n) || !b.Idle() {
		t.Error("not idle at the end")
	}
}

func TestBoxIsBoundedByBytes(t *testing.T) {
	var b Box[int]
	if ok, _ := b.Post(0, MaxBytes+1, false); !ok {
		t.Error("a large job alone was refused")
	}
	if ok, _ := b.Post(1, 0, false); ok {
		t.Error("taken over the bound")
	}
	b.Take(new(int))
	for range 2 {
		if ok, _ := b.Post(2, MaxBytes/2, false); !ok {
			t.Error("refused within the bound")
		}
	}
	if ok, _ := b.Post(3, 1, false); ok {
		t.Error("taken over the bound")
	}
	if ok, _ := b.Post(4, MaxBytes, true); !ok {
		t.Error("a job that must be done was refused")
	}
}

// An element that is used again must not keep what the job pointed to.
func TestElementsKeepNothing(t *testing.T) {
	e := newElement[*int]()
	e.job, e.next, e.size = new(int), e, 3
	e.free()
	if e.job != nil || e.next != nil || e.size != 0 {
		t.Errorf("%+v", *e)
	}
}

// Every session has a Box, most of which are idle.
func TestIdleBoxIsSmall(t *testing.T) {
	if n := unsafe.Sizeof(Box[[64]int]{}); n > 32 {
		t.Errorf("%d bytes", n)
	}
}

func TestNoAllocationPerJob(t *testing.T) {
	type job [8]*int
	var b Box[job]
	var j job
	if n := testing.AllocsPerRun(1000, func() { b.Post(job{}, 1, false); b.Take(&j) }); n != 0 {
		t.Errorf("Post and Take allocate %v times", n)
	}
}

func BenchmarkPostTake(b *testing.B) {
	type job [8]*int
	var box Box[job]
	var j job
	b.ReportAllocs()
	for b.Loop() {
		box.Post(job{}, 1, false)
		box.Take(&j)
	}
}

func BenchmarkPostTake32(b *testing.B) {
	type job [8]*int
	var box Box[job]
	var j job
	b.ReportAllocs()
	for b.Loop() {
		for range 32 {
			box.Post(job{}, 1, false)
		}
		for range 32 {
			box.Take(&j)
		}
	}
}
