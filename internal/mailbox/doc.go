// Package mailbox keeps the jobs of many owners and runs them on a few
// goroutines: the jobs of one owner in order and one at a time, those of
// different owners side by side. It does not know what a job is.
//
// Each owner has a Box. All owners share the Workers:
//
//	Post ──> Box ──> the owner waits in Workers ──> a goroutine calls Work
//	          ^                                          │ Take, until nothing
//	          │                                          │ is there or the turn
//	          └─── back to the end of the queue <────────┘ is over
//
// A Box is in one of two states:
//
//	idle      nothing is there                      Post says wake ─> busy
//	busy      the owner waits in Workers or runs    Take finds nothing ─> idle
//
// The one who is told to wake calls Workers.Add, and nobody else does. That is why an owner is
// never in two hands: from Add until Take finds nothing, Post does not say wake again.
//
// # Costs
//
// An idle Box has no goroutine, no buffer, and takes 32 bytes. A job in a box lies in
// an element that is used again, so that Post and Take allocate nothing.
//
// # Locks
//
// Box.mu and Workers.mu are held for memory work only. Neither is taken under
// the other, and Work is called without locks.
//
// # Reading order
//
// box.go, then workers.go.
package mailbox
