package ledger

import (
	"testing"
	"time"
)

// bank counts bytes.
type bank int

func (a *bank) Add(n int)  { *a += bank(n) }
func (a *bank) Full() bool { return false }

// A ledger that moves knows there what was asked here, and nothing here.
func TestMove(t *testing.T) {
	var l, m Ledger
	var here, there bank
	ask := func(l *Ledger, id, asker uint64, want Verdict) []byte {
		t.Helper()
		got, answer := l.Ask(id, asker)
		if got != want {
			t.Errorf("question %d: %v, want %v", id, got, want)
		}
		return answer
	}
	b := Bounds{Bytes: 1 << 20, Age: time.Minute, Budget: &here}
	for id := range uint64(4) {
		ask(&l, id+1, 5, New)
	}
	l.Answer(2, []byte("two"), 10*time.Second, b)
	l.Answer(1, []byte("one"), 20*time.Second, b)
	l.Unask(4)
	st := l.Move(30*time.Second, &here)
	if here != 0 || st.Size() != 6+3*Overhead {
		t.Errorf("%d bytes are kept here, the state has %d", here, st.Size())
	}
	if _, known := l.Answer(3, nil, 0, b); known {
		t.Error("an answer is known here")
	}
	m.Adopt(st, 1, time.Hour, &there)
	if there != 6+2*Overhead {
		t.Errorf("%d bytes are kept there", there)
	}
	if s := string(ask(&m, 1, 2, Answered)); s != "one" {
		t.Errorf("the answer is %q", s)
	}
	ask(&m, 3, 2, Waiting)
	ask(&m, 4, 2, New)
	ask(&m, 5, 2, New)
	b.Budget = &there
	asker, known := m.Answer(3, []byte("three"), time.Hour+35*time.Second, b)
	if !known || asker != 2 {
		t.Errorf("the answer is for %d, known: %v", asker, known)
	}
	ask(&m, 2, 2, Answered) // of the age of 55 s
	m.Answer(4, []byte("four"), time.Hour+45*time.Second, b)
	ask(&m, 2, 3, Forgotten)
	var unused Ledger
	unused.Adopt((&Ledger{}).Move(0, &here), 1, 0, &there)
	ask(&unused, 1, 1, New)
}
