package smartsocket

import (
	"sync"
	"time"

	"github.com/smartsocket/smartsocket/message"
)

// The bounds of what a session remembers of the events that asked for an ack.
const (
	askedWindow    = 1024 // ids below the newest; what is older counts as seen
	answersKept    = askedWindow
	answerOverhead = 96 // bytes that an answer counts for besides its own
)

// questions are the events with an ack id that a session has seen, so that one
// that the client sends again after a resume is answered and not handled again.
type questions struct {
	mu      sync.Mutex
	newest  uint64
	seen    *[askedWindow / 64]uint64 // by id modulo askedWindow, of the ids in the window; nil = none yet
	open    map[uint64]*question      // those that are being handled, and those whose answers are kept
	answers []*question               // given and kept, oldest first
	bytes   int                       // of answers
	sent    uint64                    // how often an answer was sent
	ended   bool
}

// question is one event that asked for an ack.
type question struct {
	id     uint64
	at     *Socket // the connection that asked last, which gets the answer
	answer []byte  // the whole message; nil = the handlers have not answered
	given  time.Duration
	sent   uint64 // questions.sent when it was sent last
}

// bit is the place of an id in seen.
func (q *questions) bit(id uint64) (word *uint64, mask uint64) {
	i := id % askedWindow
	return &q.seen[i/64], 1 << (i % 64)
}

// advance makes room for the window up to id. mu is held.
func (q *questions) advance(id uint64) {
	for range min(id-q.newest, askedWindow) {
		q.newest++
		word, mask := q.bit(q.newest)
		*word &^= mask
	}
	if skipped := id - q.newest; skipped > 0 { // the whole window is new
		q.newest = id
	}
	if len(q.open)-len(q.answers) < 2*askedWindow {
		return
	}
	for old, o := range q.open { // handlers that never answered; at least half of them
		if o.answer == nil && q.newest-old >= askedWindow {
			delete(q.open, old)
		}
	}
}

// errAskedBefore answers an event whose handlers ran, or may have, and whose answer is not known any more.
var errAskedBefore = &Error{Code: message.CodeConnectionLost, Message: "this event came before, and its answer is not kept any more: ask what became of it"}

var errAckIDUsed = &Error{Code: message.CodeInvalidFormat, Message: "this ack id was used before on this connection: count up"}

// repeated reports whether an event of s that asks for an ack has come before,
// and sees to its answer then. Else it is noted. On the loop.
func (s *Socket) repeated(id uint64) bool {
	q := &s.session.asked
	q.mu.Lock()
	if q.ended {
		q.mu.Unlock()
		return false
	}
	if q.seen == nil {
		q.seen, q.open = new([askedWindow / 64]uint64), make(map[uint64]*question)
	}
	if id > q.newest {
		q.advance(id)
	}
	word, mask := q.bit(id)
	if q.newest-id < askedWindow && *word&mask == 0 {
		*word |= mask
		q.open[id] = &question{id: id, at: s}
		q.mu.Unlock()
		return false
	}
	o := q.open[id]
	if o == nil {
		q.mu.Unlock()
		s.nackOnly(id, errAskedBefore)
		return true
	}
	if o.at == s {
		q.mu.Unlock()
		s.violation(errAckIDUsed)
		return true
	}
	o.at = s // an answer that is still to come goes here
	if o.answer != nil {
		q.send(o)
	}
	q.mu.Unlock()
	s.srv.counters.repeated.Add(1)
	return true
}

// unasked forgets an event that was refused before any handler saw it: sent again it is a new one.
func (q *questions) unasked(id uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.seen == nil || q.open[id] == nil || q.open[id].answer != nil {
		return
	}
	word, mask := q.bit(id)
	*word &^= mask
	delete(q.open, id)
}

// sendAnswer sends the handlers' answer to the event with this id, b, which is
// borrowed. In a session it is kept, and goes to the connection that asked last.
func (s *Socket) sendAnswer(id uint64, b []byte) {
	if n := s.session; n == nil || !n.asked.answer(s.srv.sessions, id, b) {
		s.sendMessage(b)
	}
}

// answer sends an answer and remembers it within the bounds; false: the question is not known.
func (q *questions) answer(x *sessions, id uint64, b []byte) bool {
	now := x.srv.sinceStart()
	q.mu.Lock()
	defer q.mu.Unlock()
	o := q.open[id]
	if o == nil || q.ended {
		return false
	}
	o.answer, o.given = append([]byte(nil), b...), now
	q.send(o)
	q.answers = append(q.answers, o)
	q.count(x, len(b)+answerOverhead)
	limits := x.srv.current()
	for len(q.answers) > 0 {
		oldest := q.answers[0]
		if len(q.answers) <= answersKept && q.bytes <= limits.MessageCacheBytes && now-oldest.given <= limits.MessageCacheAge && !x.full() {
			break
		}
		q.answers[0] = nil
		q.answers = q.answers[1:]
		q.drop(x, oldest)
	}
	return true
}

// send sends an answer to who asked. It is done under mu, so that sent tells
// what left before a PING did.
func (q *questions) send(o *question) {
	q.sent++
	o.sent = q.sent
	o.at.sendMessage(o.answer)
}

// drop forgets an answer that is no longer in answers. mu is held.
func (q *questions) drop(x *sessions, o *question) {
	delete(q.open, o.id)
	q.count(x, -len(o.answer)-answerOverhead)
}

// confirmed forgets the answers that were sent to s before a PING that the
// client has answered: it has read them.
func (q *questions) confirmed(x *sessions, s *Socket, mark uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	kept := q.answers[:0]
	for _, o := range q.answers {
		if o.at == s && o.sent <= mark {
			q.drop(x, o)
		} else {
			kept = append(kept, o)
		}
	}
	clear(q.answers[len(kept):])
	q.answers = kept
}

// count is to questions what account is to a ring. mu is held.
func (q *questions) count(x *sessions, bytes int) {
	q.bytes += bytes
	x.addBytes(bytes)
}

// end forgets everything, for good.
func (q *questions) end(x *sessions) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.count(x, -q.bytes)
	q.open, q.answers, q.ended = nil, nil, true
}
