package smartsocket

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"sync"
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
	"github.com/smartsocket/smartsocket/websocket"
)

// session is what outlives a connection when the message cache is on: the
// socket's id, rooms, values and pending acks, and the events that were sent
// lately, each under its number in the stream.
type session struct {
	id     string
	apiKey [32]byte // digest of the key that authenticated; the same is needed to resume

	mu     sync.Mutex
	at     *Socket   // the live socket, nil while the client is away
	last   *Socket   // the socket of the latest connection, which stands in its rooms while the client is away
	token  tokenHash // of the newest token
	prev   tokenHash // of the one that the latest resume took, until the client has shown that it got the newest; zero = none
	counts *windows  // of the rate limits, which a reconnect must not reset; nil until the first event
	asked  questions // has its own lock
	ring   []cached  // events from first on, in order; start is the oldest
	start  int
	count  int
	bytes  int
	seq    uint64 // of the newest event, 0 = none was sent
	// arrived counts the EVENTs that came from the client, over all connections.
	arrived uint64
	leftAt  time.Duration
	away    bool // in sessions.away
	ended   bool
	doomed  bool // the latest connection ended with a close that is final: nobody may take the session over any more

	older, newer *session // in sessions.away; guarded by its mu
}

type cached struct {
	body *pool.Shared // the message without a seq
	at   time.Duration
}

type tokenHash [32]byte

// sessions are the sessions of a server by token; nil when the cache is off.
type sessions struct {
	srv *Server
	mu  sync.Mutex
	all map[tokenHash]*session

	away  absent // those whose client is away
	bytes int    // of all rings and answers; guarded by bytesMu, the last lock of all
	// bytesMu is apart from mu, since events are cached while a session's own lock is held.
	bytesMu sync.Mutex
}

// newToken returns a fresh session token and its hash, the only form that is kept.
func newToken() (token []byte, h tokenHash) {
	var raw [32]byte
	rand.Read(raw[:])
	token = base64.RawURLEncoding.AppendEncode(nil, raw[:])
	return token, sha256.Sum256(token)
}

// start begins a session for a socket that opens without one.
func (x *sessions) start(s *Socket, apiKey [32]byte) (token []byte) {
	token, h := newToken()
	n := &session{id: s.place.ID, apiKey: apiKey, at: s, last: s, token: h}
	s.session = n
	x.mu.Lock()
	x.all[h] = n
	x.mu.Unlock()
	return token
}

// find returns the session that a token opens, nil when there is none or it
// belongs to somebody else.
func (x *sessions) find(h tokenHash, apiKey [32]byte) *session {
	x.mu.Lock()
	defer x.mu.Unlock()
	n := x.all[h]
	if n == nil || !hmac.Equal(n.apiKey[:], apiKey[:]) {
		return nil
	}
	return n
}

// forget takes tokens out of use.
func (x *sessions) forget(tokens ...tokenHash) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, h := range tokens {
		delete(x.all, h)
	}
}

// resume gives the session to s: everything after seq is sent again, behind the
// CONNECT_ACK and before anything new. used is the token that asked for it: it
// stays good until the client has shown that it got the next one, see proved.
// resume reports false, and ends the session, when the cache no longer holds all
// of that; it leaves the session alone when the token is used up. On s's loop.
func (x *sessions) resume(n *session, used tokenHash, s *Socket, seq uint64) bool {
	token, h := newToken()
	x.mu.Lock()
	x.all[h] = n // before anybody can know of it, so that whoever takes it out of use finds it
	x.mu.Unlock()
	n.mu.Lock()
	x.trim(n, x.srv.sinceStart())
	oldest := n.seq - uint64(n.count) + 1
	switch {
	case n.doomed || used != n.token && used != n.prev:
		n.mu.Unlock()
		x.forget(h)
		return false
	// What is kept may be compressed: a client that does not inflate any more could not read it.
	case n.ended || n.last.ns != s.ns || n.last.inflates && !s.inflates || seq > n.seq || seq+1 < oldest:
		old, last := n.at, n.last
		n.at = nil
		n.mu.Unlock()
		x.forget(h)
		x.endIf(n, func() bool { return n.last == last }) // unless another connection has taken it over meanwhile
		old.replaced()
		return false
	}
	was, old := n.at, n.last
	s.takeOver(n, old)
	s.sendConnectAck(token, n.arrived+1)
	first := int(seq + 1 - oldest)
	s.follow(old)
	s.askAgain(n, oldest, first)
	for i := first; i < n.count; i++ {
		c := &n.ring[(n.start+i)%len(n.ring)]
		s.sendNumbered(c.body.Bytes(), oldest+uint64(i))
	}
	dead := [2]tokenHash{n.token, n.prev}
	n.at, n.last, n.token, n.prev = s, s, h, used
	x.back(n)
	s.ns.hub.Replace(old, s)
	n.mu.Unlock()
	was.replaced()
	for _, d := range dead {
		if d != used {
			x.forget(d)
		}
	}
	return true
}

// takeOver makes s the socket of a session whose earlier one was old. The session's lock is held.
func (s *Socket) takeOver(n *session, old *Socket) {
	s.place.ID, s.session, s.recovered, s.unproved = n.id, n, true, true
	s.ext.Store(old.extra()) // made if need be: both sockets must have the same
	if p := old.identity.Load(); p != nil && s.identity.Load() == nil {
		s.identity.Store(p)
	}
	s.auth.Store(old.auth.Load())
	s.state.Store(stateOpen)
}

// askAgain sends those of the oldest n events of the ring once more whose
// answers are missing: the client has them, but its answers may have been lost
// with its connection. The session's lock is held.
func (s *Socket) askAgain(from *session, oldest uint64, n int) {
	for i := range n {
		b := from.ring[(from.start+i)%len(from.ring)].body.Bytes()
		if message.Flags(b[0])&message.FlagAck == 0 {
			continue
		}
		m, err := message.Parse(b)
		if _, open := s.ackState(m.AckID); err == nil && open {
			s.sendNumbered(b, oldest+uint64(i))
		}
	}
}

// takes counts an EVENT that came on s, or reports that the session has another
// connection by now, to which it was not counted: it will come there again. On the loop.
func (s *Socket) takes() bool {
	n := s.session
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.last != s {
		return false
	}
	n.arrived++
	s.dispatching = true
	return true
}

// dispatched follows takes when the event was handled or is in the mailbox.
func (s *Socket) dispatched() {
	n := s.session
	n.mu.Lock()
	heir := s.heir
	s.dispatching, s.heir = false, nil
	n.mu.Unlock()
	if heir != nil {
		s.post(job{kind: jobHandOver, rare: &rareJob{heir: heir}})
	}
}

// replaced closes a connection whose session has another one now. s may be nil.
func (s *Socket) replaced() {
	if s != nil {
		s.ws.Close(frame.CloseCode(message.CloseReplaced), "replaced")
	}
}

// proved ends the time in which the token that s resumed with works once more:
// the client has sent something, which it does after CONNECT_ACK, so it has the
// new one. Until then a cut may have cost it the CONNECT_ACK. On the loop.
func (s *Socket) proved() {
	s.unproved = false
	n := s.session
	n.mu.Lock()
	var used tokenHash
	if n.last == s {
		used, n.prev = n.prev, used
	}
	n.mu.Unlock()
	s.srv.sessions.forget(used)
}

// resumeRequest is what a CONNECT says about an earlier session.
type resumeRequest struct {
	token  []byte // empty = none
	seq    uint64 // of the newest event that the client got
	apiKey [32]byte
}

// tryResume takes over the session that the client asked for, if that can be.
func (s *Socket) tryResume(x *sessions) bool {
	if len(s.resume.token) == 0 {
		return false
	}
	h := tokenHash(sha256.Sum256(s.resume.token))
	n := x.find(h, s.resume.apiKey)
	return n != nil && x.resume(n, h, s, s.resume.seq)
}

// stays reports whether s's session goes on without its connection, which was
// closed with code: not after a close that is final, and not before the client
// has authenticated where it must, since strangers could push out the sessions
// of others.
func (s *Socket) stays(code frame.CloseCode) bool {
	if s.session == nil {
		return false
	}
	x := s.srv.sessions
	if s.final(code) || s.auth.Load() == authMissing {
		x.endOf(s)
		return false
	}
	return x.leave(s)
}

// final reports whether a close with code ends the session of s too.
func (s *Socket) final(code frame.CloseCode) bool {
	return code == frame.CloseNormal || !message.Reconnects(uint16(code)) && code != frame.CloseCode(message.CloseReplaced)
}

// doom notes that s's connection ended for good and reports whether the session
// was still its own: then it ends behind the disconnected handlers.
func (x *sessions) doom(s *Socket) bool {
	n := s.session
	n.mu.Lock()
	defer n.mu.Unlock()
	n.doomed = n.doomed || n.last == s
	return n.last == s
}

// endOf ends the session of s unless another connection has taken it over.
func (x *sessions) endOf(s *Socket) {
	n := s.session
	x.endIf(n, func() bool { // one step: in between, somebody might take it over
		if n.last != s {
			return false
		}
		n.at = nil
		return true
	})
}

// send numbers an event, keeps it, and sends it if the client is there. body is
// borrowed; the session takes its own reference.
func (n *session) send(x *sessions, body *pool.Shared) websocket.Status {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ended {
		return websocket.Dropped
	}
	n.seq++
	x.keep(n, body)
	if n.at == nil {
		return websocket.Backpressured
	}
	if n.at.sendNumbered(body.Bytes(), n.seq) == websocket.Dropped {
		return websocket.Backpressured // not lost: it is sent again on resume
	}
	return websocket.Sent
}

// sendNumbered sends an encoded EVENT with its number in the stream.
func (s *Socket) sendNumbered(body []byte, seq uint64) websocket.Status {
	b := pool.Get(len(body) + 10)
	b.B = message.AppendSeq(b.B, body, seq)
	status := s.sendMessage(b.B)
	pool.Put(b)
	return status
}

// keep puts an event into the ring and drops what is too much or too old. Caller holds n.mu.
func (x *sessions) keep(n *session, body *pool.Shared) {
	now := x.srv.sinceStart()
	if n.count == len(n.ring) {
		grown := make([]cached, max(8, 2*len(n.ring)))
		for i := range n.count {
			grown[i] = n.ring[(n.start+i)%len(n.ring)]
		}
		n.ring, n.start = grown, 0
	}
	body.Retain()
	n.ring[(n.start+n.count)%len(n.ring)] = cached{body, now}
	n.count++
	x.account(n, len(body.Bytes()))
	x.trim(n, now)
}

func (x *sessions) account(n *session, bytes int) {
	n.bytes += bytes
	x.addBytes(bytes)
}

func (x *sessions) addBytes(bytes int) {
	x.bytesMu.Lock()
	x.bytes += bytes
	x.bytesMu.Unlock()
}

// full reports whether all sessions together keep more than they may.
func (x *sessions) full() bool {
	x.bytesMu.Lock()
	defer x.bytesMu.Unlock()
	return x.bytes > x.srv.current().MessageCacheTotalBytes
}

// trim drops the oldest events beyond the bounds. Caller holds n.mu.
func (x *sessions) trim(n *session, now time.Duration) {
	o := x.srv.current()
	for n.count > 0 {
		c := &n.ring[n.start]
		if n.count <= o.MessageCacheSize && n.bytes <= o.MessageCacheBytes && now-c.at <= o.MessageCacheAge && !x.full() {
			return
		}
		x.account(n, -len(c.body.Bytes()))
		c.body.Release()
		*c = cached{}
		n.start = (n.start + 1) % len(n.ring)
		n.count--
	}
}

// leave notes that s's connection is gone and reports whether the session waits
// for the client to come back: not when s was replaced, nor when there is none.
// No more sessions wait than may be connected: the one longest away gives way.
func (x *sessions) leave(s *Socket) (away bool) {
	n := s.session
	n.mu.Lock()
	if n.at != s || n.ended {
		ended := n.ended
		n.mu.Unlock()
		return !ended
	}
	n.at = nil
	n.leftAt = x.srv.sinceStart()
	n.away = true
	s.ns.hub.SetAway(s, true)
	x.away.add(n)
	n.mu.Unlock()
	most := x.srv.current().MaxConnections
	for over := x.away.over(most); over != nil; over = x.away.over(most) {
		x.endIf(over, func() bool { return over.at == nil })
	}
	return true
}

// back ends the wait of a session that was away. Caller holds n.mu.
func (x *sessions) back(n *session) {
	if n.away {
		n.away = false
		x.away.remove(n)
	}
}

// absent is a list of the sessions whose client is away, longest first.
type absent struct {
	mu             sync.Mutex // taken under a session's
	oldest, newest *session
	n              int
}

func (a *absent) add(n *session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n.older = a.newest
	if a.newest != nil {
		a.newest.newer = n
	} else {
		a.oldest = n
	}
	a.newest = n
	a.n++
}

func (a *absent) remove(n *session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if n.older == nil && a.oldest != n {
		return
	}
	if n.older != nil {
		n.older.newer = n.newer
	} else {
		a.oldest = n.newer
	}
	if n.newer != nil {
		n.newer.older = n.older
	} else {
		a.newest = n.older
	}
	n.older, n.newer = nil, nil
	a.n--
}

// over returns the session longest away when there are more than most.
func (a *absent) over(most int) *session {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.n <= most {
		return nil
	}
	return a.oldest
}

// endIf forgets a session: its tokens, its events and answers, its place in the
// rooms; if cond says so, under the session's lock.
func (x *sessions) endIf(n *session, cond func() bool) {
	n.mu.Lock()
	if n.ended || !cond() {
		n.mu.Unlock()
		return
	}
	n.ended = true
	x.back(n)
	for i := range n.count {
		c := n.ring[(n.start+i)%len(n.ring)]
		x.account(n, -len(c.body.Bytes()))
		c.body.Release()
	}
	n.ring, n.count = nil, 0
	last, token, prev, here := n.last, n.token, n.prev, n.at != nil
	n.mu.Unlock()
	n.asked.end(x)
	x.forget(token, prev)
	if !here {
		last.ns.remove(last)
		last.failPending()
	}
}

// sweep ends the sessions whose client has been away for too long. The housekeeper calls it.
func (x *sessions) sweep(now time.Duration) {
	var over []*session
	age := x.srv.current().MessageCacheAge
	expired := func(n *session) bool { return n.at == nil && now-n.leftAt > age }
	x.mu.Lock()
	for _, n := range x.all {
		n.mu.Lock()
		if expired(n) {
			over = append(over, n)
		}
		n.mu.Unlock()
	}
	x.mu.Unlock()
	for _, n := range over {
		x.endIf(n, func() bool { return expired(n) })
	}
}

// Recovered reports whether the socket took over the session of an earlier
// connection: it has that one's id, rooms and values, and got what it missed.
func (s *Socket) Recovered() bool { return s.recovered }
