package client

import (
	"sync"

	"github.com/smartsocket/smartsocket/message"
)

// stream is what is kept of a session beyond its connection, to resume it: the
// readers of successive connections use it, never two at a time.
type stream struct {
	token []byte // nil = the server cannot resume, or the token is used up
	seq   uint64 // of the newest event that we got

	given answers // has its own lock
}

// answers are those that were given to the server's questions lately. It asks
// again, with the number of an event that we have, what it got no answer to
// before the connection was lost. Safe for concurrent use.
type answers struct {
	mu    sync.Mutex
	kept  map[uint64]*given
	order []uint64 // oldest first
	bytes int
}

// given is one answer, neither compressed nor sealed.
type given struct {
	b    []byte
	body int
	on   *session // where it was sent last
}

// Bounds of the answers that are kept.
const (
	maxAnswers     = 256
	maxAnswerBytes = 256 << 10
)

// toSend notes that the answer b to question id is about to be sent on s, and
// reports false if it was already.
func (a *answers) toSend(id uint64, b []byte, body int, s *session) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if g := a.kept[id]; g != nil {
		if g.on == s {
			return false
		}
		g.on = s
		return true
	}
	if a.kept == nil {
		a.kept = make(map[uint64]*given)
	}
	a.kept[id] = &given{append([]byte(nil), b...), body, s}
	a.order = append(a.order, id)
	a.bytes += len(b)
	for len(a.order) > maxAnswers || a.bytes > maxAnswerBytes {
		a.bytes -= len(a.kept[a.order[0]].b)
		delete(a.kept, a.order[0])
		a.order = a.order[1:]
	}
	return true
}

// again returns the answer to question id if there is one that was not sent on s, and notes that it is now.
func (a *answers) again(id uint64, s *session) *given {
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.kept[id]
	if g == nil || g.on == s {
		return nil
	}
	g.on = s
	return g
}

// maxToken bounds what a server may make us keep and send back.
const maxToken = 512

// offer adds to a CONNECT what the server needs to resume.
func (x *stream) offer(m *message.Connect) {
	if x.token != nil {
		m.SessionToken, m.LastSeq = x.token, x.seq
	}
}

// renew takes the token for the next time.
func (x *stream) renew(token []byte) {
	x.token = nil
	if n := len(token); n > 0 && n <= maxToken {
		x.token = append([]byte(nil), token...)
	}
}

// fresh reports whether the event with number seq has not come before, and
// notes it. missing is how many that should have come before it did not.
func (x *stream) fresh(seq uint64) (ok bool, missing uint64) {
	if seq <= x.seq {
		return false, 0
	}
	missing = seq - x.seq - 1
	x.seq = seq
	return true, missing
}

// takeStream deals with what CONNECT_ACK says about the stream: it goes on, or
// a new one begins. given says that nobody waits for this session any more; the
// application has then not been told of a loss, so the next one must not say
// that nothing was missed.
func (s *session) takeStream(a *message.ConnectAck, given bool) {
	switch {
	case given && !a.Recovered:
		s.stream.token = nil
	case given:
		s.stream.renew(a.SessionToken)
	case a.Recovered && s.stream.token != nil:
		s.recovered = true
		s.stream.renew(a.SessionToken)
	default:
		s.stream = new(stream)
		s.stream.renew(a.SessionToken)
	}
	s.resumable = s.stream.token != nil
}

// isNew reports whether a message is no event that came before already.
func (s *session) isNew(m *message.Message) bool {
	if m.Kind != message.KindEvent || m.Flags&message.FlagSeq == 0 {
		return true
	}
	ok, missing := s.stream.fresh(m.Seq)
	if !ok {
		s.c.stats.duplicates.Add(1)
		if m.Flags&message.FlagAck != 0 {
			s.answerAgain(m.AckID)
		}
		return false
	}
	if missing > 0 {
		s.c.raise(&Error{Code: message.CodeConnectionLost, Message: "events of the server are missing: fetch anew what they tell of"})
	}
	return true
}

// Recovered reports whether the open session goes on where a lost one ended:
// the same ID on the server, its rooms and values, and all events since. false
// without an open session. The server's Options.EnableMessageCache is needed.
func (c *Client) Recovered() bool {
	s := c.current.Load()
	return s != nil && s.recovered
}
