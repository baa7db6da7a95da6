package ledger

import (
	"slices"
	"time"
)

// State is a ledger as it goes to another process.
type State struct {
	Newest    uint64
	Seen      []uint64
	Questions []Question // the answered ones first, in the order of their answers
}

// Question is one that is being handled, or whose answer is kept.
type Question struct {
	ID     uint64
	Answer []byte // nil = there is none yet
	Age    time.Duration
}

// Size is how many bytes the answers have.
func (st *State) Size() (n int) {
	for _, q := range st.Questions {
		n += len(q.Answer) + Overhead
	}
	return n
}

// Move ends the ledger and returns its state: no answer is known from now on.
func (l *Ledger) Move(now time.Duration, b Budget) (st State) {
	l.mu.Lock()
	defer l.mu.Unlock()
	st.Newest = l.newest
	if l.seen != nil {
		st.Seen = slices.Clone(l.seen[:])
	}
	l.answers.keep(func(id uint64) bool {
		q := l.open[id]
		st.Questions = append(st.Questions, Question{id, q.answer, now - q.given})
		return true
	})
	for id, q := range l.open {
		if q.answer == nil {
			st.Questions = append(st.Questions, Question{ID: id})
		}
	}
	l.end(b)
	return st
}

// Adopt makes l, which was never used, go on where another ledger was. asker stands for all who
// asked there.
func (l *Ledger) Adopt(st State, asker uint64, now time.Duration, b Budget) {
	if len(st.Seen) != Window/64 {
		return // nobody asked
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.newest, l.seen = st.Newest, new([Window / 64]uint64)
	copy(l.seen[:], st.Seen)
	l.open = make(map[uint64]question)
	for _, q := range st.Questions {
		l.open[q.ID] = question{asker: asker, answer: q.Answer, given: now - q.Age}
		if q.Answer != nil {
			l.answers.push(q.ID)
			l.count(len(q.Answer)+Overhead, b)
		}
	}
}
