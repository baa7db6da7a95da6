package session

import (
	"time"

	"github.com/smartsocket/smartsocket/pool"
)

// A session may go on in the registry of another process. Prepare and Move let it go, and Adopt
// takes it in:
//
//	Prepare ──(the events that came have been handled)──▶ Move ──State──▶ Adopt ──Done──▶ away
//	   └── Withdraw, if it stays

// State is a session as it goes to another process.
type State struct {
	Key, Token, Prev Hash
	Seq, Arrived     uint64
	Owed, Acked      uint32
	Away             time.Duration // how long its client has been away
	Events           []Event       // oldest first; the newest has the number Seq
}

// Event is one that the client may not have got.
type Event struct {
	Age time.Duration
	B   []byte
}

// Size is how many bytes the events have.
func (st *State) Size() (n int) {
	for _, e := range st.Events {
		n += len(e.B)
	}
	return n
}

// Onward passes on what comes for a session that has moved. Its methods are called under the
// session's lock and only queue.
type Onward interface {
	// Event passes an event on and borrows it. It reports false when it is lost.
	Event(event *pool.Shared) bool
	// Answer passes on the answer to a question of the client, and borrows it.
	Answer(id uint64, answer []byte)
	// Doom passes on that the session is to end.
	Doom()
}

// Holder returns the session that a token opens, nil if there is none. Unlike Find it asks for no
// key and counts nothing.
func (r *Registry) Holder(token Hash) *Session {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.byToken[token]
}

// Sessions lists all sessions, in no order. r may be nil.
func (r *Registry) Sessions() []*Session {
	if r == nil {
		return nil
	}
	return r.all(func(*Session) bool { return true })
}

// Prepare gets the session ready to move: from now on no event of its connection is taken, and the
// client sends it again where the session goes on. Busy says that s will be told to Retry, and
// Refused that the session cannot move, because it is over or is about to be.
func (n *Session) Prepare(s Suitor) Result {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.promised = false
	switch {
	case n.doomed || n.ended:
		return Refused
	case n.busy > 0:
		n.suitors = append(n.suitors, s)
		return Busy
	}
	n.promised = true
	return Resumed
}

// Move ends the session here and gives its state to commit, which is called under the lock and
// only queues it. What comes for the session afterwards goes to on. was is the connection that had
// the session, nil if the client was away. The owner is not told of an end, and the connection
// stays open. The results are those of Prepare, but nobody is told to Retry.
func (n *Session) Move(on Onward, commit func(*State)) (result Result, was Peer) {
	n.mu.Lock()
	switch {
	case n.doomed || n.ended:
		n.mu.Unlock()
		return Refused, nil
	case n.busy > 0:
		n.mu.Unlock()
		return Busy, nil
	}
	now := n.reg.now()
	n.trim(n.reg.limits(), now)
	st := &State{Key: n.key, Token: n.token, Prev: n.prev, Seq: n.seq, Arrived: n.arrived,
		Owed: n.owed, Acked: n.acked}
	if n.at == nil {
		st.Away = now - n.leftAt
	}
	for i := range n.ring.count {
		k := n.ring.at(i)
		st.Events = append(st.Events, Event{now - k.at, append([]byte(nil), k.event.Bytes()...)})
	}
	was, n.at, n.onward = n.at, nil, on
	commit(st)
	n.end()
	return Resumed, was
}

// Moved reports whether the session goes on in another process.
func (n *Session) Moved() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.onward != nil
}

// Answer passes on the answer to a question of the client if the session has moved, and reports
// whether it has. It borrows the answer.
func (n *Session) Answer(id uint64, answer []byte) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.onward == nil {
		return false
	}
	n.onward.Answer(id, answer)
	return true
}

// Adopt takes in a session that has moved, as n, which was never used. Its client is away; last
// stands for the connection that it had. The session is held until Done, so that its owner can get
// ready.
func (r *Registry) Adopt(n *Session, owner Owner, last Peer, st *State) {
	now := r.now()
	n.reg, n.owner, n.key = r, owner, st.Key
	n.last, n.token, n.prev = last, st.Token, st.Prev
	n.seq, n.arrived, n.owed, n.acked = st.Seq, st.Arrived, st.Owed, st.Acked
	n.leftAt, n.busy = now-st.Away, 1
	for _, e := range st.Events {
		b := pool.Get(len(e.B))
		b.B = append(b.B, e.B...)
		n.keep(kept{pool.NewShared(b), now - e.Age})
	}
	n.trim(r.limits(), now)
	r.mu.Lock()
	r.byToken[n.token] = n
	if n.prev != (Hash{}) {
		r.byToken[n.prev] = n
	}
	r.mu.Unlock()
	n.mu.Lock()
	if n.at != nil || n.ended { // somebody was quicker
		n.mu.Unlock()
		return
	}
	n.wait()
}

// Skip leaves out count numbers of events, because these events are lost. The client notices.
func (n *Session) Skip(count uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if count == 0 || n.ended {
		return
	}
	for n.ring.count > 0 { // the numbers in the ring follow each other
		n.drop()
	}
	n.seq += count
}
