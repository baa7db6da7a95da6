// Package admission decides who is let in. It knows addresses, counts and times, and nothing of
// HTTP or WebSocket: its caller turns a verdict into an answer and increments the counters.
//
// # The way of a connection
//
//	Arrive ─┬─ Later, Full  too many have not sent their request
//	        └─ Admitted     a pending connection, until its Ticket leaves
//	Admit ─┬─ Throttled   its address failed to authenticate too often
//	       ├─ Later       a limit is reached; the client comes back
//	       ├─ Full        it takes a place and is told in the protocol that there is none
//	       └─ Admitted    it takes a place
//	             │
//	          Settle      it has authenticated: no newcomer any more (Unsettle: it must again)
//	             │
//	           Leave      the connection is gone, in any state; also after Full
//
// A Ticket is what the gate counted for one connection. Leave gives exactly that
// back, whatever the limits are by then, because they may change between calls.
//
// # Locks
//
// Gate.mu, and no other. Nothing is called under it, and it is held for work that
// does not grow with the number of connections or addresses.
//
// # Reading order
//
// verdict.go and gate.go, then what the gate asks, in the order in which it asks: throttle.go,
// places.go (addresses), pace.go. keys.go and address.go stand alone.
package admission
