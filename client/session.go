package client

import (
	"sync"

	"github.com/smartsocket/smartsocket/message"
)

// session is what outlives a connection, so that the next one can resume it. The
// readers of successive links use token and seq, never two at a time: one that replaces an open
// link holds that one's turn.
type session struct {
	token []byte // nil = the server cannot resume, or the token is used up
	seq   uint64 // of the newest event that we got

	ledger ledger // has its own lock
	sent   sent   // has its own lock
}

// sent holds the newest events that went out in the session. When the session is
// recovered the server says how many it got. It is safe for concurrent use.
type sent struct {
	mu    sync.Mutex
	on    *link  // the only one that events go out on
	count uint64 // of all events of the session, with those that were sent again
	list  []sentEvent
	bytes int
}

// sentEvent is one whole EVENT message, neither compressed nor sealed.
type sentEvent struct {
	ack  uint64 // 0 = none is asked for
	b    []byte // owned; nil for a volatile event, which is only counted
	body int
	how  *losable // nil = reliable
}

// Bounds of sent.
const (
	maxSent      = 1024
	maxSentBytes = 1 << 20
)

// keep adds the event that was just queued, with a copy of its bytes. x.mu is held.
func (x *sent) keep(m sentEvent) {
	if m.how != nil && m.how.volatile {
		m.b = nil
	}
	var room []byte
	for len(x.list) > 0 && (len(x.list) >= maxSent || x.bytes+len(m.b) > maxSentBytes) {
		room = x.list[0].b
		x.bytes -= len(room)
		x.list = x.list[1:]
	}
	m.b = append(room[:0], m.b...)
	x.list = append(x.list, m)
	x.bytes += len(m.b)
	x.count++
}

// put adds events as if they had been sent.
func (x *sent) put(list []sentEvent) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, m := range list {
		x.keep(m)
	}
}

// begin makes l the link that events go out on. It returns the events that the link
// before took and the server did not get, oldest first, and the number of those that
// are missing because they were not kept. arrived is from CONNECT_ACK: one more than
// the server got. 0 means that the server did not tell; then nothing counts as missing.
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

// maxToken bounds the token that a server can make us keep and send back.
const maxToken = 512

// offer adds what the server needs to resume the session to a CONNECT.
func (l *link) offer(m *message.Connect) {
	if old := l.replaces; old != nil { // its reader goes on meanwhile
		old.turn.Lock()
		defer old.turn.Unlock()
	}
	if s := l.session; s.token != nil {
		m.SessionToken, m.LastSeq = s.token, s.seq
	}
}

// renew copies the token for the next time.
func (s *session) renew(token []byte) {
	s.token = nil
	if n := len(token); n > 0 && n <= maxToken {
		s.token = append([]byte(nil), token...)
	}
}

// fresh notes the event with number seq and reports whether it is new. missing is how
// many events before it did not come.
func (s *session) fresh(seq uint64) (ok bool, missing uint64) {
	if seq <= s.seq {
		return false, 0
	}
	missing = seq - s.seq - 1
	s.seq = seq
	return true, missing
}

// takeSession continues the session or begins a new one, as CONNECT_ACK says. given
// means that nobody waits for this link any more. The application has then not been
// told about a loss, so the next link must not claim that nothing was missed.
func (l *link) takeSession(a *message.ConnectAck, given bool) {
	if a.Recovered && l.replaces != nil {
		l.replaces.supersede()
	}
	switch {
	case given && !a.Recovered && l.replaces != nil:
		// the link that is to be replaced still has the session
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

// isNew reports whether a message is not an event that came before.
func (l *link) isNew(m *message.Message) bool {
	if m.Kind != message.KindEvent || m.Flags&message.FlagSeq == 0 {
		return true
	}
	if l.superseded {
		return false // it comes again on the link that has the session now
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

// Recovered reports whether the open connection recovered the session of a lost one:
// the same ID on the server, its rooms and values, and all events since. It is false
// without an open connection, and always if the server keeps no messages (its
// Options.EnableMessageCache).
func (c *Client) Recovered() bool {
	l := c.current.Load()
	return l != nil && l.recovered
}
