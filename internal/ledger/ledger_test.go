package ledger

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

// account is a Budget with a limit.
type account struct{ used, limit int }

func (a *account) Add(n int)  { a.used += n }
func (a *account) Full() bool { return a.used > a.limit }

func wide() (Bounds, *account) {
	a := &account{limit: 1 << 30}
	return Bounds{Bytes: 1 << 20, Age: time.Hour, Budget: a}, a
}

func ask(t *testing.T, l *Ledger, id, asker uint64, want Verdict) []byte {
	t.Helper()
	v, answer := l.Ask(id, asker)
	if v != want {
		t.Fatalf("Ask(%d, %d) = %d, want %d", id, asker, v, want)
	}
	return answer
}

func TestLifeOfAQuestion(t *testing.T) {
	var l Ledger
	b, a := wide()
	ask(t, &l, 1, 1, New)
	ask(t, &l, 1, 1, Reused)
	ask(t, &l, 1, 2, Waiting)
	asker, known := l.Answer(1, []byte("yes"), 0, b)
	if !known || asker != 2 {
		t.Fatalf("Answer: asker %d, known %v; want 2, true", asker, known)
	}
	if _, again := l.Answer(1, []byte("no"), 0, b); again {
		t.Error("a question was answered twice")
	}
	if a.used != 3+Overhead {
		t.Errorf("%d bytes are accounted, want %d", a.used, 3+Overhead)
	}
	if got := ask(t, &l, 1, 3, Answered); string(got) != "yes" {
		t.Errorf("the kept answer is %q", got)
	}
	l.Confirm(3, l.Mark(), b.Budget) // not sent to 3 yet, so 3 cannot have read it
	ask(t, &l, 1, 4, Answered)
	l.Sent(1, 4)
	l.Confirm(3, l.Mark(), b.Budget)
	ask(t, &l, 1, 5, Answered)
	before := l.Mark()
	l.Sent(1, 5)
	l.Confirm(5, before, b.Budget) // sent behind the mark
	ask(t, &l, 1, 6, Answered)
	l.Sent(1, 6)
	l.Confirm(6, l.Mark(), b.Budget)
	ask(t, &l, 1, 7, Forgotten)
	if a.used != 0 {
		t.Errorf("%d bytes are accounted after the answer was confirmed", a.used)
	}
}

func TestRefusedQuestionsAreNew(t *testing.T) {
	var l Ledger
	b, _ := wide()
	ask(t, &l, 5, 1, New)
	l.Unask(5)
	ask(t, &l, 5, 1, New)
	l.Answer(5, []byte("x"), 0, b)
	l.Unask(5) // too late: handlers have run
	ask(t, &l, 5, 1, Reused)
	l.Unask(77)
	ask(t, &l, 77, 1, New)
	ask(t, &l, 5+Window, 1, New)
	ask(t, &l, 77+Window, 1, New)
	l.Unask(77) // so late that another id has its place
	ask(t, &l, 77+Window, 2, Waiting)
	ask(t, &l, 77, 2, Forgotten)
}

func TestOldIdsCountAsSeen(t *testing.T) {
	var l Ledger
	ask(t, &l, 5000, 1, New)
	ask(t, &l, 5000-Window+1, 1, New)
	ask(t, &l, 5000-Window, 1, Forgotten)
	ask(t, &l, 1, 1, Forgotten)
	ask(t, &l, 1<<63, 1, New) // a window that is new as a whole
	ask(t, &l, 5000, 2, Waiting)
}

func TestAnswersAreBounded(t *testing.T) {
	fill := func(b Bounds, n int, step time.Duration) *Ledger {
		l := new(Ledger)
		for id := uint64(1); id <= uint64(n); id++ {
			ask(t, l, id, 1, New)
			l.Answer(id, make([]byte, 100), time.Duration(id)*step, b)
		}
		return l
	}
	for name, c := range map[string]struct {
		b    Bounds
		kept int
		step time.Duration
	}{
		"count":  {Bounds{1 << 30, time.Hour, &account{limit: 1 << 30}}, Kept, 0},
		"bytes":  {Bounds{10 * (100 + Overhead), time.Hour, &account{limit: 1 << 30}}, 10, 0},
		"age":    {Bounds{1 << 30, 10 * time.Second, &account{limit: 1 << 30}}, 11, time.Second},
		"budget": {Bounds{1 << 30, time.Hour, &account{limit: 7 * (100 + Overhead)}}, 7, 0},
	} {
		l := fill(c.b, 2*Kept, c.step)
		if n := l.answers.len(); n != c.kept {
			t.Errorf("%s: %d answers are kept, want %d", name, n, c.kept)
		}
		if used := c.b.Budget.(*account).used; used != c.kept*(100+Overhead) || used != l.bytes {
			t.Errorf("%s: %d bytes accounted, %d in the ledger, want %d", name, used, l.bytes,
				c.kept*(100+Overhead))
		}
		l.End(c.b.Budget)
		if used := c.b.Budget.(*account).used; used != 0 {
			t.Errorf("%s: %d bytes accounted after the end", name, used)
		}
		ask(t, l, 1, 1, New)
		if _, known := l.Answer(1, nil, 0, c.b); known {
			t.Errorf("%s: an ended ledger keeps answers", name)
		}
	}
}

// A client whose questions are never answered makes the ledger remember a bounded number.
func TestOpenQuestionsAreBounded(t *testing.T) {
	var l Ledger
	for id := uint64(1); id <= 100_000; id++ {
		ask(t, &l, id*3, 1, New)
		if n := len(l.open); n > 2*Window+1 {
			t.Fatalf("%d open questions are remembered", n)
		}
	}
	l.Unask(300_000)
	ask(t, &l, 300_000, 1, New)
}

// naive is the ledger as one would write it without a thought for its cost.
type naive struct {
	seen    map[uint64]bool
	asker   map[uint64]uint64
	answer  map[uint64]string
	sent    map[uint64]uint64
	order   []uint64
	newest  uint64
	counter uint64
}

func (n *naive) forget(id uint64) {
	delete(n.asker, id)
	delete(n.answer, id)
	delete(n.sent, id)
	n.order = slices.DeleteFunc(n.order, func(o uint64) bool { return o == id })
}

func (n *naive) ask(id, asker uint64) (Verdict, string) {
	n.newest = max(n.newest, id)
	if n.newest-id < Window && !n.seen[id] {
		n.seen[id], n.asker[id] = true, asker
		return New, ""
	}
	at, open := n.asker[id]
	switch {
	case !open:
		return Forgotten, ""
	case at == asker:
		return Reused, ""
	}
	n.asker[id] = asker
	delete(n.sent, id)
	if a, ok := n.answer[id]; ok {
		return Answered, a
	}
	return Waiting, ""
}

// The ledger and the naive one agree on any sequence of calls.
func TestModel(t *testing.T) {
	for seed := range uint64(200) {
		model(t, func() func(n int) int {
			r := rand.New(rand.NewPCG(seed, 1))
			return r.IntN
		}(), 3000)
	}
}

func FuzzModel(f *testing.F) {
	f.Add([]byte("0123456789"))
	f.Fuzz(func(t *testing.T, script []byte) {
		i := 0
		model(t, func(n int) int {
			if i++; i > len(script) {
				return 0
			}
			return int(script[i-1]) % n
		}, len(script)/2)
	})
}

func model(t *testing.T, pick func(int) int, steps int) {
	t.Helper()
	var l Ledger
	a := &account{limit: 1 << 30}
	b := Bounds{Bytes: 6 * (4 + Overhead), Age: time.Hour, Budget: a}
	n := naive{seen: map[uint64]bool{}, asker: map[uint64]uint64{}, answer: map[uint64]string{},
		sent: map[uint64]uint64{}}
	asker, mark := uint64(1), uint64(0)
	for range steps {
		id := max(n.newest, 2*Window) - uint64(pick(24)) + uint64(pick(6))
		switch pick(64) {
		case 0: // so that those before are near the end of the window, or behind it
			id += Window - 12
		case 1, 2, 3:
			id -= Window - 12
		}
		switch pick(8) {
		case 0, 1, 2:
			got, answer := l.Ask(id, asker)
			want, text := n.ask(id, asker)
			if got != want || string(answer) != text {
				t.Fatalf("Ask(%d, %d) = %d, %q; want %d, %q", id, asker, got, answer, want, text)
			}
		case 3:
			text := fmt.Sprintf("%04d", id%10000)
			who, known := l.Answer(id, []byte(text), 0, b)
			_, given := n.answer[id]
			at, open := n.asker[id]
			if known != (open && !given) || known && who != at {
				t.Fatalf("Answer(%d): %d, %v; want %d, %v", id, who, known, at, open && !given)
			}
			if known {
				n.answer[id] = text
				n.order = append(n.order, id)
				if len(n.order) > 6 {
					n.forget(n.order[0])
				}
			}
		case 4:
			l.Unask(id)
			if _, given := n.answer[id]; !given && n.asker[id] != 0 {
				n.forget(id)
				delete(n.seen, id)
			}
		case 5:
			l.Sent(id, asker)
			if _, given := n.answer[id]; given && n.asker[id] == asker {
				n.counter++
				n.sent[id] = n.counter
			}
		case 6:
			asker++
		case 7:
			if pick(2) == 0 {
				if mark = l.Mark(); mark != n.counter {
					t.Fatalf("Mark() = %d, want %d", mark, n.counter)
				}
				continue
			}
			l.Confirm(asker, mark, a)
			for _, o := range slices.Clone(n.order) {
				if at := n.sent[o]; n.asker[o] == asker && at != 0 && at <= mark {
					n.forget(o)
				}
			}
		}
		if want := len(n.order) * (4 + Overhead); a.used != want {
			t.Fatalf("%d bytes accounted, want %d", a.used, want)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	var l Ledger
	b := Bounds{Bytes: 1 << 20, Age: time.Hour, Budget: new(locked)}
	var all sync.WaitGroup
	for asker := range uint64(4) {
		all.Go(func() {
			for id := uint64(1); id < 2000; id++ {
				if v, answer := l.Ask(id, asker+1); v == Answered &&
					!bytes.Equal(answer, []byte("answer")) {
					t.Errorf("an answer changed: %q", answer)
				}
				if who, known := l.Answer(id, []byte("answer"), 0, b); known {
					l.Sent(id, who)
				}
				l.Confirm(asker+1, l.Mark(), b.Budget)
			}
		})
	}
	all.Wait()
}

type locked struct {
	mu sync.Mutex
	n  int
}

func (a *locked) Add(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.n += n
}

func (a *locked) Full() bool { return false }

// Once its maps have grown, a question costs the copy of its answer and nothing else.
func TestAllocations(t *testing.T) {
	var l Ledger
	b, _ := wide()
	answer := make([]byte, 300)
	id := uint64(0)
	round := func() {
		id++
		l.Ask(id, 1)
		l.Answer(id, answer, 0, b)
		l.Sent(id, 1)
		l.Confirm(1, l.Mark(), b.Budget)
	}
	for range 5000 {
		round()
	}
	if n := testing.AllocsPerRun(1000, round); n > 1 {
		t.Errorf("%.1f allocations a question, want 1", n)
	}
}

func BenchmarkQuestion(b *testing.B) {
	var l Ledger
	bounds, _ := wide()
	answer := make([]byte, 30)
	id := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		id++
		l.Ask(id, 1)
		l.Answer(id, answer, 0, bounds)
		l.Sent(id, 1)
		if id%64 == 0 {
			l.Confirm(1, l.Mark(), bounds.Budget)
		}
	}
}
