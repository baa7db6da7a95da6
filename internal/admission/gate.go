package admission

import (
	"net/netip"
	"sync"
	"time"
)

// RefusalMargin is how many connections past Limits.Connections take a place for long enough to be
// refused in the protocol. Any beyond are told Later, because a full server must not fill up with
// refusals.
const RefusalMargin = 64

// Limits are the bounds that Admit holds a connection to. They may differ from
// call to call. Zero means no limit where that is said.
type Limits struct {
	Connections           int // open at once
	ConnectionsPerAddress int // of one address; 0 = no limit
	Newcomers             int // open and not settled yet
	NewcomersPerAddress   int // of one address; 0 = no limit
	// Share bounds the newcomers of one address, and its pending connections, to the places that
	// are left for all others: an address may have more of them only while it has fewer than there
	// are free. One address alone thereby gets half of the places and k of them together k of
	// k+1 parts, so that whoever has none finds one. The first shareFloor of an address pass.
	Share      bool
	Pending    int // that have not sent their request yet; 0 = no limit
	AcceptRate int // admitted per second, as many at once; 0 = no limit
}

// Arrival is a connection that asks to be let in.
type Arrival struct {
	// Address is the client's. It may be the zero Addr when nothing is decided by
	// it; all connections without an address count as those of one.
	Address netip.Addr
	// Newcomer says that the connection must still be settled. One that needs no
	// CONNECT is not counted among the newcomers.
	Newcomer bool
}

// shareFloor is how many places Limits.Share leaves to an address while there are any.
const shareFloor = 4

// mayHave reports whether an address that has own of taken places may take one more of limit.
func mayHave(own int32, taken, limit int64) bool {
	return taken < limit && (own < shareFloor || int64(own) < limit-taken)
}

// Ticket is what the gate counted for one connection. It belongs to whoever owns
// the connection and is not safe for concurrent use. The zero Ticket counts nothing.
type Ticket struct {
	address netip.Addr
	counted uint8 // bits of what follows
}

// What a connection is counted in.
const (
	inOpen               uint8 = 1 << iota // Gate.open
	inRefused                              // Gate.refused
	inNewcomers                            // Gate.newcomers
	inAddress                              // places.open of its address
	inNewcomersOfAddress                   // places.newcomers of its address
	inPending                              // Gate.pending
	inPendingOfAddress                     // places.pending of its address
	inTold                                 // Gate.told
)

// TicketOf is a ticket that counts for nothing, of a client that was at this address.
func TicketOf(address netip.Addr) Ticket { return Ticket{address: address} }

// Address is the client's address as Arrival gave it. It stays after Leave.
func (t *Ticket) Address() netip.Addr { return t.address }

// Group is whom the gate takes for one client: an IPv4 address or an IPv6 /64.
func (t *Ticket) Group() netip.Addr { return group(t.address) }

// Gate counts the connections of one server and decides about new ones. The
// zero Gate is ready. All methods are safe for concurrent use.
type Gate struct {
	mu        sync.Mutex // guards what follows
	open      int64      // connections that have a place, those of Full included
	refused   int64      // of open, those of Full
	newcomers int64      // of open, those that are not settled
	peak      int64      // the most that open ever was
	pending   int64      // that have not sent their request yet
	told      int64      // that are told that there is no place before they sent it
	addresses addresses
	pace      pace
	outside   outside
	throttle  throttle
}

// Open counts the connections that have a place. Those that were told Full are
// included until they have left.
func (g *Gate) Open() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open
}

// Peak is the most that Open ever was.
func (g *Gate) Peak() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.peak
}

// Pending counts the connections that Arrive let in and that have not left that stage. Those that
// are told that there is no place are included.
func (g *Gate) Pending() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pending + g.told
}

// LimitFailures sets how many failed authentications of an address are let pass at once; negative =
// any number, 0 = the default.
func (g *Gate) LimitFailures(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.throttle.allowed = n; n < 0 {
		g.throttle = throttle{allowed: n}
	}
}

// Arrive decides about a connection that has said nothing yet. peer is the address that it comes
// from, which is not the client's if there are proxies: with proxied only the sum counts. With
// Admitted the Ticket counts until Leave. With Full there is no place, and the Ticket counts for as
// long as it takes to say so, until Leave. With Later there is not even time for that.
func (g *Gate) Arrive(l *Limits, peer netip.Addr, proxied bool) (Ticket, Verdict) {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := Ticket{address: peer}
	own := g.addresses.of[group(peer)].pending
	reason := None
	switch {
	case l.Pending > 0 && g.pending >= int64(l.Pending):
		reason = Pending
	case proxied:
	case l.Pending > 0 && l.Share && !mayHave(own, g.pending, int64(l.Pending)),
		l.ConnectionsPerAddress > 0 && int(own) >= l.ConnectionsPerAddress,
		l.NewcomersPerAddress > 0 && int(own) >= l.NewcomersPerAddress:
		reason = PendingOfAddress
	}
	switch {
	case reason != None && g.told >= RefusalMargin:
		return Ticket{}, Verdict{Outcome: Later, Reason: reason}
	case reason != None:
		g.told++
		t.counted = inTold
		return t, Verdict{Outcome: Full, Reason: reason}
	}
	g.pending++
	t.counted = inPending
	if !proxied {
		g.addresses.enterPending(group(peer))
		t.counted |= inPendingOfAddress
	}
	return t, Verdict{}
}

// Admit decides about a connection at time now, which counts from any fixed
// moment. With Admitted and Full the Ticket counts until Leave. With any other
// verdict it is zero and there is nothing to give back. l is borrowed for the call.
func (g *Gate) Admit(l *Limits, a Arrival, now time.Duration) (Ticket, Verdict) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if wait := g.throttle.wait(group(a.Address), now); wait > 0 {
		return Ticket{}, Verdict{Outcome: Throttled, Wait: wait}
	}
	t := Ticket{address: a.Address}
	reason := g.enter(&t, l, a, now)
	if reason == None {
		reason = g.place(&t, l)
	}
	if reason != None {
		g.leave(&t)
		return Ticket{}, Verdict{Outcome: Later, Reason: reason,
			Wait: g.outside.refused(l.AcceptRate, now)}
	}
	g.outside.admitted(now)
	if t.counted&inRefused != 0 {
		return t, Verdict{Outcome: Full}
	}
	return t, Verdict{}
}

// enter counts what belongs to the address, the pace and the newcomers. When it
// returns a reason it may have counted a part, which t knows. mu is held.
func (g *Gate) enter(t *Ticket, l *Limits, a Arrival, now time.Duration) Reason {
	if limit := l.ConnectionsPerAddress; limit > 0 {
		if !g.addresses.enterOpen(group(a.Address), limit) {
			return ConnectionsOfAddress
		}
		t.counted |= inAddress
	}
	if l.AcceptRate > 0 && !g.pace.allow(l.AcceptRate, now) {
		return AcceptRate
	}
	if !a.Newcomer {
		return None
	}
	if g.newcomers >= int64(l.Newcomers) {
		return Newcomers
	}
	limit := l.NewcomersPerAddress
	if l.Share && !mayHave(g.addresses.of[group(a.Address)].newcomers, g.newcomers,
		int64(l.Newcomers)) {
		return NewcomersOfAddress
	}
	g.newcomers++
	t.counted |= inNewcomers
	if limit > 0 || l.Share {
		if !g.addresses.enterNew(group(a.Address), limit) {
			return NewcomersOfAddress
		}
		t.counted |= inNewcomersOfAddress
	}
	return None
}

// place takes a place among the open connections, or one of the margin. mu is held.
func (g *Gate) place(t *Ticket, l *Limits) Reason {
	if g.open-g.refused >= int64(l.Connections) {
		if g.refused >= RefusalMargin {
			return Connections
		}
		g.refused++
		t.counted |= inRefused
	}
	g.open++
	t.counted |= inOpen
	g.peak = max(g.peak, g.open)
	return None
}

// Unsettle makes a connection a newcomer again, because it must still authenticate. It is counted
// whatever the limits are, since it has its place already, and thereby keeps out others.
// Idempotent.
func (g *Gate) Unsettle(l *Limits, t *Ticket) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t.counted&inOpen == 0 || t.counted&inNewcomers != 0 {
		return
	}
	g.newcomers++
	t.counted |= inNewcomers
	if l.NewcomersPerAddress > 0 || l.Share {
		g.addresses.enterNew(group(t.address), 0)
		t.counted |= inNewcomersOfAddress
	}
}

// Settle ends a connection's time as a newcomer, because it has authenticated, or because its
// CONNECT was accepted and that is enough. Idempotent.
func (g *Gate) Settle(t *Ticket) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.settle(t)
}

// settle is Settle. mu is held.
func (g *Gate) settle(t *Ticket) {
	if t.counted&inNewcomers != 0 {
		g.newcomers--
	}
	if t.counted&inNewcomersOfAddress != 0 {
		g.addresses.leaveNew(group(t.address))
	}
	t.counted &^= inNewcomers | inNewcomersOfAddress
}

// Leave gives back everything that t counts. Idempotent.
func (g *Gate) Leave(t *Ticket) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.leave(t)
}

// leave is Leave. mu is held.
func (g *Gate) leave(t *Ticket) {
	g.settle(t)
	if t.counted&inOpen != 0 {
		g.open--
	}
	if t.counted&inRefused != 0 {
		g.refused--
	}
	if t.counted&inAddress != 0 {
		g.addresses.leaveOpen(group(t.address))
	}
	if t.counted&inPending != 0 {
		g.pending--
	}
	if t.counted&inPendingOfAddress != 0 {
		g.addresses.leavePending(group(t.address))
	}
	if t.counted&inTold != 0 {
		g.told--
	}
	t.counted = 0
}

// Failed notes at time now that a client of this address failed to authenticate. It ignores the
// zero Addr, because such a failure cannot be held against an address.
func (g *Gate) Failed(a netip.Addr, now time.Duration) {
	if !a.IsValid() {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.throttle.failed(group(a), now)
}
