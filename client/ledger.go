package client

import "sync"

// ledger holds the newest answers that were given to questions of the server. On a
// recovered session the server repeats a question that it got no answer to, under
// the sequence number that we have seen already. The ledger then has the answer, so
// that no handler runs twice. It is safe for concurrent use.
type ledger struct {
	mu    sync.Mutex
	kept  map[uint64]*answered
	order []uint64 // oldest first
	bytes int
}

// answered is one answer, neither compressed nor sealed.
type answered struct {
	b    []byte
	body int
	on   *link // the link on which it was sent last
}

// Bounds of the answers that are kept.
const (
	maxAnswers     = 256
	maxAnswerBytes = 256 << 10
)

// toSend notes that the answer b to question id, which it copies, is about to be
// sent on l. It reports false if the answer was sent there before.
func (a *ledger) toSend(id uint64, b []byte, body int, l *link) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if g := a.kept[id]; g != nil {
		if g.on == l {
			return false
		}
		g.on = l
		return true
	}
	if a.kept == nil {
		a.kept = make(map[uint64]*answered)
	}
	a.kept[id] = &answered{append([]byte(nil), b...), body, l}
	a.order = append(a.order, id)
	a.bytes += len(b)
	for len(a.order) > maxAnswers || a.bytes > maxAnswerBytes {
		a.bytes -= len(a.kept[a.order[0]].b)
		delete(a.kept, a.order[0])
		a.order = a.order[1:]
	}
	return true
}

// again returns the answer to question id if there is one that was not sent on l yet,
// and notes that it is sent there now. Otherwise it returns nil.
func (a *ledger) again(id uint64, l *link) *answered {
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.kept[id]
	if g == nil || g.on == l {
		return nil
	}
	g.on = l
	return g
}
