package burst

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// record is a Log whose lines are kept.
func record() (*Log[string, int], *[]Line[string, int]) {
	lines := new([]Line[string, int])
	return New(func(l Line[string, int]) { *lines = append(*lines, l) }), lines
}

func is(n int) func() int { return func() int { return n } }

// A thousand events in a second make at most three lines a minute, and nothing is lost on the way.
func TestFewLinesWhateverTheRate(t *testing.T) {
	l, lines := record()
	var at []time.Duration
	const minutes = 5
	for s := range minutes * 60 {
		now := time.Duration(s) * time.Second
		for i := range 1000 {
			l.Note("origin", now, is(s*1000+i))
		}
		before := len(*lines)
		if l.Flush(now); len(*lines) > before {
			at = append(at, now)
		}
	}
	l.Close(minutes * time.Minute)
	for i := range at {
		n := 0
		for _, other := range at[i:] {
			if other-at[i] < time.Minute {
				n++
			}
		}
		if n > 3 {
			t.Errorf("%d lines in the minute from %v", n, at[i])
		}
	}
	sum := int64(0)
	for i, line := range *lines {
		if int64(line.Example) != sum {
			t.Errorf("line %d: the example is event %d, the first was %d", i, line.Example, sum)
		}
		sum += line.Count
	}
	if sum != minutes*60*1000 || len(at) < minutes {
		t.Errorf("%d events in %d lines", sum, len(at))
	}
}

// The first event is told at the next flush, the next ones 10 s later, and a cause that was quiet
// begins again.
func TestLinesOfACause(t *testing.T) {
	l, lines := record()
	at := func(s int) time.Duration { return time.Duration(s) * time.Second }
	l.Note("a", at(0), is(1))
	l.Note("b", at(0), is(2))
	l.Flush(at(1))
	slices.SortFunc(*lines, func(x, y Line[string, int]) int { return x.Example - y.Example })
	if got := fmt.Sprint(*lines); got != "[{a 1 1 1s} {b 1 2 1s}]" {
		t.Fatal(got)
	}
	*lines = nil
	l.Note("a", at(2), is(3))
	l.Note("a", at(3), is(4))
	for s := 3; s < 11; s++ {
		l.Flush(at(s))
	}
	if len(*lines) > 0 {
		t.Fatalf("before 10 s: %v", *lines)
	}
	l.Flush(at(11))
	if got := fmt.Sprint(*lines); got != "[{a 2 3 9s}]" {
		t.Fatal(got)
	}
	*lines = nil
	l.Flush(at(50)) // quiet
	l.Note("a", at(51), is(5))
	l.Flush(at(51))
	if got := fmt.Sprint(*lines); got != "[{a 1 5 0s}]" {
		t.Fatal(got)
	}
}

func TestCausesAreBounded(t *testing.T) {
	l, _ := record()
	for i := range maxCauses + 7 {
		l.Note(fmt.Sprint(i), 0, is(i))
	}
	if len(l.of) != maxCauses || l.Lost() != 7 {
		t.Errorf("%d causes, %d lost", len(l.of), l.Lost())
	}
	l.Flush(0)
	l.Flush(time.Minute)
	if len(l.of) != 0 {
		t.Errorf("%d quiet causes are kept", len(l.of))
	}
}

// What is noted while somebody flushes is in one line or the next.
func TestConcurrentNotes(t *testing.T) {
	sum := int64(0)
	l := New(func(line Line[int, int]) { sum += line.Count })
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 1000 {
				l.Note(i%3, time.Duration(i), is(g))
			}
		})
	}
	for range 100 {
		l.Flush(0)
	}
	wg.Wait()
	l.Close(0)
	if sum != 4000 {
		t.Errorf("%d events of 4000", sum)
	}
}

func TestNoteAllocatesNothing(t *testing.T) {
	l, _ := record()
	example := is(1)
	l.Note("a", 0, example)
	if n := testing.AllocsPerRun(100, func() { l.Note("a", 0, example) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
