// Package outgoing has one event on its way to clients: what it is, the forms in which it can
// leave, and what waits for a client that is behind. It knows no sockets, no rooms and no sessions.
// Its caller picks the receivers, names the form that each of them takes, and does the sending.
//
//	Emit ─ Event ─┬─ Encode(Binary)       protocol clients
//	              ├─ Encode(Deflated)     those of them that inflate
//	              ├─ Encode(Text)         plain clients
//	              └─ Encode(TextDeflated) plain clients with permessage-deflate
//	                   │
//	                Encoded ─┬─ Message   who seals or numbers it, and needs bytes of its own
//	                         └─ Frame     everybody else: one frame that all share
//
// Each form is encoded when the first receiver needs it, and once. An event that
// may be lost (Options.Lossy) goes to a client through its Held:
//
//	Held.Send ─┬─ not behind, nothing waits ── Line.Send at once
//	           ├─ behind, Volatile ─────────── dropped
//	           └─ behind, State or Within ──── waits ─┬─ a newer State takes its place
//	                                                  ├─ too many or too large: dropped
//	                                                  ├─ Held.Flush: too late: expired
//	                                                  └─ Held.Flush: Line.Send
//
// # Locks
//
// An Event has none: it belongs to the goroutine that emits it. Held has one per client, queue.mu.
// Line's methods are called under it, so that nothing overtakes what waits; the locks of sealing
// and of the connection come behind it. Rules.mu is a leaf that Set holds.
//
// # Reading order
//
// event.go, deflate.go and value.go for what is sent to many; single.go for what one client gets
// alone; held.go for what waits; rules.go for the options that were set for events.
package outgoing
