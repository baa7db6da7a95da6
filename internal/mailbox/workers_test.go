package mailbox

import (
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

// stop ends w, which must have nothing left to do.
func stop(t testing.TB, w *Workers) {
	t.Helper()
	if left := w.Stop(context.Background()); left != 0 {
		t.Errorf("Stop left %d goroutines behind", left)
	}
}

// sent is a job that says where it stands in its sender's order.
type sent struct{ sender, n int }

// owner checks that its jobs come in order and one at a time.
type owner struct {
	t       *testing.T
	box     Box[sent]
	working atomic.Bool
	last    []int // by sender
	done    *sync.WaitGroup
}

func (o *owner) Work() bool {
	if !o.working.CompareAndSwap(false, true) {
		o.t.Error("two goroutines work on one owner")
	}
	for range 4 {
		var j sent
		// As soon as Take finds nothing, another goroutine may come.
		o.working.Store(false)
		if !o.box.Take(&j) {
			return false
		}
		if !o.working.CompareAndSwap(false, true) {
			o.t.Error("two goroutines work on one owner")
		}
		if j.n != o.last[j.sender]+1 {
			o.t.Errorf("job %d of sender %d came after %d", j.n, j.sender, o.last[j.sender])
		}
		o.last[j.sender] = j.n
		runtime.Gosched()
		o.done.Done()
	}
	o.working.Store(false)
	return true
}

func TestJobsOfOneOwnerRunInOrderAndOneAtATime(t *testing.T) {
	const senders, each = 4, 2000
	w := NewWorkers(3)
	var done, sending sync.WaitGroup
	owners := make([]*owner, 5)
	for i := range owners {
		owners[i] = &owner{t: t, last: make([]int, senders), done: &done}
	}
	done.Add(senders * each * len(owners))
	for k := range senders {
		sending.Go(func() {
			for n := range each {
				for _, o := range owners {
					ok, wake := o.box.Post(sent{k, n + 1}, 1, true)
					if !ok {
						t.Error("a job that must be done was refused")
					}
					if wake {
						w.Add(o)
					}
				}
			}
		})
	}
	sending.Wait()
	done.Wait()
	stop(t, w)
	if !w.Quiet() {
		t.Errorf("not quiet at the end: %+v", w.Load())
	}
	for i, o := range owners {
		if !o.box.Idle() || slices.Min(o.last) != each {
			t.Errorf("owner %d: idle %v, last %v", i, o.box.Idle(), o.last)
		}
	}
}

// blocker is an owner whose only job ends when let is closed.
type blocker struct{ in, let chan struct{} }

func newBlocker() *blocker { return &blocker{make(chan struct{}), make(chan struct{})} }

func (b *blocker) Work() bool {
	close(b.in)
	<-b.let
	return false
}

func TestGoroutinesAreBounded(t *testing.T) {
	const most = 3
	w := NewWorkers(most)
	if got := w.Load(); got != (Load{Max: most}) || !w.Quiet() {
		t.Errorf("before any work: %+v", got)
	}
	all := make([]*blocker, most+2)
	for i := range all {
		all[i] = newBlocker()
		w.Add(all[i])
	}
	for _, b := range all[:most] {
		<-b.in
	}
	if got, want := w.Load(),
		(Load{Max: most, Started: most, Busy: most, Waiting: 2}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if w.Quiet() {
		t.Error("quiet with owners at work")
	}
	for _, b := range all {
		close(b.let)
	}
	for _, b := range all {
		<-b.in
	}
	for !w.Quiet() {
		runtime.Gosched()
	}
	if got, want := w.Load(), (Load{Max: most, Started: most, Idle: most}); got != want {
		t.Errorf("at rest: %+v, want %+v", got, want)
	}
	again := newBlocker()
	w.Add(again)
	<-again.in
	if got, want := w.Load(),
		(Load{Max: most, Started: most, Busy: 1, Idle: most - 1}); got != want {
		t.Errorf("with one at work: %+v, want %+v", got, want)
	}
	close(again.let)
	stop(t, w)
	if got := w.Load(); got != (Load{Max: most}) {
		t.Errorf("after Stop: %+v", got)
	}
}

// What waits when Stop is called still runs.
func TestStopFinishesWhatWaits(t *testing.T) {
	w := NewWorkers(1)
	var done sync.WaitGroup
	first := newBlocker()
	w.Add(first)
	<-first.in
	o := &owner{t: t, last: make([]int, 1), done: &done}
	done.Add(100)
	for n := range 100 {
		if _, wake := o.box.Post(sent{0, n + 1}, 1, true); wake {
			w.Add(o)
		}
	}
	over, cancel := context.WithCancel(context.Background())
	cancel()
	if left := w.Stop(over); left != 1 {
		t.Errorf("Stop says that %d are left while one does not return", left)
	}
	close(first.let)
	stop(t, w)
	done.Wait()
}

// A context that is over does not hide that everything has ended.
func TestStopWithoutTime(t *testing.T) {
	over, cancel := context.WithCancel(context.Background())
	cancel()
	if NewWorkers(4).Stop(over) != 0 {
		t.Error("Stop left something behind where nothing ran")
	}
}

func TestNothingStartsAfterStop(t *testing.T) {
	w := NewWorkers(2)
	stop(t, w)
	w.Add(newBlocker())
	if got := w.Load(); got.Started != 0 || got.Waiting != 1 {
		t.Errorf("%+v", got)
	}
}

// selfStopper is an owner that stops its workers.
type selfStopper struct {
	w     *Workers
	quiet bool
	left  chan int
}

func (o *selfStopper) Work() bool {
	o.quiet = o.w.Quiet()
	o.left <- o.w.Stop(context.Background())
	return false
}

// Stop does not wait for its own caller, and Quiet does not count it.
func TestStopByAnOwner(t *testing.T) {
	w := NewWorkers(2)
	o := &selfStopper{w: w, left: make(chan int, 1)}
	w.Add(o)
	if left := <-o.left; left != 0 || !o.quiet {
		t.Errorf("%d left, quiet %v", left, o.quiet)
	}
	stop(t, w)
}

// An owner that waits from one look to the next is noticed, a queue that moves is not.
func TestStalled(t *testing.T) {
	w := NewWorkers(1)
	all := make([]*blocker, 4)
	for i := range all {
		all[i] = newBlocker()
		w.Add(all[i])
	}
	<-all[0].in
	for want := range 3 { // the first look only begins
		if got := w.Stalled(); got != want {
			t.Errorf("look %d: %d", want, got)
		}
	}
	close(all[0].let)
	<-all[1].in
	if got := w.Stalled(); got != 3 {
		t.Errorf("while two of three still wait: %d", got)
	}
	close(all[1].let)
	close(all[2].let)
	<-all[3].in
	if got := w.Stalled(); got != 0 {
		t.Errorf("after all had their turn: %d", got)
	}
	close(all[3].let)
	stop(t, w)
}

// turns is an owner that has work for a number of turns.
type turns struct {
	left  int
	order *[]int
	id    int
}

func (o *turns) Work() bool {
	*o.order = append(*o.order, o.id)
	o.left--
	return o.left > 0
}

// An owner with more to do lets the others have their turn first.
func TestOwnersTakeTurns(t *testing.T) {
	w := NewWorkers(1)
	first := newBlocker()
	w.Add(first)
	<-first.in
	var order []int
	for i := range 3 {
		w.Add(&turns{left: 3 - i, order: &order, id: i})
	}
	close(first.let)
	stop(t, w)
	if want := []int{0, 1, 2, 0, 1, 0}; !slices.Equal(order, want) {
		t.Errorf("turns %v, want %v", order, want)
	}
}

// TestRingModel compares the ring with a slice.
func TestRingModel(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var q ring
	var want []Runner
	for step := range 100_000 {
		// Long phases of growing and of shrinking, so that the list is given back now and then.
		if grows := step/6000%2 == 0; len(want) == 0 || random.IntN(100) < 35 != grows {
			r := &turns{id: step}
			q.push(r)
			want = append(want, r)
		} else {
			if got := q.pop(); got != want[0] {
				t.Fatalf("step %d: %d came, want %d", step, got.(*turns).id, want[0].(*turns).id)
			}
			want = want[1:]
		}
		if q.n != len(want) || q.n == 0 && len(q.list) > keptRing {
			t.Fatalf("step %d: %d in a list of %d, want %d", step, q.n, len(q.list), len(want))
		}
	}
}

func TestRingKeepsNobody(t *testing.T) {
	var q ring
	for range 40 {
		q.push(&turns{})
	}
	for range 40 {
		q.pop()
	}
	if slices.ContainsFunc(q.list, func(r Runner) bool { return r != nil }) {
		t.Error("the ring keeps owners alive that do not wait")
	}
}

func TestNoAllocationPerTurn(t *testing.T) {
	var q ring
	r := Runner(&turns{})
	for range 17 { // so that the list wraps around during the count
		q.push(r)
	}
	if n := testing.AllocsPerRun(100, func() { q.push(r); q.pop() }); n != 0 {
		t.Errorf("a turn allocates %v times", n)
	}
}

// counter is an owner of jobs that do nothing.
type counter struct{ box Box[[8]*int] }

func (c *counter) Work() bool {
	var j [8]*int
	for range 32 {
		if !c.box.Take(&j) {
			return false
		}
	}
	return true
}

func BenchmarkWorkers(b *testing.B) {
	w := NewWorkers(4)
	owners := make([]counter, 64)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		o := &owners[i%64]
		for !o.box.Idle() {
			runtime.Gosched()
		}
		if _, wake := o.box.Post([8]*int{}, 1, false); wake {
			w.Add(o)
		}
		i++
	}
	b.StopTimer()
	stop(b, w)
}

// ending is an owner whose Work ends its goroutine, until its turns are over.
type ending struct {
	turns int
	done  chan bool
}

func (e *ending) Work() bool {
	if e.turns--; e.turns > 0 {
		runtime.Goexit()
	}
	close(e.done)
	return false
}

// TestGoexitLeavesNothing: however often Work ends its goroutine, another one has its place, and
// only those that live are remembered.
func TestGoexitLeavesNothing(t *testing.T) {
	w := NewWorkers(1)
	e := &ending{turns: 100, done: make(chan bool)}
	w.Add(e)
	<-e.done
	w.mu.Lock()
	if len(w.ids) != 1 || w.started != 1 {
		t.Errorf("%d goroutines are remembered, %d count as started", len(w.ids), w.started)
	}
	w.mu.Unlock()
	stop(t, w)
}
