package pulse

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/internal/metrics"
)

// fakeLoops run what they are given when the test says so.
type fakeLoops struct {
	tasks   [][]func()
	avoided []bool
	log     []string
	lobby   int
}

func (f *fakeLoops) Loops() int               { return len(f.tasks) }
func (f *fakeLoops) RunOn(loop int, g func()) { f.tasks[loop] = append(f.tasks[loop], g) }
func (f *fakeLoops) Avoid(loop int, answer []byte) int {
	f.avoided[loop] = true
	f.log = append(f.log, fmt.Sprintf("avoid %d", loop))
	return 3
}

func (f *fakeLoops) Welcome(loop int) {
	f.avoided[loop] = false
	f.log = append(f.log, fmt.Sprintf("welcome %d", loop))
}

func (f *fakeLoops) Refuse(_ []byte, all bool) int {
	f.log = append(f.log, fmt.Sprintf("refuse %t", all))
	return f.lobby
}

// run lets a loop do what it was given.
func (f *fakeLoops) run(loop int) {
	tasks := f.tasks[loop]
	f.tasks[loop] = nil
	for _, g := range tasks {
		g()
	}
}

// rig is a Monitor with a clock and loops of the test's.
type rig struct {
	*Monitor
	loops   *fakeLoops
	now     time.Duration
	turns   uint64
	waiting int
	told    []string
}

func newRig(loops int) *rig {
	r := &rig{now: time.Hour, loops: &fakeLoops{tasks: make([][]func(), loops),
		avoided: make([]bool, loops)}}
	r.Monitor = &Monitor{
		Now: func() time.Duration { return r.now }, Lag: new(metrics.Histogram),
		Queue:  func() (uint64, int) { return r.turns, r.waiting },
		Answer: func(err error) []byte { return []byte(err.Error()) },
		Held: func(loop int, held bool, closed int) {
			r.told = append(r.told, fmt.Sprint(loop, held, closed))
		},
		Queued: func(held bool) { r.told = append(r.told, fmt.Sprint("queue ", held)) },
	}
	r.Watch(r.loops)
	return r
}

// pass lets time pass in steps, in which the loops that are named run.
func (r *rig) pass(d time.Duration, running ...int) {
	for end := r.now + d; r.now < end; {
		r.now += 50 * time.Millisecond
		r.Look()
		for _, i := range running {
			r.loops.run(i)
		}
	}
}

func TestLoopsThatAnswer(t *testing.T) {
	r := newRig(3)
	r.pass(10*time.Second, 0, 1, 2)
	if r.Err() != nil || len(r.told) > 0 || len(r.loops.log) > 0 {
		t.Errorf("%v %v %v", r.Err(), r.told, r.loops.log)
	}
	if n := r.Lag.Read().Samples; n < 100 || n > 130 {
		t.Errorf("%d answers in 10 s of three loops", n)
	}
	if r.Look() {
		t.Error("a look is due although nothing is owed")
	}
}

// A loop that is held is noticed after a second, and within two of the moment when it began.
func TestHeldLoop(t *testing.T) {
	r := newRig(2)
	r.pass(time.Second, 0, 1)
	r.pass(950*time.Millisecond, 1)
	if r.Err() != nil {
		t.Fatalf("after less than a second: %v", r.Err())
	}
	r.pass(600*time.Millisecond, 1)
	if err := r.Err(); err == nil || !strings.Contains(err.Error(), "1 of 2 event loops") ||
		!r.loops.avoided[0] || r.loops.avoided[1] {
		t.Fatalf("after 1.55 s: %v, avoided %v", err, r.loops.avoided)
	}
	r.pass(5*time.Second, 1)
	r.loops.run(0)
	if r.Err() != nil || r.loops.avoided[0] {
		t.Errorf("when it is back: %v", r.Err())
	}
	if want := []string{"0 true 3", "0 false 0"}; !slices.Equal(r.told, want) {
		t.Errorf("told %v, want %v", r.told, want)
	}
	if slices.Contains(r.loops.log, "refuse true") {
		t.Error("clients were refused although a loop was free")
	}
}

// While all loops are held, those who come are refused, and afterwards those are seen out.
func TestAllLoopsHeld(t *testing.T) {
	r := newRig(2)
	r.pass(time.Second, 0, 1)
	r.loops.lobby = 1
	r.pass(2 * time.Second)
	if !slices.Contains(r.loops.log, "refuse true") {
		t.Fatalf("nobody was refused: %v", r.loops.log)
	}
	r.loops.run(1)
	r.loops.log = nil
	r.now += rarely
	if !r.Look() || !slices.Equal(r.loops.log, []string{"refuse false"}) {
		t.Errorf("who is left is not seen out: %v", r.loops.log)
	}
	r.loops.lobby = 0
	r.now += rarely
	r.Look()
	r.loops.log = nil
	r.now += rarely
	if r.Look(); len(r.loops.log) > 0 {
		t.Errorf("nobody is left: %v", r.loops.log)
	}
}

// A machine that stood still blames nobody.
func TestStandstill(t *testing.T) {
	r := newRig(1)
	r.pass(time.Second, 0)
	r.now += rarely + every
	r.Look() // asks
	r.now += time.Hour
	for range 50 { // the housekeeper runs again before the loop does
		r.now += time.Millisecond
		r.Look()
	}
	if r.Err() != nil || len(r.told) > 0 {
		t.Errorf("%v %v", r.Err(), r.told)
	}
}

// The goroutines of handlers are held when who waits does not get one for a second.
func TestQueue(t *testing.T) {
	r := newRig(1)
	r.waiting = 5
	for range 100 { // a long queue that moves on
		r.turns += 5
		r.pass(100*time.Millisecond, 0)
	}
	if r.Err() != nil {
		t.Fatalf("while it moves on: %v", r.Err())
	}
	r.pass(1300*time.Millisecond, 0)
	if r.Err() == nil {
		t.Fatal("who waits for over a second is not noticed")
	}
	r.turns += 10
	r.waiting = 0
	r.pass(200*time.Millisecond, 0)
	if r.Err() != nil {
		t.Errorf("when it moves on: %v", r.Err())
	}
	if want := []string{"queue true", "queue false"}; !slices.Equal(r.told, want) {
		t.Errorf("told %v", r.told)
	}
}

func TestLookDoesNotAllocate(t *testing.T) {
	r := newRig(4)
	r.pass(time.Second, 0, 1, 2, 3)
	if n := testing.AllocsPerRun(100, func() {
		r.now += every
		r.Look()
		for i := range 4 {
			for _, g := range r.loops.tasks[i] {
				g()
			}
			r.loops.tasks[i] = r.loops.tasks[i][:0]
		}
		if r.Err() != nil {
			t.Error("held")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
