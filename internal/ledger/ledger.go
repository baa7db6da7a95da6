// Package ledger remembers the questions of the other side: the events that asked for an
// acknowledgement. A client whose connection was cut sends its open questions again on the next
// one. The ledger tells such a repetition from a new question, and keeps the answers that the
// client may not have read yet.
//
//	Ask ──New──▶ the handlers run ──Answer──▶ the answer is kept ──Confirm──▶ forgotten
//	  │             └─ refused before they ran: Unask, so that a repetition counts as new
//	  └─ asked before: Answered (send it again) · Waiting (it will go to whoever asked last)
//	                   · Forgotten (what became of it is not known) · Reused (a client's fault)
//
// The ledger sends nothing. Its caller sends an answer first and calls Sent afterwards, and calls
// Mark before it sends a PING. So every answer that counts for a mark was written ahead of the
// PING, and a client that has answered the PING has read it.
//
// A ledger may go on in another process: see move.go.
//
// Ledger.mu guards everything. It is a leaf: while it is held, only Budget is called.
//
// Read ledger.go, then move.go.
package ledger

import (
	"sync"
	"time"
)

// The bounds of one ledger.
const (
	// Window is how many ids below the newest are told apart. An older one counts as seen.
	Window = 1024
	// Kept is how many answers are kept at most.
	Kept = Window
	// Overhead is what an answer counts for besides its own bytes.
	Overhead = 96
)

// Verdict is what Ask finds out about a question.
type Verdict uint8

// The verdicts of Ask.
const (
	// New is a question that was never seen: its handlers should run.
	New Verdict = iota
	// Answered is a question whose answer is kept: send it again.
	Answered
	// Waiting is a question whose handlers have not answered. The answer will go to this asker.
	Waiting
	// Forgotten is a question that was seen, or is too old to tell, and whose answer is not kept.
	Forgotten
	// Reused is an id that one asker used twice.
	Reused
)

// Budget is the account that all ledgers of a server share. Its methods are called while a
// ledger's lock is held, so they must take no lock that is held while a ledger is called.
type Budget interface {
	// Add counts bytes that are kept, or given back when negative.
	Add(bytes int)
	// Full reports whether more is kept than may be.
	Full() bool
}

// Bounds limit the answers that one ledger keeps.
type Bounds struct {
	Bytes  int           // of all answers together, each with its Overhead
	Age    time.Duration // since the answer was given
	Budget Budget
}

// Ledger is the memory of one session's questions. The zero value is ready for use. Its methods
// may be called concurrently.
type Ledger struct {
	mu      sync.Mutex
	newest  uint64
	seen    *[Window / 64]uint64 // by id modulo Window, of the ids in the window; nil = none yet
	open    map[uint64]question  // those being handled, and those whose answers are kept
	answers ids                  // of the kept answers, oldest first
	bytes   int                  // of the kept answers
	sent    uint64               // counts the answers that were sent
	ended   bool
}

// question is one event that asked for an answer.
type question struct {
	asker  uint64        // the connection that asked last
	answer []byte        // the whole message, never changed; nil = no answer yet
	given  time.Duration // when the answer was given
	sent   uint64        // Ledger.sent when it was sent last, 0 = never to this asker
}

// Ask notes that asker, a number of the connection that is never used again, sent a question
// with this id. The answer that comes with Answered belongs to the ledger and never changes, so
// it may be read at any time.
func (l *Ledger) Ask(id, asker uint64) (Verdict, []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return New, nil
	}
	if l.seen == nil {
		l.seen, l.open = new([Window / 64]uint64), make(map[uint64]question)
	}
	if id > l.newest {
		l.advance(id)
	}
	word, mask := l.bit(id)
	if l.newest-id < Window && *word&mask == 0 {
		*word |= mask
		l.open[id] = question{asker: asker}
		return New, nil
	}
	q, known := l.open[id]
	switch {
	case !known:
		return Forgotten, nil
	case q.asker == asker:
		return Reused, nil
	}
	q.asker, q.sent = asker, 0
	l.open[id] = q
	if q.answer == nil {
		return Waiting, nil
	}
	return Answered, q.answer
}

// Unask forgets a question that was refused before any handler saw it, so that a repetition
// counts as new. If its id has left the window meanwhile, a repetition is Forgotten.
func (l *Ledger) Unask(id uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	q, known := l.open[id]
	if !known || q.answer != nil {
		return
	}
	if l.newest-id < Window { // otherwise the bit is that of a newer id
		word, mask := l.bit(id)
		*word &^= mask
	}
	delete(l.open, id)
}

// Answer keeps a copy of the answer to a question, within the bounds, and returns who asked last.
// known is false when the ledger has no such question: then nothing is kept.
func (l *Ledger) Answer(
	id uint64, answer []byte, now time.Duration, b Bounds,
) (asker uint64, known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	q, known := l.open[id]
	if !known || l.ended || q.answer != nil {
		return 0, false
	}
	q.answer, q.given = append(make([]byte, 0, len(answer)), answer...), now
	l.open[id] = q
	l.answers.push(id)
	l.count(len(answer)+Overhead, b.Budget)
	for l.answers.len() > 0 {
		oldest := l.answers.first()
		if l.answers.len() <= Kept && l.bytes <= b.Bytes &&
			now-l.open[oldest].given <= b.Age && !b.Budget.Full() {
			break
		}
		l.answers.pop()
		l.drop(oldest, b.Budget)
	}
	return q.asker, true
}

// Sent notes that the answer to a question was sent to asker, after it was.
func (l *Ledger) Sent(id, asker uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	q, known := l.open[id]
	if !known || q.asker != asker || q.answer == nil {
		return
	}
	l.sent++
	q.sent = l.sent
	l.open[id] = q
}

// Mark returns the mark of a PING that is about to be sent, for Confirm.
func (l *Ledger) Mark() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sent
}

// Confirm forgets the answers that were sent to asker before the mark was taken: the client has
// read them, because it has answered the PING behind them.
func (l *Ledger) Confirm(asker, mark uint64, b Budget) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answers.keep(func(id uint64) bool {
		q := l.open[id]
		if q.asker != asker || q.sent == 0 || q.sent > mark {
			return true
		}
		l.drop(id, b)
		return false
	})
}

// End forgets everything for good. Whoever asks afterwards is new.
func (l *Ledger) End(b Budget) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end(b)
}

// end is End. mu is held.
func (l *Ledger) end(b Budget) {
	l.count(-l.bytes, b)
	l.open, l.answers, l.ended = nil, ids{}, true
}

// bit is the place of an id in seen.
func (l *Ledger) bit(id uint64) (word *uint64, mask uint64) {
	i := id % Window
	return &l.seen[i/64], 1 << (i % 64)
}

// advance moves the window up to id. The caller holds mu.
func (l *Ledger) advance(id uint64) {
	for range min(id-l.newest, Window) {
		l.newest++
		word, mask := l.bit(l.newest)
		*word &^= mask
	}
	if id > l.newest { // the whole window is new
		l.newest = id
	}
	if len(l.open)-l.answers.len() < 2*Window {
		return
	}
	for old, q := range l.open { // handlers that never answered; at least half of them
		if q.answer == nil && l.newest-old >= Window {
			delete(l.open, old)
		}
	}
}

// drop forgets a kept answer that is no longer in answers. The caller holds mu.
func (l *Ledger) drop(id uint64, b Budget) {
	l.count(-len(l.open[id].answer)-Overhead, b)
	delete(l.open, id)
}

func (l *Ledger) count(bytes int, b Budget) {
	if bytes != 0 {
		l.bytes += bytes
		b.Add(bytes)
	}
}

// ids is a queue in a slice whose room is used again.
type ids struct {
	list []uint64
	head int
}

func (q *ids) len() int      { return len(q.list) - q.head }
func (q *ids) first() uint64 { return q.list[q.head] }

func (q *ids) push(id uint64) {
	if q.head > 0 && len(q.list) == cap(q.list) {
		q.list = q.list[:copy(q.list, q.list[q.head:])]
		q.head = 0
	}
	q.list = append(q.list, id)
}

func (q *ids) pop() {
	if q.head++; q.head == len(q.list) {
		q.list, q.head = q.list[:0], 0
	}
}

// keep removes the ids for which f says no.
func (q *ids) keep(f func(uint64) bool) {
	kept := q.list[:0]
	for _, id := range q.list[q.head:] {
		if f(id) {
			kept = append(kept, id)
		}
	}
	q.list, q.head = kept, 0
}
