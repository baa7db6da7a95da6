package client

import (
	"sync"

	"github.com/smartsocket/smartsocket/message"
)

// stream is what is kept of a session beyond its connection, to resume it. token
// and seq are for the readers of successive connections, never two at a time.
type session struct {
	token []byte // nil = the server cannot resume, or the token is used up
	seq   uint64 // of the newest event that we got

	ledger ledger // has its own lock
	sent   sent   // has its own lock
}

// sent are the events that went out on the stream lately, for the server says on
// recovery how many of them it got. Safe for concurrent use.
type sent struct {
	mu    sync.Mutex
	on    *link  // the only one that events go out on
	count uint64 // of all events of the stream, those that were sent again included
	list  []sentEvent
	bytes int
}

// sentEvent is one whole EVENT message, neither compressed nor sealed.
type sentEvent struct {
	ack  uint64 // 0 = none is asked for
	b    []byte // owned
	body int
}

// Bounds of the events that are kept.
const (
	maxSent      = 1024
	maxSentBytes = 1 << 20
)

// keep adds the event that was just queued. x.mu is held.
func (x *sent) keep(ack uint64, b []byte, body int) {
	var room []byte
	for len(x.list) > 0 && (len(x.list) >= maxSent || x.bytes+len(b) > maxSentBytes) {
		room = x.list[0].b
		x.bytes -= len(room)
		x.list = x.list[1:]
	}
	x.list = append(x.list, sentEvent{ack, append(room[:0], b...), body})
	x.bytes += len(b)
	x.count++
}

// put keeps events as if they had been sent.
func (x *sent) put(list []sentEvent) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, m := range list {
		x.keep(m.ack, m.b, m.body)
	}
}

// begin makes s the session that events go out on. It returns the events that
// the one before it took and the server did not get, oldest first, and how many
// of them are missing because they were not kept. arrived is CONNECT_ACK's: one
// more than the server got, 0 = not told, and then nothing is known to be missing.
func (x *sent) begin(l *link, arrived uint64) (again []sentEvent, missing uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.on = l
	got := max(arrived, 1) - 1
	if arrived > 0 && got < x.count {
		n := x.count - got
		again = x.list[len(x.list)-int(min(n, uint64(len(x.list)))):]
		missing = n - uint64(len(again))
	}
	x.count, x.list, x.bytes = got, nil, 0
	return again, missing
}

// maxToken bounds what a server may make us keep and send back.
const maxToken = 512

// offer adds to a CONNECT what the server needs to resume.
func (s *session) offer(m *message.Connect) {
	if s.token != nil {
		m.SessionToken, m.LastSeq = s.token, s.seq
	}
}

// renew takes the token for the next time.
func (s *session) renew(token []byte) {
	s.token = nil
	if n := len(token); n > 0 && n <= maxToken {
		s.token = append([]byte(nil), token...)
	}
}

// fresh reports whether the event with number seq has not come before, and
// notes it. missing is how many that should have come before it did not.
func (s *session) fresh(seq uint64) (ok bool, missing uint64) {
	if seq <= s.seq {
		return false, 0
	}
	missing = seq - s.seq - 1
	s.seq = seq
	return true, missing
}

// takeStream deals with what CONNECT_ACK says about the stream: it goes on, or
// a new one begins. given says that nobody waits for this session any more; the
// application has then not been told of a loss, so the next one must not say
// that nothing was missed.
func (l *link) takeSession(a *message.ConnectAck, given bool) {
	switch {
	case given && !a.Recovered:
		l.session.token = nil
	case given:
		l.session.renew(a.SessionToken)
	case a.Recovered && l.session.token != nil:
		l.recovered = true
		l.session.renew(a.SessionToken)
	default:
		l.session = new(session)
		l.session.renew(a.SessionToken)
	}
	l.resumable = l.session.token != nil
}

// isNew reports whether a message is no event that came before already.
func (l *link) isNew(m *message.Message) bool {
	if m.Kind != message.KindEvent || m.Flags&message.FlagSeq == 0 {
		return true
	}
	ok, missing := l.session.fresh(m.Seq)
	if !ok {
		l.c.stats.duplicates.Add(1)
		if m.Flags&message.FlagAck != 0 {
			l.answerAgain(m.AckID)
		}
		return false
	}
	if missing > 0 {
		l.c.raise(&Error{
			Code:    message.CodeConnectionLost,
			Message: "events of the server are missing: fetch anew what they tell of",
		})
	}
	return true
}

// Recovered reports whether the open session goes on where a lost one ended:
// the same ID on the server, its rooms and values, and all events since. false
// without an open session. The server's Options.EnableMessageCache is needed.
func (c *Client) Recovered() bool {
	l := c.current.Load()
	return l != nil && l.recovered
}
