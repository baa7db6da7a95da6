// Package session keeps what outlives a connection: under which token a client may come back,
// the events that it may have missed, and whether it is there.
//
// One Session belongs to one Owner for all its life. Its connections are Peers, which come and
// go; at most one of them has the session at a time.
//
//	Start ──▶ here ──Leave──▶ away ──Resume──▶ here …
//	            │               │
//	            └──── ended ◀───┘  a final close, Doom, a gap, age, too many away, shutdown
//
// Four methods decide:
//
//   - Take counts an event that came from the client, and refuses it when another connection has
//     the session by now. Until Done, nobody else gets the session. So the events of the old
//     connection are on their way to their handlers before the new one is welcomed.
//   - Send numbers an event, keeps it in the ring, and sends it when the client is here.
//   - Resume welcomes a new connection and sends again what it missed, as one step.
//   - Leave decides, once, what the end of a connection means for its session. If the client has
//     not authenticated yet, Decide does, behind the client's events.
//
// A session may also go on in another process: see move.go.
//
// # Locks
//
// Registry.mu guards the table of tokens, Session.mu all of a session, and absent.mu the list of
// sessions whose clients are away. They are taken in this order. The methods of Peer and Owner
// say which of them are called under Session.mu: those must not call the session, and may take
// only locks that are never held while a session is called.
//
// Reading order: registry.go, session.go, resume.go, ring.go, absent.go, move.go.
package session
