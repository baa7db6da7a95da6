package session

import (
	"math"

	"github.com/smartsocket/smartsocket/message"
)

// Result is what Resume found.
type Result uint8

// The results of Resume.
const (
	// Refused: the session cannot go on for this client. It needs a new one.
	Refused Result = iota
	// Busy: an event of the last connection is on its way to its handlers. Retry follows. When that
	// event is done, no further event of the old connection is taken until the next Resume or
	// Withdraw.
	Busy
	// Resumed: p has the session and is held until Done.
	Resumed
)

// Resume gives the session to p: it welcomes the client, then sends everything after seq again,
// ahead of anything new. was is the connection that still had the session, nil if the client was
// away; it is closed as replaced.
//
// used is the token that asked. It works once more until the client has shown that it got the
// next one (see Proved). Resume refuses, and ends the session, when the ring does not hold all
// that the client missed, or when the client has come back too often without taking it, because
// each new connection has buffers of its own in the kernel (see maxOwed). It refuses, and leaves
// the session alone, when the token is used up.
func (n *Session) Resume(used Hash, p Peer, seq uint64) (result Result, was Peer) {
	token, h := newToken()
	r := n.reg
	r.mu.Lock()
	r.byToken[h] = n // before n has the token, so that whoever ends the session finds it here
	r.mu.Unlock()

	n.mu.Lock()
	n.promised = false
	switch {
	case n.doomed || n.ended || used != n.token && used != n.prev:
		n.mu.Unlock()
		r.forget(h)
		r.refused.Add(1)
		return Refused, nil
	case n.busy > 0:
		n.suitors = append(n.suitors, p)
		n.mu.Unlock()
		r.forget(h)
		return Busy, nil
	}
	l := r.limits()
	n.trim(l, r.now())
	oldest := n.seq - uint64(n.ring.count) + 1
	owes := uint64(n.owed) > maxOwed*uint64(l.Bytes)
	switch {
	case owes || !p.Fits(n.last) || seq > n.seq || seq+1 < oldest:
		last, why := n.last, Gap
		if owes {
			why = Unread
			r.unread.Add(1)
			r.refused.Add(1)
		} else {
			r.gaps.Add(1)
		}
		n.mu.Unlock()
		r.forget(h)
		// Unless another connection has taken it over meanwhile.
		n.endIf(why, func() bool { return n.last == last })
		return Refused, nil
	}
	was = n.at
	dead := [2]Hash{n.token, n.prev}
	n.back() // before last changes, by which it is counted there
	n.at, n.last, n.token, n.prev = p, p, h, used
	n.busy++
	p.Welcome(token, n.arrived+1)
	n.sendAgain(p, oldest, int(seq+1-oldest))
	n.owner.Back(p)
	n.mu.Unlock()
	r.resumed.Add(1)

	if was != nil {
		was.Replaced()
	}
	for _, d := range dead {
		if d != used {
			r.forget(d)
		}
	}
	return Resumed, was
}

// maxOwed is how many times Limits.Bytes a session sends again to a client that takes nothing, and
// how often it sends again what the client takes in the end.
const maxOwed = 8

// sendAgain sends what the client missed: of the ring, whose first event has the number oldest,
// all but the first missed ones. Of those that the client has it sends the questions whose
// answers are still awaited, because a cut may have cost the answers. The caller holds mu.
func (n *Session) sendAgain(p Peer, oldest uint64, missed int) {
	owed, taken := int(n.owed), 0
	for i := range n.ring.count {
		event := n.ring.at(i).event.Bytes()
		if i < missed {
			if int32(uint32(oldest)+uint32(i)-n.acked) > 0 {
				taken += len(event)
			}
			if message.Flags(event[0])&message.FlagAck == 0 {
				continue
			}
			if m, err := message.Parse(event); err != nil || !p.Waits(m.AckID) {
				continue
			}
		}
		p.Send(event, oldest+uint64(i))
		owed += len(event)
	}
	n.owed = uint32(min(max(owed-maxOwed*taken, 0), math.MaxUint32))
	n.acked = uint32(oldest) + uint32(missed) - 1
}
