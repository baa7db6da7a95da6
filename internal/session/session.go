package session

import (
	"net/netip"
	"sync"
	"time"

	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

// Peer is one connection of a session. The first group of methods is called under the session's
// lock: they only write to the connection and change what belongs to peer and owner. The others
// are called without it.
type Peer interface {
	// Fits reports whether this connection can go on where old, the latest one, stopped.
	Fits(old Peer) bool
	// Welcome tells the client its next token, and how many of its events came so far, plus one.
	Welcome(token []byte, arrived uint64)
	// Waits reports whether the answer to this question of ours is still awaited.
	Waits(ackID uint64) bool
	// Group is whom the connection counts for.
	Group() Group
	// Send writes an encoded EVENT with its number and borrows it. It returns false when the
	// connection is gone.
	Send(event []byte, seq uint64) bool

	// Replaced closes the connection, because another one has its session.
	Replaced()
	Suitor
}

// Suitor asks for a session.
type Suitor interface {
	// Retry asks again, because the session was busy. It is called without the session's lock.
	Retry()
}

// Group is an address, or what stands for a network of them.
type Group = netip.Addr

// Owner is what a session belongs to.
type Owner interface {
	// Left is called under the session's lock when the client is away.
	Left()
	// Back is called under the session's lock when p has the session, behind all that Resume sent.
	Back(p Peer)
	// Ended is called once, without a lock, when the session is over. here is the connection that
	// still had the session, nil when there was none or when its end is why.
	Ended(why End, here Peer)
}

// End is why a session is over that did not end with its connection.
type End uint8

// The reasons for a session's end.
const (
	// Disconnected: its owner ended it while the client was away.
	Disconnected End = iota + 1
	// Expired: its client was away for too long.
	Expired
	// Displaced: too many clients were away, and this one for the longest time, or as the latest of
	// an address that has more of them than that one's.
	Displaced
	// Gap: its client came back and had missed more than was kept.
	Gap
	// Unread: its client came back again and again, and took nothing of what was sent again.
	Unread
	// Shutdown: the server stopped.
	Shutdown
)

// String says why, for logs and for the application.
func (e End) String() string {
	switch e {
	case Disconnected:
		return "disconnected while the client was away"
	case Expired:
		return "the client was away for too long"
	case Displaced:
		return "too many clients are away"
	case Gap:
		return "the client missed more than was kept"
	case Unread:
		return "the client came back again and again without taking what it had missed"
	case Shutdown:
		return "server shutting down"
	}
	return "not ended"
}

// Code is the close code that says the same: 1006 when no connection was closed.
func (e End) Code() uint16 {
	switch e {
	case Disconnected:
		return message.CloseKicked
	case Gap, Unread: // of the old connection, if it is still there
		return message.CloseReplaced
	case Shutdown:
		return message.CloseGoingAway
	}
	return 1006
}

// Status is what became of an event.
type Status uint8

// What Send returns.
const (
	// Dropped: the session is over.
	Dropped Status = iota
	// Kept: the client is away, and gets the event when it comes back.
	Kept
	// Sent: the event is on its way.
	Sent
)

// Outcome is what the end of a connection means for its session.
type Outcome uint8

// What Leave and Decide return.
const (
	// Replaced: the session has another connection or was over before. It is not held.
	Replaced Outcome = iota
	// Away: the session waits for its client.
	Away
	// Undecided: the client has not authenticated, but one of its events may still do so. Call
	// Decide behind them.
	Undecided
	// Over: the session has ended. Its owner is not told by Ended.
	Over
)

// Session is what outlives a connection. Its memory belongs to the owner; Registry.Start begins
// it. All methods may be called concurrently.
type Session struct {
	reg   *Registry // static after Start, as owner and key
	owner Owner
	key   Hash

	mu       sync.Mutex // guards what follows
	at       Peer       // who has the session, nil while the client is away
	last     Peer       // who had it last, or has it
	token    Hash       // of the newest token
	prev     Hash       // of the token that the latest resume used, until proved; zero = none
	ring     ring
	seq      uint64        // of the newest event, 0 = none was sent
	arrived  uint64        // EVENTs that came from the client, over all connections
	leftAt   time.Duration // when at became nil
	away     bool          // in Registry.away
	doomed   bool          // nobody may take it over any more
	ended    bool
	owed     uint32   // bytes that were sent again, and not acknowledged by a later resume
	busy     int      // see Take
	suitors  []Suitor // who asked while it was busy
	promised bool     // to suitors that were told to Retry: no event of last is taken meanwhile
	acked    uint32   // lower half of the newest number that a resume acknowledged
	untold   End      // why it ended while it was busy; the owner hears of it in Done
	here     Peer     // of untold
	onward   Onward   // where it goes on if it has moved; nil = it has not

	older, newer *Session // in Registry.away, guarded by its lock
}

// Owner returns the owner that Registry.Start was given.
func (n *Session) Owner() Owner { return n.owner }

// Bytes returns how many bytes its events have.
func (n *Session) Bytes() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.ring.bytes
}

// Size returns how many events are kept for the client, and their bytes.
func (n *Session) Size() (events, bytes int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.ring.count, n.ring.bytes
}

// Take counts an EVENT that came on p and holds the session until Done. It returns false, and holds
// nothing, when p no longer has the session. The event was not counted then, so the client sends it
// again on its new connection.
func (n *Session) Take(p Peer) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.last != p || n.ended || n.promised {
		return false
	}
	n.arrived++
	n.busy++
	return true
}

// Done follows Start, a Take that succeeded, a Resume that did, or a Leave that was not Replaced.
// The application has been told by then, or will be in order. Peers that asked for the session
// meanwhile ask again, and the owner hears of an end that came meanwhile.
func (n *Session) Done() {
	var waiting []Suitor
	var why End
	var here Peer
	n.mu.Lock()
	if n.busy--; n.busy == 0 {
		waiting, n.suitors = n.suitors, nil
		n.promised = len(waiting) > 0
		why, here = n.untold, n.here
		n.untold, n.here = 0, nil
	}
	n.mu.Unlock()
	if why != 0 {
		n.owner.Ended(why, here)
	}
	for _, p := range waiting {
		p.Retry()
	}
}

// Withdraw is called by a peer that was told to Retry and cannot, because its connection is gone.
func (n *Session) Withdraw() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.promised = false
}

// Send numbers an event, keeps it, and sends it if the client is here. It borrows event and takes
// a reference of its own.
func (n *Session) Send(event *pool.Shared) Status {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ended {
		if n.onward != nil && n.onward.Event(event) {
			return Kept
		}
		return Dropped
	}
	n.seq++
	l := n.reg.limits()
	now := n.reg.now()
	event.Retain()
	n.keep(kept{event, now})
	n.trim(l, now)
	if n.at == nil || !n.at.Send(event.Bytes(), n.seq) { // not lost: a resume sends it again
		return Kept
	}
	return Sent
}

// keep adds an event to the ring. The caller holds mu.
func (n *Session) keep(k kept) {
	if n.ring.count == 0 {
		n.reg.filled.Add(1)
	}
	n.reg.rings.Add(int64(n.ring.push(k)))
}

// drop drops the oldest event. The caller holds mu.
func (n *Session) drop() {
	n.reg.rings.Add(-int64(n.ring.pop()))
	if n.ring.count == 0 {
		n.reg.filled.Add(-1)
	}
}

// trim drops the oldest events beyond the limits. When all sessions keep too much, only those drop
// some that have more than their share, so that nobody's events push out those of others. The
// caller holds mu.
func (n *Session) trim(l Limits, now time.Duration) {
	for n.ring.count > 0 {
		if n.ring.count <= l.Events && n.ring.bytes <= l.Bytes &&
			now-n.ring.at(0).at <= l.Age && !(n.reg.full(l) && n.ring.bytes > n.reg.share(l)) {
			return
		}
		n.drop()
	}
}

// Proved takes the token that p resumed with out of use. The client has sent something, which it
// does only after the welcome, so it has the new token. Until then a cut may have lost the welcome,
// and the old token works once more.
func (n *Session) Proved(p Peer) {
	n.mu.Lock()
	var used Hash
	if n.last == p {
		used, n.prev = n.prev, used
	}
	n.mu.Unlock()
	n.reg.forget(used)
}

// Leave notes that p's connection has ended and decides what becomes of the session. final says
// that the close allows no return. authenticated says that the client has authenticated, or need
// not. The session is held until Done, so that its owner can tell the application in order.
func (n *Session) Leave(p Peer, final, authenticated bool) Outcome {
	n.mu.Lock()
	if n.ended || n.at != p {
		n.mu.Unlock()
		return Replaced
	}
	n.busy++
	switch {
	case final || n.doomed:
		n.at = nil
		n.end()
		return Over
	}
	n.at = nil
	n.leftAt = n.reg.now()
	n.owner.Left()
	if !authenticated {
		n.mu.Unlock()
		return Undecided
	}
	n.wait()
	return Away
}

// Decide settles a session that Leave left Undecided. Nobody can push out the sessions of others
// by connecting without authenticating, because such a session never waits.
func (n *Session) Decide(p Peer, authenticated bool) Outcome {
	n.mu.Lock()
	switch {
	case n.ended || n.last != p || n.at != nil:
		n.mu.Unlock()
		return Replaced
	case !authenticated:
		n.end()
		return Over
	}
	n.wait()
	return Away
}

// wait puts the session among those whose clients are away, and ends those beyond the limit. The
// caller holds mu, which wait gives back.
func (n *Session) wait() {
	if !n.away {
		n.away = true
		n.reg.away.add(n)
	}
	n.mu.Unlock()
	most := n.reg.limits().Away
	for over := n.reg.away.over(most, n); over != nil; over = n.reg.away.over(most, n) {
		over.endIf(Displaced, func() bool { return over.away })
	}
}

// Doom keeps everybody from taking the session over. The session ends at once when the client is
// away, and otherwise with its connection, which the caller closes.
func (n *Session) Doom() {
	n.mu.Lock()
	n.doomed = true
	if n.onward != nil {
		n.onward.Doom()
	}
	n.mu.Unlock()
	n.endIf(Disconnected, func() bool { return n.at == nil })
}

// endIf ends the session if cond, called under its lock, says so.
func (n *Session) endIf(why End, cond func() bool) {
	n.mu.Lock()
	if n.ended || !cond() {
		n.mu.Unlock()
		return
	}
	here := n.at
	n.at = nil
	told := n.busy == 0
	if !told {
		n.untold, n.here = why, here
	}
	n.end()
	if told {
		n.owner.Ended(why, here)
	}
}

// end forgets tokens and events. The caller holds mu, which end gives back.
func (n *Session) end() {
	n.ended = true
	n.back()
	for n.ring.count > 0 {
		n.drop()
	}
	n.ring = ring{}
	token, prev := n.token, n.prev
	n.mu.Unlock()
	n.reg.forget(token, prev)
}

// back takes the session out of those whose clients are away. The caller holds mu.
func (n *Session) back() {
	if n.away {
		n.away = false
		n.reg.away.remove(n)
	}
}
