package registry

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

// entry is the model of one registered handler: a number, and whether it runs once only.
type entry struct {
	n    int
	once bool
}

// takeAll runs an Entry as its users do.
func takeAll(e *Entry[int]) (ran []int) {
	for i := range e.Len() {
		if n, ok := e.Take(i); ok {
			ran = append(ran, n)
		}
	}
	return ran
}

// A Table is a map from names to lists. What was found before a change still
// shows the list from before it, of which nothing runs twice that is to run once.
func TestTableAgainstMap(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		var table Table[int]
		model := make(map[string][]entry)
		ranOnce := make(map[int]bool)
		type snapshot struct {
			e    *Entry[int]
			list []entry
		}
		var held []snapshot
		run := func(what string, e *Entry[int], list []entry) {
			t.Helper()
			var want []int
			for _, x := range list {
				if x.once && ranOnce[x.n] {
					continue
				}
				want = append(want, x.n)
				if x.once {
					ranOnce[x.n] = true
				}
			}
			if got := takeAll(e); !slices.Equal(got, want) {
				t.Fatalf("seed %d, %s: ran %v, want %v", seed, what, got, want)
			}
			for name, l := range model {
				gone := func(x entry) bool { return x.once && ranOnce[x.n] }
				l = slices.DeleteFunc(slices.Clone(l), gone)
				if model[name] = l; len(l) == 0 {
					delete(model, name)
				}
			}
		}
		for step := range 300 {
			name := fmt.Sprint("event", r.IntN(5))
			switch r.IntN(8) {
			case 0, 1:
				table.Add(name, step)
				model[name] = append(slices.Clone(model[name]), entry{step, false})
			case 2, 3:
				table.Once(name, step)
				model[name] = append(slices.Clone(model[name]), entry{step, true})
			case 4:
				if r.IntN(3) == 0 {
					table.Remove(name)
					delete(model, name)
				}
			case 5:
				held = append(held, snapshot{table.Find([]byte(name)), model[name]})
			case 6:
				if len(held) > 0 {
					x := held[r.IntN(len(held))]
					run("held", x.e, x.list)
				}
			default:
				run("found", table.Find([]byte(name)), model[name])
			}
			e, want := table.FindString(name), model[name]
			if e != table.Find([]byte(name)) || (e == nil) != (want == nil) {
				t.Fatalf("seed %d: %q leads to %v", seed, name, e)
			}
			if e.Len() != len(want) {
				t.Fatalf("seed %d: %q has %d handlers, want %d", seed, name, e.Len(), len(want))
			}
			for i, x := range want {
				if e.Event() != name || e.At(i) != x.n {
					t.Fatalf("seed %d: %d of %q is %d of %q", seed, i, name, e.At(i), e.Event())
				}
			}
			var handlers int
			for _, l := range model {
				handlers += len(l)
			}
			if events, all := table.Count(); events != len(model) || all != handlers {
				t.Fatalf("seed %d: %d events and %d handlers, want %d and %d",
					seed, events, all, len(model), handlers)
			}
		}
	}
}

// While some register and remove, others run: each once handler runs once in all.
func TestTableUnderConcurrentUse(t *testing.T) {
	const each = 200
	var table Table[*atomic.Int64]
	table.Add("event", new(atomic.Int64))
	var counts [2 * each]atomic.Int64
	var writers, readers sync.WaitGroup
	done := make(chan struct{})
	for w := range 2 {
		writers.Go(func() {
			for i := range each {
				table.Once("event", &counts[w*each+i])
				table.Add(fmt.Sprint("other", i%7), &counts[0])
				table.Remove(fmt.Sprint("other", i%7))
			}
		})
	}
	runAll := func() {
		e := table.Find([]byte("event"))
		for i := range e.Len() {
			if n, ok := e.Take(i); ok {
				n.Add(1)
			}
		}
	}
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					runAll()
				}
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
	runAll()
	for i := range counts {
		if n := counts[i].Load(); n != 1 {
			t.Fatalf("handler %d ran %d times", i, n)
		}
	}
	if events, handlers := table.Count(); events != 1 || handlers != 1 {
		t.Errorf("%d events and %d handlers are left", events, handlers)
	}
}

// A handler may change the table that it was found in.
func TestHandlersChangeTheTable(t *testing.T) {
	var table Table[func()]
	var ran []string
	table.Add("e", func() {
		ran = append(ran, "first")
		table.Add("e", func() { ran = append(ran, "late") })
	})
	table.Add("e", func() { ran = append(ran, "second"); table.Remove("e") })
	e := table.FindString("e")
	for i := range e.Len() {
		if f, ok := e.Take(i); ok {
			f()
		}
	}
	if !slices.Equal(ran, []string{"first", "second"}) || table.FindString("e") != nil {
		t.Errorf("ran %v", ran)
	}
}

func TestRunningDoesNotAllocate(t *testing.T) {
	var table Table[func(int)]
	sum := 0
	table.Add("move", func(n int) { sum += n })
	table.Add("move", func(n int) { sum -= n })
	name := []byte("move")
	if n := testing.AllocsPerRun(1000, func() {
		e := table.Find(name)
		for i := range e.Len() {
			if f, ok := e.Take(i); ok {
				f(i)
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations an event", n)
	}
}
