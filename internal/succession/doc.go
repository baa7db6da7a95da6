// Package succession is what two processes say to each other while the sessions of one, the giver,
// go on in the other, the taker:
//
//	taker                                    giver
//	  │  a client presents an unknown token    │
//	  │ ── Ask ──────────────────────────────▶ │ waits for the handlers, and lets the session go
//	  │ ◀─────────────────── Here, or None ─── │
//	  │ ◀──────────── Event, Reply, Doom … ─── │ what still comes for it there
//	  │ ── Answer ───────────────────────────▶ │ to a question that was asked there
//
// All of it goes over one connection that nobody else has, in order. It begins with a line that
// names the version: processes that do not speak the same one say nothing further, and no session
// moves. The rest is encoding/gob, which skips fields that one side does not know.
//
// What waits to be written is bounded. Beyond that events are lost, and the taker is told how many.
//
// # Locks
//
// Line.mu, Giver.mu and Taker.mu are leaves. Line.mu is taken under that of a session.
//
// Read message.go, line.go, then giver.go, mover.go and taker.go.
package succession
