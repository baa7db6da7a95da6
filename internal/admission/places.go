package admission

import "net/netip"

// addresses counts connections by address. An address without connections is
// not in it. The gate's lock guards it.
type addresses struct {
	of map[netip.Addr]places // by group
}

// places are the connections of one address.
type places struct{ open, newcomers, pending int32 }

// enterOpen counts a connection of a group, unless it has limit of them already.
func (x *addresses) enterOpen(a netip.Addr, limit int) bool {
	p := x.of[a]
	if int(p.open) >= limit {
		return false
	}
	p.open++
	x.set(a, p)
	return true
}

// enterPending counts a connection of a group that has not sent its request.
func (x *addresses) enterPending(a netip.Addr) {
	p := x.of[a]
	p.pending++
	x.set(a, p)
}

func (x *addresses) leavePending(a netip.Addr) {
	p := x.of[a]
	p.pending--
	x.set(a, p)
}

// enterNew counts a newcomer of a group, unless it has limit of them already; 0 = no limit.
func (x *addresses) enterNew(a netip.Addr, limit int) bool {
	p := x.of[a]
	if limit > 0 && int(p.newcomers) >= limit {
		return false
	}
	p.newcomers++
	x.set(a, p)
	return true
}

func (x *addresses) leaveOpen(a netip.Addr) {
	p := x.of[a]
	p.open--
	x.set(a, p)
}

func (x *addresses) leaveNew(a netip.Addr) {
	p := x.of[a]
	p.newcomers--
	x.set(a, p)
}

// set stores the places of a group, or forgets a group that has none.
func (x *addresses) set(a netip.Addr, p places) {
	if p == (places{}) {
		delete(x.of, a)
		return
	}
	if x.of == nil {
		x.of = make(map[netip.Addr]places)
	}
	x.of[a] = p
}

// group is the unit in which addresses are counted: an IPv4 address, or the /64
// of an IPv6 one, because a single subscriber has all of that. ::1 is alone, because Unknown would
// count with it otherwise.
func group(a netip.Addr) netip.Addr {
	if a.Is6() && !a.IsLoopback() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}
